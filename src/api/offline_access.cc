// What is read and done without a daemon, noted in a file until one runs.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <functional>

#include "api/access_log.h"
#include "api/offline_line.h"
#include "base/log.h"

namespace rowledger::api {
namespace {

// A line is one write(), so that lines of several verbs do not mix; longer ones are not written by record().
constexpr size_t kLongestLine = 64 << 10;
// What is taken over at once.
constexpr size_t kLinesPerWrite = 500;
constexpr size_t kReadPieceBytes = 64 << 10;

Error io_error(std::string_view what, const std::filesystem::path& file) {
  return {ErrorCode::kIo, fmt::format("cannot {} {}: {}", what, file.string(), std::strerror(errno))};
}

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }

 private:
  const int fd_;
};

// Root may look, too, and the daemon must be able to read it then.
void give_to_owner_of_directory(const std::filesystem::path& file, int fd) {
  struct stat directory {};
  if (::geteuid() != 0 || ::stat(file.parent_path().c_str(), &directory) != 0) return;
  if (::fchown(fd, directory.st_uid, directory.st_gid) != 0)
    log::warning("{}", io_error("give its owner", file).message);
}

Status append(const std::filesystem::path& path, std::string_view line) {
  const Descriptor file(::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (file.get() < 0) return fail(io_error("write", path));
  give_to_owner_of_directory(path, file.get());
  const ssize_t n = ::write(file.get(), line.data(), line.size());
  if (n != static_cast<ssize_t>(line.size())) return fail(io_error("write", path));
  if (::fdatasync(file.get()) != 0) return fail(io_error("sync", path));
  return {};
}

class OfflineAccessLog final : public AccessLog {
 public:
  OfflineAccessLog(std::filesystem::path file, SearchedValues values) : file_(std::move(file)), values_(values) {}

  Status record(const people::Principal& reader, const Access& access) override {
    std::string line = to_json(reader, access, values_, Timestamp::now()) + "\n";
    if (line.size() > kLongestLine)
      return fail(ErrorCode::kInvalid, "the question is too long to be recorded; ask a shorter one");
    Status written = append(file_, line);
    if (written) return {};
    return fail(std::move(written.error())
                    .with_context("nothing is shown because it cannot be noted who looked (copy the data directory to "
                                  "where you may write, and read there)"));
  }

 private:
  const std::filesystem::path file_;
  const SearchedValues values_;
};

// Hands over lines without their ends; one that is longer than any that record() writes comes in pieces.
Status for_each_line(const std::filesystem::path& file, const std::function<Status(std::string_view)>& visit) {
  const Descriptor in(::open(file.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
  if (in.get() < 0 && errno == ENOENT) return {};
  if (in.get() < 0) return fail(io_error("read", file));
  std::string text, piece(kReadPieceBytes, '\0');
  while (true) {
    const ssize_t n = ::read(in.get(), piece.data(), piece.size());
    if (n < 0) return fail(io_error("read", file));
    text.append(piece.data(), static_cast<size_t>(n));
    size_t at = 0;
    for (size_t end; (end = text.find('\n', at)) != std::string::npos; at = end + 1)
      RL_TRY(visit(std::string_view(text).substr(at, end - at)));
    text.erase(0, at);
    if ((n == 0 || text.size() > kLongestLine) && !text.empty()) {
      RL_TRY(visit(text));
      text.clear();
    }
    if (n == 0) return {};
  }
}

Status append_lines(capture::Capture& capture, const std::vector<OfflineLine>& lines, int timeout_ms) {
  if (lines.empty()) return {};
  std::vector<record::Entry> entries;
  for (const OfflineLine& line : lines) {
    record::Entry& entry = entries.emplace_back();
    entry.header.kind = line.kind;
    // Anybody who can write to the data directory can have written it.
    entry.header.trust = record::Trust::kClaimed;
    entry.body.attribution.actor_id = line.actor_id;
    entry.body.attribution.actor_name = line.actor_name;
    entry.body.detail = line.detail;
  }
  return capture.append(entries, timeout_ms);
}

}  // namespace

std::unique_ptr<AccessLog> make_offline_access_log(std::filesystem::path file, SearchedValues values) {
  return std::make_unique<OfflineAccessLog>(std::move(file), values);
}

Status note_offline_event(const std::filesystem::path& file, std::string_view detail) {
  return append(file, std::string(detail) + "\n");
}

Status take_over_offline_access(const std::filesystem::path& file, capture::Capture& capture, int timeout_ms) {
  std::vector<OfflineLine> lines;
  bool any = false;
  RL_TRY(for_each_line(file, [&](std::string_view line) -> Status {
    any = true;
    if (line.empty()) return {};
    lines.push_back(parse_offline_line(line));
    if (lines.size() < kLinesPerWrite) return {};
    RL_TRY(append_lines(capture, lines, timeout_ms));
    lines.clear();
    return {};
  }));
  RL_TRY(append_lines(capture, lines, timeout_ms));
  if (any && ::unlink(file.c_str()) != 0 && errno != ENOENT) return fail(io_error("remove", file));
  return {};
}

}  // namespace rowledger::api
