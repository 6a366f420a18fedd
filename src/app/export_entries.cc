#include "app/export_entries.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <thread>

#include "api/json_view.h"
#include "api/json_writer.h"
#include "app/client.h"
#include "app/progress_bar.h"
#include "app/terminal.h"
#include "app/tlog_export.h"
#include "base/crypto.h"
#include "base/write_all.h"

namespace rowledger::app {
namespace {

using api::JsonView;

constexpr auto kLookAgain = std::chrono::milliseconds(100);
constexpr int kAttempts = 5;

// Waits for the export; its last state.
Result<std::string> order(Client& client, const ExportOptions& options, ProgressBar& bar) {
  api::JsonWriter json;
  json.text("format", options.format).text("q", options.query).boolean("all", options.all);
  RL_ASSIGN(std::string state, client.post("/v1/exports", json.boolean("images", options.images).finish()));
  const std::string target = "/v1/exports/" + JsonView(state)["id"].text();
  while (true) {
    const JsonView view(state);
    const std::string phase = view["state"].text();
    if (phase == "done") return state;
    if (phase == "failed") return fail(ErrorCode::kUnavailable, "the export failed: " + view["problem"].text());
    bar.show("exporting", static_cast<uint64_t>(std::stod(std::string(view["progress"].raw())) * 1'000), 1'000);
    std::this_thread::sleep_for(kLookAgain);
    RL_ASSIGN(state, client.get(target));
  }
}

// Where the bytes go: a new file for its owner only, or standard output.
class Sink {
 public:
  Status open(const std::filesystem::path& path) {
    path_ = path;
    if (path.empty()) return {};
    fd_ = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd_ >= 0) return {};
    return fail(errno == EEXIST ? ErrorCode::kInvalid : ErrorCode::kIo,
                fmt::format("cannot make {}: {}", path.string(), std::strerror(errno)));
  }
  ~Sink() {
    if (fd_ >= 0 && fd_ != STDOUT_FILENO) ::close(fd_);
  }

  bool write(std::string_view bytes) {
    hash_.update(bytes);
    written_ += bytes.size();
    if (write_all(fd_, bytes)) return true;
    error_ = errno;
    return false;
  }
  uint64_t written() const { return written_; }
  // A reader of standard output that goes away (`| head`) is no failure.
  bool reader_gone() const { return error_ == EPIPE && path_.empty(); }
  Status status() const {
    if (error_ == 0 || reader_gone()) return {};
    return fail(ErrorCode::kIo, fmt::format("cannot write {}: {}", path_.empty() ? "standard output" : path_.string(),
                                            std::strerror(error_)));
  }
  std::string sha256() { return to_hex(as_view(hash_.finish())); }

 private:
  std::filesystem::path path_;
  int fd_ = STDOUT_FILENO;
  int error_ = 0;
  uint64_t written_ = 0;
  Sha256 hash_;
};

// A connection that breaks is made again, and goes on where it broke.
Status fetch(Client& client, const std::string& target, uint64_t bytes, Sink& sink, ProgressBar& bar) {
  for (int attempt = 1;; ++attempt) {
    const uint64_t before = sink.written();
    Status done = client.download(target, before, [&](std::string_view piece) {
      bar.show("fetching", sink.written(), bytes);
      return sink.write(piece);
    });
    RL_TRY(sink.status());
    if (sink.reader_gone() || sink.written() >= bytes) return {};
    if (sink.written() > before) attempt = 0;
    if (done) return fail(ErrorCode::kCorrupt, "the daemon sent less than it had said");
    if (done.error().code != ErrorCode::kUnavailable || attempt == kAttempts) return done;
    std::this_thread::sleep_for(kLookAgain * (attempt + 1));
  }
}

}  // namespace

Status export_entries(const ExportOptions& options) {
  std::error_code ignored;
  if (std::filesystem::exists(options.output, ignored))
    return fail(ErrorCode::kInvalid, fmt::format("{} exists already", options.output.string()));
  RL_ASSIGN(const auto workspace, Workspace::load(options.directory));
  Client client(workspace);
  ProgressBar bar;
  auto ordered = order(client, options, bar);
  bar.clear();
  if (!ordered) return fail(std::move(ordered.error()));
  const JsonView state(*ordered);
  const std::string target = "/v1/exports/" + state["id"].text();
  const uint64_t bytes = std::stoull(std::string(state["bytes"].raw()));
  Sink sink;
  RL_TRY(sink.open(options.output));
  // An empty file has no part that could be asked for.
  const Status fetched = bytes == 0 ? Status() : fetch(client, target + "/data", bytes, sink, bar);
  bar.clear();
  RL_TRY(fetched);
  if (sink.reader_gone()) return {};
  if (sink.sha256() != state["sha256"].text())
    return fail(ErrorCode::kCorrupt, "what arrived is not what was exported: its checksum is another one");
  if (options.output.empty()) return {};
  RL_ASSIGN(const std::string manifest, client.get(target + "/manifest"));
  auto manifest_file = options.output;
  manifest_file += ".manifest";
  RL_TRY(write_new_file(manifest_file, manifest, 0600));
  fmt::print("Wrote {}: {} entries, {}. What is in it is signed in {}.\n", options.output.string(),
             show_number(std::stoull(std::string(state["entries"].raw()))), show_bytes(static_cast<double>(bytes)),
             manifest_file.string());
  return {};
}

}  // namespace rowledger::app
