#include "http/connection.h"

#include <fmt/format.h>

#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/basic_stream.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <condition_variable>
#include <mutex>

#include "base/log.h"

namespace rowledger::http {
namespace {

namespace net = boost::asio;
namespace beast = boost::beast;
using boost::system::error_code;
using Message = beast::http::response<beast::http::string_body>;

Response problem(int status, std::string_view title, std::string_view detail) {
  Response out;
  out.status = status;
  out.headers = {{"content-type", "application/problem+json"}};
  out.body = fmt::format(R"({{"type":"about:blank","title":"{}","status":{},"detail":"{}"}})", title, status, detail);
  return out;
}

Response problem_of(error_code error, const ServerLimits& limits) {
  if (error == beast::http::error::header_limit) {
    return problem(431, "Request Header Fields Too Large",
                   fmt::format("the request line and the headers may have {} bytes", limits.header_bytes));
  }
  if (error == beast::http::error::body_limit) {
    return problem(413, "Content Too Large", fmt::format("the body may have {} bytes", limits.body_bytes));
  }
  return problem(400, "Bad Request", "this is not an HTTP/1.1 request");
}

Response call(const Handler& handler, const Request& request) {
  try {
    return handler(request);
  } catch (const std::exception& e) {
    log::error("{} failed: {}", request.method, e.what());
    return problem(500, "Internal Server Error", "the program's log says more");
  }
}

// The hand-over between a handler thread that streams and the I/O thread: one piece at a time, so
// that the producer runs no faster than the client takes.
class Pipe : public BodySink {
 public:
  // send: called on the producer's thread; taken() must follow on the I/O thread.
  explicit Pipe(std::function<void(std::string)> send) : send_(std::move(send)) {}

  bool write(std::string_view bytes) override {
    if (bytes.empty()) return !gone();
    {
      std::lock_guard lock(mutex_);
      if (gone_) return false;
      busy_ = true;
    }
    send_(std::string(bytes));
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return gone_ || !busy_; });
    return !gone_;
  }
  bool gone() const override {
    std::lock_guard lock(mutex_);
    return gone_;
  }

  void taken() {
    std::lock_guard lock(mutex_);
    busy_ = false;
    changed_.notify_all();
  }
  void break_off() {
    std::lock_guard lock(mutex_);
    gone_ = true;
    changed_.notify_all();
  }

 private:
  const std::function<void(std::string)> send_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  bool busy_ = false, gone_ = false;
};

// reading a request -> handling -> answering -> reading the next, or, after a streamed answer, end.
template <class Stream>
class StreamConnection final : public Connection, public std::enable_shared_from_this<StreamConnection<Stream>> {
 public:
  StreamConnection(ServerCore& core, Stream stream, Peer peer)
      : core_(core), stream_(std::move(stream)), peer_(std::move(peer)), timer_(core.io) {}

  void start() override { read_request(); }

  void wake() override {
    if (phase_ == Phase::kLive) step();
  }

  void begin_stop() override {
    if (phase_ == Phase::kReading) close();
    if (phase_ == Phase::kLive) step();
    if (pipe_) pipe_->break_off();
  }

  void close() override {
    if (phase_ == Phase::kClosed) return;
    phase_ = Phase::kClosed;
    if (pipe_) pipe_->break_off();
    timer_.cancel();
    stream_.close();
    core_.on_end(this);
  }

 private:
  enum class Phase { kReading, kHandling, kAnswering, kStreaming, kLive, kClosed };

