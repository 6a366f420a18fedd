#pragma once
// TLS over a TCP socket, made for connections that wait for hours: OpenSSL reads and writes the socket itself and gives
// its buffers back while they are empty (SSL_MODE_RELEASE_BUFFERS). boost::asio::ssl::stream keeps some 70 KB for each
// connection: its own two buffers, and those of a pair of BIOs.
//
// A stream for Boost.Beast (AsyncReadStream, AsyncWriteStream) with the timeouts of beast::tcp_stream. One read and one
// write may be under way at a time. Lives on one thread.
#include <openssl/ssl.h>

#include <algorithm>
#include <boost/asio/compose.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <memory>
#include <string>
#include <utility>

namespace rowledger::http {

class TlsStream {
 public:
  using Socket = boost::asio::ip::tcp::socket;
  using executor_type = Socket::executor_type;
  using error_code = boost::system::error_code;

  TlsStream(Socket socket, boost::asio::ssl::context& context)
      : state_(std::make_shared<State>(std::move(socket), context)) {}

  executor_type get_executor() { return state_->socket.get_executor(); }
  Socket& socket() { return state_->socket; }
  // How long what is begun from now on may take; then the socket is closed. Never has no end.
  void expires_after(std::chrono::milliseconds time) { state_->deadline = Clock::now() + time; }
  void expires_never() { state_->deadline = Clock::time_point::max(); }
  void close() { state_->close(); }

  // The completions are called with (error_code, size_t), as reads and writes are; the size means nothing.
  template <class Token>
  auto async_handshake(Token&& token) {
    return start(std::forward<Token>(token), state_->read_timer, [](SSL* ssl) { return ::SSL_accept(ssl); });
  }
  // Says that this is the end; does not wait for the client to say so, too.
  template <class Token>
  auto async_shutdown(Token&& token) {
    return start(std::forward<Token>(token), state_->write_timer,
                 [](SSL* ssl) { return ::SSL_shutdown(ssl) >= 0 ? 1 : -1; });
  }
  template <class Buffers, class Token>
  auto async_read_some(const Buffers& buffers, Token&& token) {
    const boost::asio::mutable_buffer into = first_of<boost::asio::mutable_buffer>(buffers);
    return start(std::forward<Token>(token), state_->read_timer,
                 [into](SSL* ssl) { return ::SSL_read(ssl, into.data(), as_int(into.size())); });
  }
  template <class Buffers, class Token>
  auto async_write_some(const Buffers& buffers, Token&& token) {
    boost::asio::const_buffer first = first_of<boost::asio::const_buffer>(buffers);
    std::string together;  // a head and a short body leave as one record
    if (first.size() < kRecordBytes && first.size() < boost::asio::buffer_size(buffers)) {
      together.resize(kRecordBytes);
      together.resize(boost::asio::buffer_copy(boost::asio::buffer(together), buffers));
      first = {};
    }
    return start(std::forward<Token>(token), state_->write_timer, [first, together = std::move(together)](SSL* ssl) {
      if (together.empty()) return ::SSL_write(ssl, first.data(), as_int(first.size()));
      return ::SSL_write(ssl, together.data(), as_int(together.size()));
    });
  }

 private:
  using Clock = std::chrono::steady_clock;
  static constexpr size_t kRecordBytes = SSL3_RT_MAX_PLAIN_LENGTH;

  enum class Wants { kNothing, kRead, kWrite };
  struct State : std::enable_shared_from_this<State> {
    State(Socket socket, boost::asio::ssl::context& context);
    SSL* begin() const;  // of a call of OpenSSL; look_at() says how it went
    Wants look_at(int result, error_code& error, size_t& size) const;

    // Closes the socket then, unless the timer has been set anew.
    void watch(boost::asio::steady_timer& timer, Clock::time_point at);
    void close();

    Socket socket;
    boost::asio::steady_timer read_timer, write_timer;
    Clock::time_point deadline = Clock::time_point::max();  // of what is begun next
    const std::unique_ptr<SSL, decltype(&::SSL_free)> ssl;
  };

  // Calls OpenSSL until it has what it wants of the socket.
  template <class Call>
  struct Operation {
    std::shared_ptr<State> state;
    Call call;
    boost::asio::steady_timer& timer;  // of the state
    const Clock::time_point deadline = state->deadline;
    bool has_waited = false, is_done = false;
    error_code error{};
    size_t size = 0;

    template <class Self>
    void operator()(Self& self, error_code waiting = {}) {
      if (is_done) return self.complete(error, size);
      Wants wants = Wants::kNothing;
      error = waiting;
      if (!error && !state->socket.is_open()) error = boost::asio::error::bad_descriptor;
      if (!error) wants = state->look_at(call(state->begin()), error, size);
      Socket& socket = state->socket;
      if (wants == Wants::kNothing) {
        is_done = true;
        if (has_waited) {
          timer.expires_at(Clock::time_point::max());
          return self.complete(error, size);
        }
        // Nobody is called back from inside of what he calls.
        boost::asio::post(socket.get_executor(), std::move(self));
        return;
      }
      if (!std::exchange(has_waited, true)) state->watch(timer, deadline);
      socket.async_wait(wants == Wants::kRead ? Socket::wait_read : Socket::wait_write, std::move(self));
    }
  };

  template <class Token, class Call>
  auto start(Token&& token, boost::asio::steady_timer& timer, Call call) {
    return boost::asio::async_compose<Token, void(error_code, size_t)>(Operation<Call>{state_, std::move(call), timer},
                                                                       token, state_->socket);
  }

  template <class Buffer, class Buffers>
  static Buffer first_of(const Buffers& buffers) {
    const auto end = boost::asio::buffer_sequence_end(buffers);
    for (auto at = boost::asio::buffer_sequence_begin(buffers); at != end; ++at)
      if (const Buffer each(*at); each.size() > 0) return each;
    return {};
  }
  static int as_int(size_t size) { return static_cast<int>(std::min<size_t>(size, 1 << 30)); }

  std::shared_ptr<State> state_;
};

}  // namespace rowledger::http
