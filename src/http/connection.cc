#include "http/connection.h"

#include <fmt/format.h>

#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/basic_stream.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/serializer.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>

#include "base/ascii.h"
#include "base/log.h"
#include "http/compress.h"
#include "http/pipe.h"
#include "http/tls_stream.h"

namespace rowledger::http {
namespace {

namespace net = boost::asio;
namespace beast = boost::beast;
using boost::system::error_code;
using Message = beast::http::response<beast::http::string_body>;
// A socket of either kind, so that all of this is compiled for two streams, not for three.
using PlainStream = beast::basic_stream<net::generic::stream_protocol>;

Response problem_of(error_code error, const ServerLimits& limits) {
  if (error == beast::http::error::header_limit) {
    return refusal(431, "Request Header Fields Too Large",
                   fmt::format("the request line and the headers may have {} bytes", limits.header_bytes));
  }
  if (error == beast::http::error::body_limit) {
    return refusal(413, "Content Too Large", fmt::format("the body may have {} bytes", limits.body_bytes));
  }
  return refusal(400, "Bad Request", "this is not an HTTP/1.1 request");
}

Response call(const ServerCore& core, Request& request) {
  try {
    auto refused = core.admit ? core.admit(request) : std::nullopt;
    Response response = refused ? std::move(*refused) : core.handler(request);
    compress(request, response);
    return response;
  } catch (const std::exception& e) {
    log::error("{} failed: {}", request.method, e.what());
    return refusal(500, "Internal Server Error", "the program's log says more");
  }
}

template <class Stream>
constexpr bool kIsTls = std::is_same_v<Stream, TlsStream>;

// (handshake ->) reading a request -> handling -> answering -> reading the next.
template <class Stream>
class StreamConnection final : public Connection, public std::enable_shared_from_this<StreamConnection<Stream>> {
 public:
  StreamConnection(ServerCore& core, Stream stream, Peer peer)
      : core_(core), stream_(std::move(stream)), peer_(std::move(peer)), timer_(core.io) {}

  void start() override {
    if constexpr (kIsTls<Stream>) {
      stream_.expires_after(patience());
      stream_.async_handshake([me = self()](error_code error, size_t) {
        if (error) return me->close();
        me->read_request();
      });
    } else {
      read_request();
    }
  }

  void wake() override {
    if (phase_ == Phase::kLive) step();
  }

  void begin_stop() override {
    if (phase_ == Phase::kReading || phase_ == Phase::kEnding) close();
    if (phase_ == Phase::kLive) step();
    if (pipe_) pipe_->break_off();
  }

  void close() override {
    if (phase_ == Phase::kClosed) return;
    if (phase_ == Phase::kStreaming) --core_.streams;
    phase_ = Phase::kClosed;
    if (pipe_) pipe_->break_off();
    timer_.cancel();
    stream_.close();
    core_.on_end(this);
  }

 private:
  enum class Phase { kReading, kHandling, kAnswering, kStreaming, kLive, kEnding, kClosed };
  using Clock = std::chrono::steady_clock;

  auto self() { return this->shared_from_this(); }
  std::chrono::milliseconds patience() const { return std::chrono::milliseconds(core_.limits.idle_timeout_ms); }

  // A client may take its time as long as it takes something, and no less than the least rate on the whole.
  void begin_sending() { sending_since_ = Clock::now(), sent_bytes_ = 0; }
  bool too_slow() const {
    const auto allowed = patience() + std::chrono::seconds(sent_bytes_ / core_.limits.least_bytes_per_second);
    return Clock::now() - sending_since_ > allowed;
  }

  void read_request() {
    if (core_.stopping) return close();
    phase_ = Phase::kReading;
    parser_.emplace();
    parser_->header_limit(static_cast<std::uint32_t>(core_.limits.header_bytes));
    parser_->body_limit(core_.limits.body_bytes);
    stream_.expires_after(patience());
    beast::http::async_read(stream_, buffer_, *parser_,
                            [me = self()](error_code error, size_t) { me->on_request(error); });
  }

