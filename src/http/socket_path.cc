#include "http/socket_path.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace rowledger::http {

Result<SocketPath> SocketPath::resolve(const std::filesystem::path& path) {
  static constexpr size_t kLongest = sizeof(sockaddr_un::sun_path) - 1;
  const std::string text = path.string();
  if (text.size() <= kLongest) return SocketPath(-1, text);

  const auto parent = path.parent_path();
  const int directory = ::open(parent.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (directory < 0) {
    return fail(errno == ENOENT ? ErrorCode::kNotFound : ErrorCode::kIo,
                fmt::format("cannot open the directory {}: {}", parent.string(), std::strerror(errno)));
  }
  SocketPath out(directory, fmt::format("/proc/self/fd/{}/{}", directory, path.filename().string()));
  if (out.usable_.size() > kLongest || ::access(fmt::format("/proc/self/fd/{}", directory).c_str(), F_OK) != 0) {
    return fail(ErrorCode::kIo, fmt::format("the socket's path {} is longer than the {} bytes that Linux allows: "
                                            "choose a data directory with a shorter path",
                                            text, kLongest));
  }
  return out;
}

SocketPath::SocketPath(SocketPath&& other) noexcept
    : directory_(std::exchange(other.directory_, -1)), usable_(std::move(other.usable_)) {}

SocketPath::~SocketPath() {
  if (directory_ >= 0) ::close(directory_);
}

}  // namespace rowledger::http
