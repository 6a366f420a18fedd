#pragma once
// One client's connection. Lives on the server's one I/O thread; the only things that happen
// elsewhere are the handler, a streamed body and the steps of a live body, each on threads of a pool of its own.
#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/thread_pool.hpp>
#include <memory>

#include "http/http.h"

namespace rowledger::http {

class Connection {
 public:
  virtual ~Connection() = default;
  virtual void start() = 0;
  virtual void wake() = 0;  // a live body may have something new
  // Ends at the next end of an answer; idle and live ones at once.
  virtual void begin_stop() = 0;
  virtual void close() = 0;
};

// What the connections of one server share.
struct ServerCore {
  ServerCore(Handler handler_in, const ServerLimits& limits_in)
      : handler(std::move(handler_in)),
        limits(limits_in),
        pool(limits.handler_threads),
        stream_pool(limits.streams),
        live_pool(limits.live_threads) {}

  const Handler handler;
  const ServerLimits limits;
  // Before the handler, on its thread: completes what is known of the peer; an answer here is the last word.
  std::function<std::optional<Response>(Request&)> admit;
  std::atomic<bool> stopping = false;
  boost::asio::io_context io{1};
  boost::asio::thread_pool pool, stream_pool, live_pool;
  size_t streams = 0;  // under way; I/O thread
  // Called on the I/O thread when a connection has ended.
  std::function<void(Connection*)> on_end;
};

// A problem+json answer of the server itself.
Response refusal(int status, std::string_view title, std::string_view detail);

std::shared_ptr<Connection> make_connection(ServerCore& core, boost::asio::local::stream_protocol::socket socket,
                                            Peer peer);
std::shared_ptr<Connection> make_connection(ServerCore& core, boost::asio::ip::tcp::socket socket, Peer peer);
// The handshake must be done within the idle timeout.
std::shared_ptr<Connection> make_connection(ServerCore& core, boost::asio::ip::tcp::socket socket,
                                            boost::asio::ssl::context& tls, Peer peer);

}  // namespace rowledger::http
