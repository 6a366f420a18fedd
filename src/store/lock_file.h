#pragma once
// Who has a data directory: one writer, or any number of readers.
#include <filesystem>
#include <memory>

#include "base/result.h"

namespace rowledger::store {

class LockFile {
 public:
  // kConflict, naming the holder, when another process (or another store of this one) has it.
  static Result<std::unique_ptr<LockFile>> take(const std::filesystem::path& directory, bool exclusive);
  ~LockFile();
  LockFile(const LockFile&) = delete;
  LockFile& operator=(const LockFile&) = delete;

 private:
  explicit LockFile(int fd) : fd_(fd) {}
  const int fd_;
};

}  // namespace rowledger::store
