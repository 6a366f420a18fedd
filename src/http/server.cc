#include <fmt/format.h>
#include <pwd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cerrno>
#include <cstring>
#include <map>
#include <thread>

#include "base/log.h"
#include "http/connection.h"
#include "http/http.h"
#include "http/socket_path.h"

namespace rowledger::http {
namespace {

namespace net = boost::asio;
using Protocol = net::local::stream_protocol;
using boost::system::error_code;

// How long connections may take to finish their answers once the server stops.
constexpr auto kStopPatience = std::chrono::seconds(2);

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

class UnixServer final : public Server {
 public:
  UnixServer(Handler handler, const ServerLimits& limits, SocketPath path)
      : core_(std::move(handler), limits), path_(std::move(path)) {
    core_.on_end = [this](Connection* connection) {
      connections_.erase(connection);
      if (core_.stopping && connections_.empty()) stop_timer_.cancel();
    };
  }

  Status open(const std::filesystem::path& shown) {
    error_code error;
    acceptor_.open(Protocol(), error);
    if (!error) acceptor_.bind(Protocol::endpoint(path_.usable()), error);
    // Nobody can connect before listen(), so that the permissions hold from the first moment on.
    if (!error && ::chmod(path_.usable().c_str(), 0600) != 0) error.assign(errno, boost::system::system_category());
    if (!error) acceptor_.listen(net::socket_base::max_listen_connections, error);
    if (error) {
      core_.pool.join();
      return fail(ErrorCode::kIo, fmt::format("cannot listen on {}: {}", shown.string(), error.message()));
    }
    struct stat info {};
    if (::lstat(path_.usable().c_str(), &info) == 0) inode_ = info.st_ino;
    accept();
    thread_ = std::thread([this] { core_.io.run(); });
    return {};
  }

  ~UnixServer() override {
    if (!thread_.joinable()) return;
    core_.stopping = true;
    net::post(core_.io, [this] {
      error_code ignored;
      acceptor_.close(ignored);
      // begin_stop() may end the connection and take it out of the map.
      for (const auto& connection : snapshot()) connection->begin_stop();
    });
    core_.pool.join();
    net::post(core_.io, [this] {
      if (connections_.empty()) return;
      stop_timer_.expires_after(kStopPatience);
      stop_timer_.async_wait([this](error_code) {
        for (const auto& connection : snapshot()) connection->close();
      });
    });
    work_.reset();
    thread_.join();
    remove_socket();
  }

  void wake() override {
    // Many calls while one is waiting are one.
    if (woken_.exchange(true)) return;
    net::post(core_.io, [this] {
      woken_ = false;
      for (const auto& connection : snapshot()) connection->wake();
    });
  }

 private:
  std::vector<std::shared_ptr<Connection>> snapshot() const {
    std::vector<std::shared_ptr<Connection>> out;
    out.reserve(connections_.size());
    for (const auto& [raw, connection] : connections_) out.push_back(connection);
    return out;
  }

  void accept() {
    acceptor_.async_accept([this](error_code error, Protocol::socket socket) {
      if (core_.stopping || error == net::error::operation_aborted) return;
      if (error) {
        // Out of file descriptors, most likely: trying again at once would only burn time.
        log::warning("cannot accept a connection: {}", error.message());
        retry_timer_.expires_after(std::chrono::milliseconds(100));
        retry_timer_.async_wait([this](error_code ignored) {
          if (!ignored) accept();
        });
        return;
      }
      if (connections_.size() < core_.limits.connections) {
        Peer peer = peer_of(socket);
        auto connection = make_connection(core_, std::move(socket), std::move(peer));
        connections_.emplace(connection.get(), connection);
        connection->start();
      } else {
        refuse(std::move(socket));
      }
      accept();
    });
  }

  static void refuse(Protocol::socket socket) {
    static constexpr std::string_view kBody =
        R"({"type":"about:blank","title":"Service Unavailable","status":503,"detail":"too many connections, try again"})";
    static const std::string answer = fmt::format(
        "HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/problem+json\r\n"
        "Content-Length: {}\r\nConnection: close\r\n\r\n{}",
        kBody.size(), kBody);
    error_code ignored;
    socket.non_blocking(true, ignored);
    socket.write_some(net::buffer(answer), ignored);
  }

  void remove_socket() const {
    struct stat info {};
    if (::lstat(path_.usable().c_str(), &info) == 0 && info.st_ino == inode_) ::unlink(path_.usable().c_str());
  }

  ServerCore core_;
  const SocketPath path_;
  ino_t inode_ = 0;
  std::atomic<bool> woken_ = false;
  net::executor_work_guard<net::io_context::executor_type> work_ = net::make_work_guard(core_.io);
  Protocol::acceptor acceptor_{core_.io};
  net::steady_timer stop_timer_{core_.io}, retry_timer_{core_.io};
  std::map<Connection*, std::shared_ptr<Connection>> connections_;  // I/O thread
  std::thread thread_;
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
