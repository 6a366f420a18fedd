#include "store/lock_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>

namespace rowledger::store {

Result<std::unique_ptr<LockFile>> LockFile::take(const std::filesystem::path& directory, bool exclusive) {
  const std::filesystem::path path = directory / "rowledger.lock";
  const int fd = ::open(path.c_str(), exclusive ? O_RDWR | O_CREAT | O_CLOEXEC : O_RDONLY | O_CLOEXEC, 0600);
  if (fd < 0) return fail(ErrorCode::kIo, fmt::format("cannot open {}: {}", path.string(), std::strerror(errno)));
  auto lock = std::unique_ptr<LockFile>(new LockFile(fd));
  if (::flock(fd, (exclusive ? LOCK_EX : LOCK_SH) | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK)
      return fail(ErrorCode::kIo, fmt::format("cannot lock {}: {}", path.string(), std::strerror(errno)));
    char holder[21] = {};
    const ssize_t n = ::pread(fd, holder, sizeof(holder) - 1, 0);
    const std::string who = n > 0 ? fmt::format(" by process {}", std::string(holder, static_cast<size_t>(n))) : "";
    return fail(ErrorCode::kConflict,
                fmt::format("the data directory {} is in use{}: stop that rowledger, or ask it through its socket",
                            directory.string(), who));
  }
  if (exclusive) {
    const std::string pid = std::to_string(::getpid());
    if (::ftruncate(fd, 0) != 0 || ::pwrite(fd, pid.data(), pid.size(), 0) < 0) {
      // Only the message to a second process is poorer; a full disk must not keep the store from opening.
    }
  }
  return lock;
}

LockFile::~LockFile() { ::close(fd_); }

}  // namespace rowledger::store