  void on_request(error_code error) {
    if (phase_ == Phase::kClosed) return;
    if (error) {
      const bool malformed = error.category() == make_error_code(beast::http::error::bad_method).category() &&
                             error != beast::http::error::end_of_stream && error != beast::http::error::partial_message;
      if (!malformed) return close();
      keep_alive_ = false;
      return respond(problem_of(error, core_.limits));
    }
    auto message = parser_->release();
    parser_.reset();
    keep_alive_ = message.keep_alive();
    chunked_ = message.version() >= 11;
    head_ = message.method() == beast::http::verb::head;
    Request request;
    request.method = message.method_string();
    request.target = message.target();
    for (const auto& field : message) {
      request.headers.emplace_back(lower_case(std::string_view(field.name_string())), std::string(field.value()));
    }
    request.body = std::move(message.body());
    request.peer = peer_;
    phase_ = Phase::kHandling;
    stream_.expires_never();
    net::post(core_.pool, [me = self(), request = std::move(request)]() mutable {
      Response response = call(me->core_, request);
      net::post(me->core_.io, [me, response = std::move(response)]() mutable { me->respond(std::move(response)); });
    });
  }

  void respond(Response response) {
    if (phase_ == Phase::kClosed) return;
    phase_ = Phase::kAnswering;
    if (response.stream && !head_ && core_.streams >= core_.limits.streams) {
      response = refusal(503, "Service Unavailable", "too many long answers are under way, try again");
      response.headers.emplace_back("Retry-After", "5");
    }
    const bool streamed = (response.stream || response.live) && !head_;
    if (core_.stopping || (streamed && !chunked_)) keep_alive_ = false;
    message_.emplace();
    message_->version(11);
    message_->result(static_cast<unsigned>(response.status));
    for (const auto& [name, value] : response.headers) message_->insert(name, value);
    message_->keep_alive(keep_alive_);
    if (streamed) {
      if (chunked_) message_->chunked(true);
    } else {
      if (response.status != 204 && response.status != 304) message_->content_length(response.body.size());
      if (!head_) message_->body() = std::move(response.body);
    }
    serializer_.emplace(*message_);
    begin_sending();
    if (!streamed) return write_some();
    serializer_->split(true);
    stream_.expires_after(patience());
    beast::http::async_write_header(stream_, *serializer_,
                                    [me = self(), response = std::move(response)](error_code error, size_t) mutable {
                                      if (error) return me->close();
                                      me->begin_body(std::move(response));
                                    });
  }

  void write_some() {
    stream_.expires_after(patience());
    beast::http::async_write_some(stream_, *serializer_, [me = self()](error_code error, size_t size) {
      if (error || me->phase_ == Phase::kClosed) return me->close();
      me->sent_bytes_ += size;
      if (!me->serializer_->is_done()) return me->too_slow() ? me->close() : me->write_some();
      me->forget_message();
      if (!me->keep_alive_) return me->end_connection();
      me->read_request();
    });
  }

  void forget_message() {
    serializer_.reset();
    message_.reset();
  }

  // TLS says that this is the end, so that the client can tell it from a cut.
  void end_connection() {
    phase_ = Phase::kEnding;
    stream_.expires_after(kEndPatience);
    if constexpr (kIsTls<Stream>) {
      stream_.async_shutdown([me = self()](error_code, size_t) { me->linger(); });
    } else {
      linger();
    }
  }

  // Closing while the client still sends would reset the connection, and the answer with it: what comes is read and
  // forgotten for a moment.
  void linger() {
    if (phase_ == Phase::kClosed) return;
    error_code ignored;
    stream_.socket().shutdown(net::socket_base::shutdown_send, ignored);
    timer_.expires_after(kEndPatience);
    timer_.async_wait([me = self()](error_code error) {
      if (!error) me->close();
    });
    drain(kLingerBytes);
  }