  auto self() { return this->shared_from_this(); }
  std::chrono::milliseconds patience() const { return std::chrono::milliseconds(core_.limits.idle_timeout_ms); }

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
    keep_alive_ = message.keep_alive();
    chunked_ = message.version() >= 11;
    head_ = message.method() == beast::http::verb::head;
    Request request;
    request.method = message.method_string();
    request.target = message.target();
    for (const auto& field : message) {
      std::string name(field.name_string());
      for (char& c : name)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
      request.headers.emplace_back(std::move(name), std::string(field.value()));
    }
    request.body = std::move(message.body());
    request.peer = peer_;
    phase_ = Phase::kHandling;
    stream_.expires_never();
    net::post(core_.pool, [me = self(), request = std::move(request)] {
      Response response = call(me->core_.handler, request);
      net::post(me->core_.io, [me, response = std::move(response)]() mutable { me->respond(std::move(response)); });
    });
  }

  void respond(Response response) {
    if (phase_ == Phase::kClosed) return;
    phase_ = Phase::kAnswering;
    const bool streamed = (response.stream || response.live) && !head_;
    if (streamed || core_.stopping) keep_alive_ = false;
    message_.emplace();
    message_->version(11);
    message_->result(static_cast<unsigned>(response.status));
    for (const auto& [name, value] : response.headers) message_->insert(name, value);
    message_->keep_alive(keep_alive_);
    if (streamed) {
      if (chunked_) message_->chunked(true);
    } else {
      message_->content_length(response.body.size());
      if (!head_) message_->body() = std::move(response.body);
    }
    serializer_.emplace(*message_);
    if (!streamed) return write_some();
    serializer_->split(true);
    stream_.expires_after(patience());
    beast::http::async_write_header(stream_, *serializer_,
                                    [me = self(), response = std::move(response)](error_code error, size_t) mutable {
                                      if (error) return me->close();
                                      me->begin_body(std::move(response));
                                    });
  }

  // In pieces, so that a slow client has time as long as it takes something.
  void write_some() {
    stream_.expires_after(patience());
    beast::http::async_write_some(stream_, *serializer_, [me = self()](error_code error, size_t) {
      if (error || me->phase_ == Phase::kClosed) return me->close();
      if (!me->serializer_->is_done()) return me->write_some();
      if (!me->keep_alive_) return me->close();
      me->read_request();
    });
  }

  void begin_body(Response response) {
    if (phase_ == Phase::kClosed) return;
    watch_for_end();
    if (response.live) {
      phase_ = Phase::kLive;
      live_ = std::move(response.live);
      return step();
    }
    phase_ = Phase::kStreaming;
    pipe_ = std::make_shared<Pipe>([weak = this->weak_from_this(), &io = core_.io](std::string bytes) {
      net::post(io, [weak, bytes = std::move(bytes)] {
        if (const auto me = weak.lock()) me->write_piece(bytes);
      });
    });
    if (core_.stopping) pipe_->break_off();
    net::post(core_.pool, [me = self(), pipe = pipe_, produce = std::move(response.stream)] {
      bool whole = true;
      try {
        produce(*pipe);
      } catch (const std::exception& e) {
        log::error("an answer broke off: {}", e.what());
        whole = false;
      }
      net::post(me->core_.io, [me, whole] { whole ? me->end_body() : me->close(); });
    });
  }

  // A client that goes away while nothing is sent shows only in a read.
  void watch_for_end() {
    stream_.expires_never();
    stream_.async_read_some(net::buffer(ignored_), [me = self()](error_code error, size_t) {
      if (error) me->close();
    });
  }

  void write_piece(std::string_view bytes) {
    if (phase_ == Phase::kClosed) return;
    piece_ = chunked_ ? fmt::format("{:x}\r\n", bytes.size()) : std::string();
    piece_.append(bytes);
    if (chunked_) piece_.append("\r\n");
    written_ = 0;
    write_rest_of_piece();
  }

  void write_rest_of_piece() {
    stream_.expires_after(patience());
    stream_.async_write_some(net::buffer(piece_.data() + written_, piece_.size() - written_),
                             [me = self()](error_code error, size_t size) {
                               if (error || me->phase_ == Phase::kClosed) return me->close();
                               me->written_ += size;
                               if (me->written_ < me->piece_.size()) return me->write_rest_of_piece();
                               if (me->ending_) return me->close();
                               if (me->pipe_) me->pipe_->taken();
                               if (me->live_) me->after_step();
                             });
  }

  void end_body() {
    if (phase_ == Phase::kClosed) return;
    if (!chunked_) return close();
    ending_ = true;
    piece_ = "0\r\n\r\n";
    written_ = 0;
    write_rest_of_piece();
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
    net::post(core_.pool, [me = self()] {
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

  ServerCore& core_;
  Stream stream_;
  const Peer peer_;
  Phase phase_ = Phase::kReading;
  beast::flat_buffer buffer_;
  std::optional<beast::http::request_parser<beast::http::string_body>> parser_;
  std::optional<Message> message_;
  std::optional<beast::http::response_serializer<beast::http::string_body>> serializer_;
  bool keep_alive_ = false, chunked_ = true, head_ = false;

  std::shared_ptr<Pipe> pipe_;  // also held by the producing thread
  std::string piece_;           // of a streamed body, being written
  size_t written_ = 0;
  bool ending_ = false;
  char ignored_[512];

  std::optional<LiveBody> live_;
  net::steady_timer timer_;
  LiveBody::Next next_ = LiveBody::Next::kWait;
  bool busy_ = false;   // a step is under way, or its output not yet taken
  bool again_ = false;  // woken meanwhile
};

}  // namespace

std::shared_ptr<Connection> make_connection(ServerCore& core, net::local::stream_protocol::socket socket, Peer peer) {
  using Stream = beast::basic_stream<net::local::stream_protocol>;
  return std::make_shared<StreamConnection<Stream>>(core, Stream(std::move(socket)), std::move(peer));
}

}  // namespace rowledger::http
