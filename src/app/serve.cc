#include <fmt/format.h>
#include <signal.h>
#include <sys/resource.h>

#include <atomic>
#include <condition_variable>
#include <csignal>
#include <cstdio>
#include <functional>
#include <future>
#include <mutex>
#include <thread>

#include "api/entry_of.h"
#include "api/export_manifest.h"
#include "api/persons_rights.h"
#include "app/retention.h"
#include "app/start_entry.h"
#include "app/verbs.h"
#include "app/version.h"
#include "app/workspace.h"
#include "base/json_text.h"
#include "base/log.h"
#include "base/thread_name.h"
#include "capture/capture.h"
#include "capture/source_look.h"

namespace rowledger::app {
namespace {

// SIGTERM, SIGINT and SIGHUP, held back from every thread and waited for by this one.
class StopSignals {
 public:
  // Before any thread is made: they inherit what is blocked.
  StopSignals() {
    ::sigemptyset(&set_);
    ::sigaddset(&set_, SIGTERM);
    ::sigaddset(&set_, SIGINT);
    ::sigaddset(&set_, SIGHUP);
    ::pthread_sigmask(SIG_BLOCK, &set_, nullptr);
  }
  // Until one of the first two; on_hangup: at every SIGHUP.
  void wait(const std::function<void()>& on_hangup) const {
    for (int which = 0; which != SIGTERM && which != SIGINT;)
      if (::sigwait(&set_, &which) == 0 && which == SIGHUP) on_hangup();
  }

  // False when none of those came in that time.
  bool wait_for(std::chrono::milliseconds time) const {
    const timespec patience{.tv_sec = time.count() / 1'000, .tv_nsec = time.count() % 1'000 * 1'000'000};
    const int which = ::sigtimedwait(&set_, nullptr, &patience);
    return which == SIGTERM || which == SIGINT;
  }

 private:
  sigset_t set_;
};

// Tells the server when the log has grown, so that live streams go on. At once when it was quiet; what comes quickly
// one after the other is told together, because each word wakes every stream.
class Feed {
 public:
  Feed(const store::Store& store, std::vector<http::Server*> servers)
      : thread_([this, &store, servers = std::move(servers)] {
          constexpr int kLookForStopMs = 200;
          name_this_thread("feed");
          for (Seq seen = store.end(); !stop_;) {
            const Seq end = store.wait_beyond(seen, kLookForStopMs);
            if (end <= seen) continue;
            for (http::Server* server : servers) server->wake();
            seen = end;
            std::this_thread::sleep_for(kTogether);
          }
        }) {}
  ~Feed() {
    stop_ = true;
    thread_.join();
  }

 private:
  static constexpr auto kTogether = std::chrono::milliseconds(2);
  std::atomic<bool> stop_ = false;
  std::thread thread_;
};

// Neither start nor end waits long for a full disk: the first is written when there is room, the last may be missing.
constexpr int kNoteWaitMs = 1'000;

// detail: a JSON object.
Status append_control(capture::Capture& capture, const std::string& detail, int timeout_ms) {
  record::Entry entry;
  entry.header.kind = record::EntryKind::kControl;
  entry.body.detail = detail;
  return capture.append({&entry, 1}, timeout_ms);
}

void note(capture::Capture& capture, std::string_view event, const std::string& detail) {
  const Status noted = append_control(capture, detail, kNoteWaitMs);
  if (!noted) log::warning("the {} is not in the log yet: {}", event, noted.error().message);
}

struct Servers {
  std::unique_ptr<http::Server> unix_socket, tcp;

  std::vector<http::Server*> all() const {
    std::vector<http::Server*> out{unix_socket.get()};
    if (tcp) out.push_back(tcp.get());
    return out;
  }
  void reload() const {
    if (!tcp) return;
    if (const Status done = tcp->reload_certificate(); done) {
      log::info("the certificate was read again");
    } else {
      log::error("{}; the one before stays in use", done.error().message);
    }
  }
  void stop() {
    tcp.reset();
    unix_socket.reset();
  }
};

http::ServerLimits tcp_limits(const Config& config) {
  http::ServerLimits out;
  out.connections = static_cast<size_t>(config.http_connections);
  out.connections_per_network = static_cast<size_t>(config.http_connections_per_address);
  return out;
}

// Connections need file descriptors, of which a shell gives few and the system allows many.
void raise_file_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= limit.rlim_max) return;
  limit.rlim_cur = limit.rlim_max;
  if (::setrlimit(RLIMIT_NOFILE, &limit) != 0) log::warning("cannot raise the limit of open files");
}