  void drain(size_t budget) {
    buffer_.clear();
    stream_.socket().async_read_some(buffer_.prepare(kDrainBytes),
                                     [me = self(), budget](error_code error, size_t size) {
                                       if (error || me->phase_ == Phase::kClosed || size >= budget) return me->close();
                                       me->drain(budget - size);
                                     });
  }

  void begin_body(Response response) {
    if (phase_ == Phase::kClosed) return;
    forget_message();
    buffer_.shrink_to_fit();
    watch_for_end();
    if (response.live) {
      phase_ = Phase::kLive;
      live_ = std::move(response.live);
      return step();
    }
    phase_ = Phase::kStreaming;
    ++core_.streams;
    pipe_ = std::make_shared<Pipe>([weak = this->weak_from_this(), &io = core_.io](std::string bytes) {
      net::post(io, [weak, bytes = std::move(bytes)] {
        if (const auto me = weak.lock()) me->write_piece(bytes);
      });
    });
    if (core_.stopping) pipe_->break_off();
    net::post(core_.stream_pool, [me = self(), pipe = pipe_, produce = std::move(response.stream)] {
      bool whole = true;
      try {
        produce(*pipe);
      } catch (const std::exception& e) {
        log::error("an answer broke off: {}", e.what());
        whole = false;
      }
      // Broken off, it must not look like a whole one, and its last piece may be on the way still.
      if (pipe->gone()) whole = false;
      net::post(me->core_.io, [me, whole] { whole ? me->end_body() : me->close(); });
    });
  }

  // A client that goes away while nothing is sent shows only in a read. What it sends instead is the beginning of its
  // next request, and is kept for it.
  void watch_for_end() {
    if (buffer_.size() > 0) return;
    watching_ = true;
    stream_.expires_never();
    stream_.async_read_some(buffer_.prepare(kWatchBytes), [me = self()](error_code error, size_t size) {
      me->watching_ = false;
      if (error || me->phase_ == Phase::kClosed) return me->close();
      me->buffer_.commit(size);
      if (me->phase_ != Phase::kReading) return;
      me->timer_.cancel();
      me->read_request();
    });
  }

  // After a streamed body. A read may be under way already: then the next request comes through it.
  void read_after_body() {
    if (!watching_) return read_request();
    phase_ = Phase::kReading;
    timer_.expires_after(patience());
    timer_.async_wait([me = self()](error_code error) {
      if (!error && me->phase_ == Phase::kReading && me->watching_) me->close();
    });
  }

  void write_piece(std::string_view bytes) {
    if (phase_ == Phase::kClosed) return;
    piece_ = chunked_ ? fmt::format("{:x}\r\n", bytes.size()) : std::string();
    piece_.append(bytes);
    if (chunked_) piece_.append("\r\n");
    written_ = 0;
    begin_sending();
    write_rest_of_piece();
  }

  void write_rest_of_piece() {
    stream_.expires_after(patience());
    stream_.async_write_some(net::buffer(piece_.data() + written_, piece_.size() - written_),
                             [me = self()](error_code error, size_t size) {
                               if (error || me->phase_ == Phase::kClosed) return me->close();
                               me->written_ += size;
                               me->sent_bytes_ += size;
                               if (me->written_ < me->piece_.size())
                                 return me->too_slow() ? me->close() : me->write_rest_of_piece();
                               me->on_piece_written();
                             });
  }

  void on_piece_written() {
    std::string().swap(piece_);  // many connections wait for a long time: none keeps what it does not need
    if (ending_) return finish_body();
    if (pipe_) pipe_->taken();
    if (live_) after_step();
  }

  void end_body() {
    if (phase_ == Phase::kClosed) return;
    if (!chunked_) return close();
    ending_ = true;
    piece_ = "0\r\n\r\n";
    written_ = 0;
    begin_sending();
    write_rest_of_piece();
  }

