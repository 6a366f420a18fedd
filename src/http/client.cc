#include <fmt/format.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/beast/core/basic_stream.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/buffer_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>

#include "base/ascii.h"
#include "http/http.h"
#include "http/socket_path.h"

namespace rowledger::http {
namespace {

namespace net = boost::asio;
namespace beast = boost::beast;
using Protocol = net::local::stream_protocol;
using boost::system::error_code;
using OnBody = std::function<bool(std::string_view)>;

// One request and its answer on one connection. The operations are asynchronous for their timeouts
// only: each is run to its end before the next one.
class Exchange {
 public:
  explicit Exchange(int silence_timeout_ms) : timeout_(silence_timeout_ms), stream_(context_) {
    parser_.body_limit(boost::none);
    parser_.header_limit(64 << 10);
    // A read takes what there is room for, and the buffer does not grow by itself while it is emptied each time.
    buffer_.reserve(kPieceBytes);
  }

  error_code connect(const std::string& path) {
    error_code error;
    stream_.socket().connect(Protocol::endpoint(path), error);
    return error;
  }

  error_code send(const Request& request) {
    beast::http::request<beast::http::string_body> message;
    message.version(11);
    message.method_string(request.method);
    message.target(request.target);
    message.set(beast::http::field::host, "localhost");
    message.set(beast::http::field::connection, "close");
    for (const auto& [name, value] : request.headers) message.set(name, value);
    message.body() = request.body;
    message.prepare_payload();
    return await([&](auto&& done) { beast::http::async_write(stream_, message, done); });
  }

  error_code receive(Response& response, const OnBody& on_body) {
    if (auto error = await([&](auto&& done) { beast::http::async_read_header(stream_, buffer_, parser_, done); }))
      return error;
    response.status = static_cast<int>(parser_.get().result_int());
    for (const auto& field : parser_.get()) {
      response.headers.emplace_back(lower_case(std::string_view(field.name_string())), std::string(field.value()));
    }
    const bool stream = on_body && response.status >= 200 && response.status < 300;
    while (!parser_.is_done()) {
      auto& body = parser_.get().body();
      body.data = piece_.data();
      body.size = piece_.size();
      auto error = await([&](auto&& done) { beast::http::async_read_some(stream_, buffer_, parser_, done); });
      if (error == beast::http::error::need_buffer) error = {};
      const std::string_view piece(piece_.data(), piece_.size() - body.size);
      if (stream && !piece.empty() && !on_body(piece)) return {};
      if (!stream) response.body.append(piece);
      if (error) return error;
    }
    return {};
  }

 private:
  static constexpr size_t kPieceBytes = 64 << 10;

  template <class Start>
  error_code await(Start&& start) {
    error_code result;
    stream_.expires_after(timeout_);
    start([&result](error_code error, size_t) { result = error; });
    context_.restart();
    context_.run();
    return result;
  }

  const std::chrono::milliseconds timeout_;
  net::io_context context_{1};
  beast::basic_stream<Protocol> stream_;
  beast::flat_buffer buffer_;
  beast::http::response_parser<beast::http::buffer_body> parser_;
  std::vector<char> piece_ = std::vector<char>(kPieceBytes);
};

}  // namespace

Result<Response> request_unix(const std::filesystem::path& socket, const Request& request, const OnBody& on_body,
                              int silence_timeout_ms) {
  RL_ASSIGN(const SocketPath path, SocketPath::resolve(socket));
  Exchange exchange(silence_timeout_ms);
  if (const auto error = exchange.connect(path.usable())) {
    if (error == boost::system::errc::permission_denied)
      return fail(ErrorCode::kPermission, fmt::format("this user may not use the socket {}", socket.string()));
    const bool nobody =
        error == boost::system::errc::no_such_file_or_directory || error == boost::system::errc::connection_refused;
    return fail(nobody ? ErrorCode::kNotFound : ErrorCode::kUnavailable,
                fmt::format("nobody answers at the socket {} ({})", socket.string(), error.message()));
  }
  // A server that refuses may answer and close before it has read everything: look for the answer
  // in any case.
  const auto send_error = exchange.send(request);
  Response response;
  if (auto error = exchange.receive(response, on_body)) {
    if (send_error) error = send_error;
    if (error == beast::error::timeout) {
      return fail(ErrorCode::kUnavailable,
                  fmt::format("no answer from the socket {} for {} s", socket.string(), silence_timeout_ms / 1000));
    }
    return fail(ErrorCode::kUnavailable,
                fmt::format("the connection through {} broke: {}", socket.string(), error.message()));
  }
  return response;
}

}  // namespace rowledger::http
