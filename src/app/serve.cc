#include <fmt/format.h>
#include <signal.h>

#include <atomic>
#include <csignal>
#include <thread>

#include "api/export_manifest.h"
#include "api/persons_rights.h"
#include "app/verbs.h"
#include "app/version.h"
#include "app/workspace.h"
#include "base/json_text.h"
#include "base/log.h"
#include "capture/capture.h"

namespace rowledger::app {
namespace {

// SIGTERM and SIGINT, held back from every thread and waited for by this one.
class StopSignals {
 public:
  // Before any thread is made: they inherit what is blocked.
  StopSignals() {
    ::sigemptyset(&set_);
    ::sigaddset(&set_, SIGTERM);
    ::sigaddset(&set_, SIGINT);
    ::pthread_sigmask(SIG_BLOCK, &set_, nullptr);
  }
  void wait() const {
    int which = 0;
    while (::sigwait(&set_, &which) != 0) {
    }
  }

 private:
  sigset_t set_;
};

// Tells the server when the log has grown, so that live streams go on.
class Feed {
 public:
  Feed(const store::Store& store, http::Server& server)
      : thread_([this, &store, &server] {
          constexpr int kLookForStopMs = 200;
          for (Seq seen = store.end(); !stop_;) {
            const Seq end = store.wait_beyond(seen, kLookForStopMs);
            if (end > seen) server.wake();
            seen = end;
          }
        }) {}
  ~Feed() {
    stop_ = true;
    thread_.join();
  }

 private:
  std::atomic<bool> stop_ = false;
  std::thread thread_;
};

// Neither start nor end waits long for a full disk: the first is written when there is room, the last may be missing.
constexpr int kNoteWaitMs = 1'000;

void note(capture::Capture& capture, std::string_view event) {
  const std::string detail = json_object({{"event", event}, {"version", kVersion}});
  record::Entry entry;
  entry.header.kind = record::EntryKind::kControl;
  entry.body.detail = detail;
  const Status noted = capture.append({&entry, 1}, kNoteWaitMs);
  if (!noted) log::warning("the {} is not in the log yet: {}", event, noted.error().message);
}

Status serve(const Workspace& workspace, const StopSignals& signals) {
  RL_TRY(workspace.refuse_beside_daemon());
  RL_ASSIGN(const auto store, workspace.open_to_write());
  if (store->cursor().system_id == 0)
    return fail(ErrorCode::kConflict,
                "this directory is not attached to its database yet: run `rowledger attach` first");
  std::error_code error;
  std::filesystem::create_directories(workspace.directory / "spool", error);

  const auto capture = capture::Capture::create(workspace.capture_settings(), *store);
  RL_TRY(capture->finish_erasures());
  const auto access = api::make_access_log(*capture);
  if (const Status taken = api::take_over_offline_access(workspace.offline_access(), *capture, kNoteWaitMs); !taken)
    log::warning("what was read without the daemon is not in the log yet: {}", taken.error().message);
  RL_ASSIGN(const auto exports, api::ExportSpool::open({.directory = workspace.directory / "exports"},
                                                       api::make_export_signer(*store, *store.signing_key)));
  auto dependencies = workspace.api_dependencies(*store, *access, capture.get());
  dependencies.keys = store.keys.get();
  dependencies.exports = exports.get();
  api::PersonsRights rights(*store, *capture, exports.get(), workspace.config.tables);
  dependencies.rights = &rights;
  const api::Api api(std::move(dependencies));
  RL_ASSIGN(auto server,
            http::Server::listen_unix(workspace.socket(),
                                      [&](const http::Request& request) { return api.handle(request); }, {}));
  note(*capture, "start");
  capture->start();
  {
    const Feed feed(*store, *server);
    log::info("rowledger {} captures {} and answers at {}", kVersion, workspace.config.source_name,
              workspace.socket().string());
    signals.wait();
    log::info("stopping");
  }
  // First, so that a baseline or a sync under way ends, for which the others wait.
  capture->stop();
  note(*capture, "stop");
  server.reset();
  log::info("stopped");
  return {};
}

}  // namespace

int run_serve(const std::filesystem::path& directory) {
  const StopSignals signals;
  const auto workspace = Workspace::load(directory);
  if (!workspace) return report_error(workspace.error());
  const Status served = serve(*workspace, signals);
  return served ? kDone : report_error(served.error());
}

}  // namespace rowledger::app
