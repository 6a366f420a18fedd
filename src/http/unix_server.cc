#include <fmt/format.h>
#include <pwd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <boost/asio/local/stream_protocol.hpp>
#include <cerrno>

#include "http/listener.h"
#include "http/socket_path.h"

namespace rowledger::http {
namespace {

namespace net = boost::asio;
using Protocol = net::local::stream_protocol;
using boost::system::error_code;

std::string user_name(uid_t uid) {
  passwd entry{};
  passwd* found = nullptr;
  std::string buffer(16 << 10, '\0');
  if (::getpwuid_r(uid, &entry, buffer.data(), buffer.size(), &found) != 0 || found == nullptr) return {};
  return entry.pw_name;
}

Peer peer_of(Protocol::socket& socket) {
  Peer peer;
  peer.local = true;
  ucred credentials{};
  socklen_t size = sizeof credentials;
  if (::getsockopt(socket.native_handle(), SOL_SOCKET, SO_PEERCRED, &credentials, &size) == 0) {
    peer.uid = credentials.uid;
    peer.user = user_name(credentials.uid);
  }
  return peer;
}

// Removes the socket that a server which is no more has left; refuses what is anything else.
Status clear_the_way(const std::filesystem::path& shown, const SocketPath& path) {
  struct stat info {};
  if (::lstat(path.usable().c_str(), &info) != 0) return {};
  if (!S_ISSOCK(info.st_mode))
    return fail(ErrorCode::kConflict, fmt::format("{} is in the way and is no socket: move it away", shown.string()));
  net::io_context context;
  Protocol::socket probe(context);
  error_code error;
  probe.connect(Protocol::endpoint(path.usable()), error);
  if (!error) return fail(ErrorCode::kConflict, fmt::format("another process serves {} already", shown.string()));
  if (error != boost::system::errc::connection_refused)
    return fail(ErrorCode::kIo, fmt::format("cannot look at the socket {}: {}", shown.string(), error.message()));
  ::unlink(path.usable().c_str());
  return {};
}

class UnixServer final : public Listener<Protocol> {
 public:
  UnixServer(Handler handler, const ServerLimits& limits, SocketPath path)
      : Listener(std::move(handler), limits), path_(std::move(path)) {}

  Status open(const std::filesystem::path& shown) {
    error_code error;
    acceptor_.open(Protocol(), error);
    if (!error) acceptor_.bind(Protocol::endpoint(path_.usable()), error);
    // Nobody can connect before listen(), so that the permissions hold from the first moment on.
    if (!error && ::chmod(path_.usable().c_str(), 0600) != 0) error.assign(errno, boost::system::system_category());
    if (!error) acceptor_.listen(net::socket_base::max_listen_connections, error);
    if (error) return fail(ErrorCode::kIo, fmt::format("cannot listen on {}: {}", shown.string(), error.message()));
    struct stat info {};
    if (::lstat(path_.usable().c_str(), &info) == 0) inode_ = info.st_ino;
    run();
    return {};
  }

  ~UnixServer() override {
    stop();
    struct stat info {};
    if (inode_ != 0 && ::lstat(path_.usable().c_str(), &info) == 0 && info.st_ino == inode_)
      ::unlink(path_.usable().c_str());
  }

  uint16_t port() const override { return 0; }
  Status reload_certificate() override { return {}; }

 private:
  std::string network_of(const Socket&) const override { return {}; }
  std::shared_ptr<Connection> make(Socket socket) override {
    Peer peer = peer_of(socket);
    return make_connection(core_, std::move(socket), std::move(peer));
  }

  const SocketPath path_;
  ino_t inode_ = 0;
};

}  // namespace

Peer this_process() {
  Peer out;
  out.local = true;
  out.user = user_name(::geteuid());
  return out;
}

Result<std::unique_ptr<Server>> Server::listen_unix(const std::filesystem::path& socket, Handler handler,
                                                    const ServerLimits& limits) {
  RL_ASSIGN(SocketPath path, SocketPath::resolve(socket));
  RL_TRY(clear_the_way(socket, path));
  auto server = std::make_unique<UnixServer>(std::move(handler), limits, std::move(path));
  RL_TRY(server->open(socket));
  return server;
}

}  // namespace rowledger::http
