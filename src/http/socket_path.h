#pragma once
// A Unix socket's address holds 107 bytes of path. For a longer one the directory is opened, and the
// socket reached through /proc/self/fd.
#include <filesystem>
#include <string>

#include "base/result.h"

namespace rowledger::http {

class SocketPath {
 public:
  static Result<SocketPath> resolve(const std::filesystem::path& path);
  SocketPath(SocketPath&& other) noexcept;
  SocketPath& operator=(SocketPath&&) = delete;
  ~SocketPath();

  // Fits into a socket address; valid while this object lives.
  const std::string& usable() const { return usable_; }

 private:
  SocketPath(int directory, std::string usable) : directory_(directory), usable_(std::move(usable)) {}
  int directory_;  // -1: not needed
  std::string usable_;
};

}  // namespace rowledger::http
