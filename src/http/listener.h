#pragma once
// What servers on Unix and TCP sockets have in common: the I/O thread, accepting, counting, stopping.
#include <fmt/format.h>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <map>
#include <thread>

#include "base/log.h"
#include "base/thread_name.h"
#include "http/connection.h"

namespace rowledger::http {

// How long connections may take to finish their answers once the server stops.
constexpr auto kStopPatience = std::chrono::seconds(2);

template <class Protocol>
class Listener : public Server {
 public:
  Listener(Handler handler, const ServerLimits& limits) : core_(std::move(handler), limits) {
    core_.on_end = [this](Connection* connection) { forget(connection); };
  }

  void wake() override {
    // Many calls while one is waiting are one.
    if (woken_.exchange(true)) return;
    boost::asio::post(core_.io, [this] {
      woken_ = false;
      for (const auto& connection : snapshot()) connection->wake();
    });
  }

 protected:
  using Socket = typename Protocol::socket;
  using error_code = boost::system::error_code;

  // Whose connection this is, to count it by; empty: not counted.
  virtual std::string network_of(const Socket& socket) const = 0;
  virtual std::shared_ptr<Connection> make(Socket socket) = 0;
  // True when a refusal can be read as it is.
  virtual bool speaks_plainly() const { return true; }

  // The acceptor is bound and listens.
  void run() {
    accept();
    thread_ = std::thread([this] {
      name_this_thread("http");
      core_.io.run();
    });
  }
  // By the destructor of what derives, before its own members go.
  void stop();

  ServerCore core_;
  boost::asio::basic_socket_acceptor<Protocol> acceptor_{core_.io};

 private:
  struct Held {
    std::shared_ptr<Connection> connection;
    std::string network;
  };

  std::vector<std::shared_ptr<Connection>> snapshot() const {
    std::vector<std::shared_ptr<Connection>> out;
    out.reserve(connections_.size());
    for (const auto& [raw, held] : connections_) out.push_back(held.connection);
    return out;
  }

  void forget(Connection* connection) {
    const auto held = connections_.find(connection);
    if (held == connections_.end()) return;
    const auto network = networks_.find(held->second.network);
    if (network != networks_.end() && --network->second == 0) networks_.erase(network);
    connections_.erase(held);
    if (core_.stopping && connections_.empty()) stop_timer_.cancel();
  }

  void accept();
  void take(Socket socket);
  void refuse(Socket socket) const;

  std::atomic<bool> woken_ = false;
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_ =
      boost::asio::make_work_guard(core_.io);
  boost::asio::steady_timer stop_timer_{core_.io}, retry_timer_{core_.io};
  // I/O thread:
  std::map<Connection*, Held> connections_;
  std::map<std::string, size_t, std::less<>> networks_;
  std::thread thread_;
};

template <class Protocol>
void Listener<Protocol>::stop() {
  core_.stopping = true;
  if (thread_.joinable()) {
    boost::asio::post(core_.io, [this] {
      error_code ignored;
      acceptor_.close(ignored);
      // begin_stop() may end the connection and take it out of the map.
      for (const auto& connection : snapshot()) connection->begin_stop();
    });
  }
  core_.pool.join();
  core_.stream_pool.join();
  core_.live_pool.join();
  if (!thread_.joinable()) return;
  boost::asio::post(core_.io, [this] {
    if (connections_.empty()) return;
    stop_timer_.expires_after(kStopPatience);
    stop_timer_.async_wait([this](error_code) {
      for (const auto& connection : snapshot()) connection->close();
    });
  });
  work_.reset();
  thread_.join();
}

template <class Protocol>
void Listener<Protocol>::accept() {
  acceptor_.async_accept([this](error_code error, Socket socket) {
    if (core_.stopping || error == boost::asio::error::operation_aborted) return;
    if (error) {
      // Out of file descriptors, most likely: trying again at once would only burn time.
      log::warning("cannot accept a connection: {}", error.message());
      retry_timer_.expires_after(std::chrono::milliseconds(100));
      retry_timer_.async_wait([this](error_code ignored) {
        if (!ignored) accept();
      });
      return;
    }
    take(std::move(socket));
    accept();
  });
}

template <class Protocol>
void Listener<Protocol>::take(Socket socket) {
  if (connections_.size() >= core_.limits.connections) return refuse(std::move(socket));
  std::string network = network_of(socket);
  if (!network.empty() && ++networks_[network] > core_.limits.connections_per_network) {
    --networks_[network];
    return refuse(std::move(socket));
  }
  auto connection = make(std::move(socket));
  connections_.emplace(connection.get(), Held{connection, std::move(network)});
  connection->start();
}

template <class Protocol>
void Listener<Protocol>::refuse(Socket socket) const {
  if (!speaks_plainly()) return;
  static constexpr std::string_view kBody =
      R"({"type":"about:blank","title":"Service Unavailable","status":503,"detail":"too many connections, try again"})";
  static const std::string answer = fmt::format(
      "HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/problem+json\r\n"
      "Content-Length: {}\r\nRetry-After: 5\r\nConnection: close\r\n\r\n{}",
      kBody.size(), kBody);
  error_code ignored;
  socket.non_blocking(true, ignored);
  socket.write_some(boost::asio::buffer(answer), ignored);
}

}  // namespace rowledger::http