std::string url_of(const Config& config, uint16_t port) {
  const bool tls = !config.http_certificate.empty();
  return fmt::format("{}://{}:{}", tls ? "https" : "http", parse_listen(config.http_listen)->to_url_host(), port);
}

// On standard output, not in the program's log: it is a secret for whoever started this.
Status invite_first(people::People& people, std::string_view url) {
  RL_ASSIGN(const std::string link, people.first_link());
  if (link.empty()) return {};
  fmt::print(
      "Nobody has signed in yet. The first administrator does so here, once, within ten minutes\n"
      "(later: `rowledger user link admin`):\n{}/#/sign-in?link={}\n",
      url, link);
  std::fflush(stdout);
  return {};
}

constexpr auto kLookForKeys = std::chrono::milliseconds(2'000);
// How the source stands is looked at more rarely: each look is a connection.
constexpr unsigned kTurnsALook = 5;

// How the source stands while the keys are locked. One thread looks, the others read.
class LockedReport {
 public:
  explicit LockedReport(const std::string& why) {
    report_.phase = capture::Report::Phase::kLocked;
    problem_ = fmt::format(
        "the keys are locked: nothing is captured, and the database keeps its WAL until they can be "
        "had ({})",
        why);
  }

  void look(const capture::Settings& settings, Lsn captured, const std::function<bool()>& interrupted) {
    auto seen = capture::look_at_source(settings, captured, interrupted);
    const std::lock_guard guard(mutex_);
    report_.captured_lsn = captured;
    if (seen) {
      report_ = std::move(*seen);
    } else {
      report_.warnings = {fmt::format("what waits in the source cannot be seen: {}", seen.error().message)};
    }
  }

  capture::Report get() const {
    const std::lock_guard guard(mutex_);
    capture::Report out = report_;
    out.problem = problem_;
    return out;
  }

 private:
  mutable std::mutex mutex_;
  capture::Report report_;
  std::string problem_;
};

// Without the master key nothing can be sealed, and nothing is written in clear: the database keeps its WAL in the
// slot, which is a durable place for it already, and a bounded one where max_slot_wal_keep_size is set. What needs no
// key is answered: headers, proofs, the tree. True when the key can be had; false: told to stop.
Result<bool> serve_locked(const Workspace& workspace, const StopSignals& signals, const std::string& why) {
  log::error("{}: nothing is captured until then", why);
  RL_ASSIGN(const OpenLog store, workspace.open_to_read());
  LockedReport report(why);
  const auto access = api::make_offline_access_log(workspace.offline_access(), workspace.searched_values());
  auto dependencies = workspace.api_dependencies(*store, *access, nullptr);
  dependencies.locked = [&report] { return report.get(); };
  const api::Api api(std::move(dependencies));
  RL_ASSIGN(const auto server,
            http::Server::listen_unix(workspace.socket(),
                                      [&](const http::Request& request) { return api.handle(request); }, {}));
  bool told_to_stop = false;
  const auto is_told = [&](std::chrono::milliseconds patience) {
    return told_to_stop = told_to_stop || signals.wait_for(patience);
  };
  for (unsigned turn = 0;; ++turn) {
    if (turn % kTurnsALook == 0)
      report.look(workspace.capture_settings(), store->cursor().end_lsn, [&] { return is_told({}); });
    if (is_told(kLookForKeys)) return false;
    if (workspace.master_key()) return true;
  }
}

Status serve(const Workspace& workspace, const ServeOptions& options, const StopSignals& signals) {
  RL_TRY(workspace.refuse_beside_daemon());
  if (const auto master = workspace.master_key(); !master) {
    RL_ASSIGN(const bool unlocked, serve_locked(workspace, signals, master.error().message));
    if (!unlocked) return {};
  }
  raise_file_limit();
  const bool accepts = options.without_second_checkpoint;
  std::error_code error;
  const bool was_missing = accepts && !std::filesystem::exists(workspace.second_checkpoint(), error);
  RL_ASSIGN(const auto store, workspace.open_to_write(accepts ? store::MissingSecondPlace::kAccepted
                                                              : store::MissingSecondPlace::kRefused));
  if (store->cursor().system_id == 0)
    return fail(ErrorCode::kConflict,
                "this directory is not attached to its database yet: run `rowledger attach` first");
  std::filesystem::create_directories(workspace.directory / "spool", error);

  const auto capture = capture::Capture::create(workspace.capture_settings(), *store);
  RL_TRY(capture->finish_erasures());
  const auto access = api::make_access_log(*capture, workspace.searched_values());
  // What is written later than that would be taken over once more at the next start.
  if (const Status taken = api::take_over_offline_access(workspace.offline_access(), *capture, api::kRecordWaitMs);
      !taken)
    log::warning("what was read without the daemon is not in the log yet: {}", taken.error().message);
  RL_ASSIGN(const auto exports, api::ExportSpool::open({.directory = workspace.exports(),
                                                        .keep_s = workspace.config.export_keep_hours * 3'600},
                                                       api::make_export_signer(*store, *store.signing_key)));
  RL_TRY(capture->remove_copies([&] { return exports->discard_all(); }));
  RL_ASSIGN(const auto people, workspace.open_people([&](const std::string& detail) {
    return append_control(*capture, detail, api::kRecordWaitMs);
  }));
  const auto identity_provider = workspace.identity_provider();
  auto dependencies = workspace.api_dependencies(*store, *access, capture.get());
  dependencies.keys = store.keys.get();
  dependencies.exports = exports.get();
  api::PersonsRights rights(*store, *capture, exports.get(), workspace.config.tables,
                            retention_rules(workspace.config));
  dependencies.rights = &rights;
  privacy::KeyKeeper keeper(
      *store.keys, workspace.config.master_key_command.empty() ? workspace.master_key_file() : std::filesystem::path());
  dependencies.keeper = &keeper;
  dependencies.people = people.get();
  dependencies.identity_provider = identity_provider.get();
  std::unique_ptr<api::Api> api;  // made once the port is known; who asks before waits
  std::promise<void> ready;
  const http::Handler handler = [&api, is_ready = ready.get_future().share()](const http::Request& request) {
    is_ready.wait();
    return api->handle(request);
  };
  Servers servers;
  if (!workspace.config.http_listen.empty()) {
    auto tcp = http::Server::listen_tcp(workspace.tcp_options(), handler, tcp_limits(workspace.config));
    if (!tcp && tcp.error().code == ErrorCode::kConflict)
      tcp.error().message += ": choose another in http.listen, or with ROWLEDGER_HTTP_PORT";
    if (!tcp) return fail(std::move(tcp.error()));
    servers.tcp = std::move(*tcp);
    dependencies.http_url = url_of(workspace.config, servers.tcp->port());
  }
  const std::string public_url = dependencies.public_url.empty() ? dependencies.http_url : dependencies.public_url;
  api = std::make_unique<api::Api>(std::move(dependencies));
  ready.set_value();
  RL_ASSIGN(servers.unix_socket, http::Server::listen_unix(workspace.socket(), handler, {}));
  if (was_missing) {
    constexpr char kLost[] = "second-checkpoint-lost";
    note(*capture, kLost, json_object({{"event", kLost}, {"version", kVersion}}));
  }
  note(*capture, "start", start_detail(workspace.config, workspace.keys.ref_key, *store));
  if (const Status told = people->record_what_is_due(); !told) log::warning("{}", told.error().message);
  if (servers.tcp) RL_TRY(invite_first(*people, public_url));
  capture->start();
  auto retention = std::make_unique<Retention>(
      retention_rules(workspace.config), *capture, [&rights] { return rights.held(); }, *exports);
  {
    const Feed feed(*store, servers.all());
    log::info("rowledger {} captures {} and answers at {}{}{}", kVersion, workspace.config.source_name,
              workspace.socket().string(), servers.tcp ? " and " : "", public_url);
    signals.wait([&] { servers.reload(); });
    log::info("stopping");
  }
  // First, so that a baseline or a sync under way ends, for which the others wait.
  capture->stop();
  retention.reset();
  note(*capture, "stop", json_object({{"event", "stop"}, {"version", kVersion}}));
  servers.stop();
  log::info("stopped");
  return {};
}

}  // namespace

int run_serve(const ServeOptions& options) {
  const StopSignals signals;
  const auto workspace = Workspace::load(options.directory);
  if (!workspace) return report_error(workspace.error());
  const Status served = serve(*workspace, options, signals);
  return served ? kDone : report_error(served.error());
}

}  // namespace rowledger::app
