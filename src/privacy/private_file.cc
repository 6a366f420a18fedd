#include "privacy/private_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

namespace rowledger::privacy {
namespace {

std::filesystem::path with_suffix(std::filesystem::path path, const char* suffix) { return path += suffix; }

Status overwrite_and_remove(const std::filesystem::path& path) {
  RL_ASSIGN(PrivateFile file, PrivateFile::open(path));
  RL_TRY(file.overwrite());
  if (::unlink(path.c_str()) != 0) return os_error("remove", path);
  return sync_directory(path.parent_path());
}

}  // namespace

tl::unexpected<Error> os_error(std::string_view what, const std::filesystem::path& path) {
  const int error = errno;
  const ErrorCode code = error == ENOENT   ? ErrorCode::kNotFound
                         : error == EEXIST ? ErrorCode::kConflict
                         : error == EACCES ? ErrorCode::kPermission
                                           : ErrorCode::kIo;
  return fail(code, fmt::format("cannot {} {}: {}", what, path.string(), std::strerror(error)));
}

Result<PrivateFile> PrivateFile::create(const std::filesystem::path& path) {
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd < 0) return os_error("create", path);
  return PrivateFile(fd, path);
}

Result<PrivateFile> PrivateFile::open(const std::filesystem::path& path) {
  const int fd = ::open(path.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW);
  if (fd < 0) return os_error("open", path);
  PrivateFile file(fd, path);
  struct stat info {};
  if (::fstat(fd, &info) != 0) return os_error("look at", path);
  if (!S_ISREG(info.st_mode)) return fail(ErrorCode::kInvalid, fmt::format("{} is no regular file", path.string()));
  if ((info.st_mode & 077) != 0) {
    return fail(ErrorCode::kInvalid, fmt::format("other users may read or write {}, which holds keys: chmod 600 {}",
                                                 path.string(), path.string()));
  }
  return file;
}

Result<PrivateFile> PrivateFile::open_sealed(const std::filesystem::path& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return os_error("open", path);
  return PrivateFile(fd, path);
}

Result<PrivateFile> PrivateFile::lock(const std::filesystem::path& path) {
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0) return os_error("open", path);
  PrivateFile file(fd, path);
  if (::flock(fd, LOCK_EX | LOCK_NB) == 0) return file;
  if (errno != EWOULDBLOCK) return os_error("lock", path);
  return fail(ErrorCode::kConflict, fmt::format("the keys in {} are in use by another process: stop the daemon before "
                                                "working on them",
                                                path.parent_path().string()));
}

PrivateFile::PrivateFile(PrivateFile&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)), path_(std::move(other.path_)) {}

PrivateFile& PrivateFile::operator=(PrivateFile&& other) noexcept {
  std::swap(fd_, other.fd_);
  std::swap(path_, other.path_);
  return *this;
}

PrivateFile::~PrivateFile() {
  if (fd_ >= 0) ::close(fd_);
}

Status PrivateFile::read_at(uint64_t offset, char* out, size_t n) const {
  while (n > 0) {
    const ssize_t got = ::pread(fd_, out, n, static_cast<off_t>(offset));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return os_error("read", path_);
    if (got == 0) return fail(ErrorCode::kCorrupt, fmt::format("{} is shorter than it was written", path_.string()));
    out += got;
    offset += static_cast<uint64_t>(got);
    n -= static_cast<size_t>(got);
  }
  return {};
}

Status PrivateFile::write_at(uint64_t offset, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t done = ::pwrite(fd_, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (done < 0 && errno == EINTR) continue;
    if (done < 0) return os_error("write", path_);
    bytes.remove_prefix(static_cast<size_t>(done));
    offset += static_cast<uint64_t>(done);
  }
  return {};
}

Status PrivateFile::sync() {
  if (::fdatasync(fd_) != 0) return os_error("sync", path_);
  return {};
}

Status PrivateFile::truncate(uint64_t size) {
  if (::ftruncate(fd_, static_cast<off_t>(size)) != 0) return os_error("shorten", path_);
  return {};
}

Result<uint64_t> PrivateFile::size() const {
  struct stat info {};
  if (::fstat(fd_, &info) != 0) return os_error("look at", path_);
  return static_cast<uint64_t>(info.st_size);
}

void PrivateFile::drop_cached(uint64_t offset, uint64_t n) const {
  constexpr uint64_t kPage = 64 << 10;  // whole pages only are dropped; no machine has larger ones
  const uint64_t begin = offset / kPage * kPage;
  const uint64_t end = n == 0 ? begin : (offset + n + kPage - 1) / kPage * kPage;
  static_cast<void>(
      ::posix_fadvise(fd_, static_cast<off_t>(begin), static_cast<off_t>(end - begin), POSIX_FADV_DONTNEED));
}

Status PrivateFile::overwrite() {
  RL_ASSIGN(const uint64_t end, size());
  const std::string zeros(std::min<uint64_t>(end, 1 << 20), '\0');
  for (uint64_t at = 0; at < end; at += zeros.size()) {
    RL_TRY(write_at(at, std::string_view(zeros).substr(0, std::min<uint64_t>(zeros.size(), end - at))));
  }
  return sync();
}

Status sync_directory(const std::filesystem::path& directory) {
  const int fd = ::open(directory.empty() ? "." : directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return os_error("open", directory);
  const bool synced = ::fsync(fd) == 0;
  const int error = errno;
  ::close(fd);
  errno = error;
  if (!synced) return os_error("sync", directory);
  return {};
}

// Makes the exchange before this durable, and ends what it left of the old file.
Status remove_former(const std::filesystem::path& path) {
  const auto old = with_suffix(path, ".old");
  // Before the old bytes go, the device must know the new file by its name.
  RL_TRY(sync_directory(path.parent_path()));
  struct stat present {
  }, former{};
  if (::lstat(old.c_str(), &former) != 0) return {};
  const bool same = ::lstat(path.c_str(), &present) == 0 && present.st_ino == former.st_ino;
  if (!same) return overwrite_and_remove(old);
  // Stopped before the rename: the name goes, the file stays.
  if (::unlink(old.c_str()) != 0) return os_error("remove", old);
  return sync_directory(path.parent_path());
}

// The old file keeps a second name, ".old", through the rename: were it without a name, a crash before its bytes are
// overwritten would leave them on the device where nobody can find them again.
Status replace_file(const std::filesystem::path& path) {
  const auto next = with_suffix(path, ".new"), old = with_suffix(path, ".old");
  RL_TRY(remove_former(path));
  if (::link(path.c_str(), old.c_str()) != 0 && errno != ENOENT) return os_error("link", path);
  RL_TRY(sync_directory(path.parent_path()));
  if (::rename(next.c_str(), path.c_str()) != 0) return os_error("replace", path);
  return {};
}

Status finish_replacing(const std::filesystem::path& path) {
  const auto next = with_suffix(path, ".new");
  RL_TRY(remove_former(path));
  struct stat unused {};
  if (::lstat(next.c_str(), &unused) == 0) return overwrite_and_remove(next);
  return {};
}

}  // namespace rowledger::privacy
