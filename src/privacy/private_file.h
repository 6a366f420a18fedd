#pragma once
// Files that hold keys: readable and writable by their owner only, written in place, synced when asked. Errors name
// the file and what the operating system said, never what is in it. An object belongs to one thread at a time, except
// that read_at may be called from any thread meanwhile.
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include "base/result.h"

namespace rowledger::privacy {

// "cannot <what> <path>: <errno as text>", with a code that fits errno.
tl::unexpected<Error> os_error(std::string_view what, const std::filesystem::path& path);

class PrivateFile {
 public:
  // A new file of mode 0600. kConflict when there is one.
  static Result<PrivateFile> create(const std::filesystem::path& path);
  // For reading and writing. kNotFound; kInvalid, with the remedy, when others may read or write it.
  static Result<PrivateFile> open(const std::filesystem::path& path);

  // For reading; for a file whose bytes are no secret.
  static Result<PrivateFile> open_sealed(const std::filesystem::path& path);
  // Makes the file when there is none, and takes it for this process until it is closed. kConflict when another has it.
  static Result<PrivateFile> lock(const std::filesystem::path& path);

  PrivateFile(PrivateFile&& other) noexcept;
  PrivateFile& operator=(PrivateFile&& other) noexcept;
  PrivateFile(const PrivateFile&) = delete;
  PrivateFile& operator=(const PrivateFile&) = delete;
  ~PrivateFile();

  // Exactly n bytes, or kCorrupt when the file ends before.
  Status read_at(uint64_t offset, char* out, size_t n) const;
  Status write_at(uint64_t offset, std::string_view bytes);
  // fdatasync: the bytes and the size are on the device when it returns.
  Status sync();
  Status truncate(uint64_t size);
  Result<uint64_t> size() const;
  // Lets the operating system forget its copy in memory of what was synced, so that the next read asks the device; n =
  // 0: to the file's end.
  void drop_cached(uint64_t offset, uint64_t n) const;
  // Zeros over every byte, synced.
  Status overwrite();

  const std::filesystem::path& path() const { return path_; }
  // After the file was renamed.
  void set_path(std::filesystem::path path) { path_ = std::move(path); }

 private:
  PrivateFile(int fd, std::filesystem::path path) : fd_(fd), path_(std::move(path)) {}
  int fd_;
  std::filesystem::path path_;
};

// Makes renames, links and removals in the directory durable.
Status sync_directory(const std::filesystem::path& directory);

// Puts `path` + ".new", which is complete and synced, in the place of `path`, and leaves what was there as ".old" for
// finish_replacing(). A crash leaves the old file or the new one, whole; doing it again goes on from there.
Status replace_file(const std::filesystem::path& path);
// Makes the exchange durable, then overwrites and removes the old file. Also ends an exchange that a crash broke off,
// whichever of the two files it left in place.
Status finish_replacing(const std::filesystem::path& path);

}  // namespace rowledger::privacy