  void finish_body() {
    if (phase_ == Phase::kStreaming) --core_.streams;
    phase_ = Phase::kReading;
    if (!keep_alive_ || core_.stopping) return watching_ ? close() : end_connection();
    pipe_.reset();
    live_.reset();
    busy_ = again_ = ending_ = false;
    read_after_body();
  }

  // Asks the live body for what there is. Busy: until what it gave has been taken by the client.
  void step() {
    if (busy_) {
      again_ = true;
      return;
    }
    busy_ = true;
    again_ = false;
    timer_.cancel();
    if (core_.stopping) return end_body();
    net::post(core_.live_pool, [me = self()] {
      std::string out;
      LiveBody::Next next = LiveBody::Next::kEnd;
      try {
        next = me->live_->step(out);
      } catch (const std::exception& e) {
        log::error("a live answer broke off: {}", e.what());
      }
      net::post(me->core_.io, [me, next, out = std::move(out)] {
        me->next_ = next;
        if (out.empty()) return me->after_step();
        me->write_piece(out);
      });
    });
  }

  void after_step() {
    if (phase_ == Phase::kClosed) return;
    if (next_ == LiveBody::Next::kEnd || core_.stopping) return end_body();
    busy_ = false;
    if (next_ == LiveBody::Next::kMore || again_) return step();
    timer_.expires_after(std::chrono::milliseconds(live_->interval_ms));
    timer_.async_wait([me = self()](error_code error) {
      if (!error && me->phase_ == Phase::kLive) me->step();
    });
  }

  static constexpr size_t kWatchBytes = 512, kDrainBytes = 4'096, kLingerBytes = 4 << 20;
  static constexpr std::chrono::seconds kEndPatience{1};

  ServerCore& core_;
  Stream stream_;
  const Peer peer_;
  Phase phase_ = Phase::kReading;
  beast::flat_buffer buffer_;
  std::optional<beast::http::request_parser<beast::http::string_body>> parser_;
  std::optional<Message> message_;
  std::optional<beast::http::response_serializer<beast::http::string_body>> serializer_;
  bool keep_alive_ = false, chunked_ = true, head_ = false;
  Clock::time_point sending_since_;
  size_t sent_bytes_ = 0;

  std::shared_ptr<Pipe> pipe_;  // also held by the producing thread
  std::string piece_;           // of a streamed body, being written
  size_t written_ = 0;
  bool ending_ = false;
  bool watching_ = false;  // a read is under way during a streamed body

  std::optional<LiveBody> live_;
  net::steady_timer timer_;
  LiveBody::Next next_ = LiveBody::Next::kWait;
  bool busy_ = false;   // a step is under way, or its output not yet taken
  bool again_ = false;  // woken meanwhile
};

template <class Stream>
std::shared_ptr<Connection> make(ServerCore& core, Stream stream, Peer peer) {
  return std::make_shared<StreamConnection<Stream>>(core, std::move(stream), std::move(peer));
}

}  // namespace

Response refusal(int status, std::string_view title, std::string_view detail) {
  Response out;
  out.status = status;
  out.headers = {{"Content-Type", "application/problem+json"},
                 {"Cache-Control", "no-store"},
                 {"X-Content-Type-Options", "nosniff"},
                 {"Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"}};
  out.body = fmt::format(R"({{"type":"about:blank","title":"{}","status":{},"detail":"{}"}})", title, status, detail);
  return out;
}

std::shared_ptr<Connection> make_connection(ServerCore& core, net::local::stream_protocol::socket socket, Peer peer) {
  return make(core, PlainStream(std::move(socket)), std::move(peer));
}

std::shared_ptr<Connection> make_connection(ServerCore& core, net::ip::tcp::socket socket, Peer peer) {
  return make(core, PlainStream(std::move(socket)), std::move(peer));
}

std::shared_ptr<Connection> make_connection(ServerCore& core, net::ip::tcp::socket socket, net::ssl::context& tls,
                                            Peer peer) {
  return make(core, TlsStream(std::move(socket), tls), std::move(peer));
}

}  // namespace rowledger::http
