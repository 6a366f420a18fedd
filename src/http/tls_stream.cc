#include "http/tls_stream.h"

#include <openssl/err.h>
#include <sys/socket.h>

#include <boost/asio/ssl/error.hpp>
#include <cerrno>

#include "base/check.h"

namespace rowledger::http {
namespace {

namespace net = boost::asio;

// OpenSSL's own BIO for sockets writes with write(), which ends the program when the client is gone.
int fd_of(BIO* bio) { return static_cast<int>(reinterpret_cast<intptr_t>(::BIO_get_data(bio))); }
bool must_wait() { return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR; }

int write_socket(BIO* bio, const char* bytes, int size) {
  BIO_clear_retry_flags(bio);
  const ssize_t n = ::send(fd_of(bio), bytes, static_cast<size_t>(size), MSG_NOSIGNAL);
  if (n < 0 && must_wait()) BIO_set_retry_write(bio);
  return static_cast<int>(n);
}

int read_socket(BIO* bio, char* out, int size) {
  BIO_clear_retry_flags(bio);
  const ssize_t n = ::recv(fd_of(bio), out, static_cast<size_t>(size), 0);
  if (n < 0 && must_wait()) BIO_set_retry_read(bio);
  return static_cast<int>(n);
}

long control(BIO*, int command, long, void*) { return command == BIO_CTRL_FLUSH ? 1 : 0; }

BIO* bio_of(int fd) {
  static BIO_METHOD* const kMethod = [] {
    BIO_METHOD* out = ::BIO_meth_new(::BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "socket");
    CHECK(out != nullptr && ::BIO_meth_set_write(out, write_socket) == 1 &&
          ::BIO_meth_set_read(out, read_socket) == 1 && ::BIO_meth_set_ctrl(out, control) == 1);
    return out;
  }();
  BIO* const out = ::BIO_new(kMethod);
  CHECK(out != nullptr);
  ::BIO_set_data(out, reinterpret_cast<void*>(static_cast<intptr_t>(fd)));
  ::BIO_set_init(out, 1);
  return out;
}

}  // namespace

TlsStream::State::State(Socket socket_in, net::ssl::context& context)
    : socket(std::move(socket_in)),
      read_timer(socket.get_executor()),
      write_timer(socket.get_executor()),
      ssl(::SSL_new(context.native_handle()), ::SSL_free) {
  CHECK(ssl != nullptr);
  ::SSL_set_mode(ssl.get(),
                 SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  error_code ignored;
  socket.non_blocking(true, ignored);
  BIO* const bio = bio_of(socket.native_handle());
  ::SSL_set_bio(ssl.get(), bio, bio);
}

SSL* TlsStream::State::begin() const {
  ::ERR_clear_error();
  errno = 0;
  return ssl.get();
}

TlsStream::Wants TlsStream::State::look_at(int result, error_code& error, size_t& size) const {
  if (result > 0) {
    size = static_cast<size_t>(result);
    return Wants::kNothing;
  }
  const int system_error = errno;
  switch (::SSL_get_error(ssl.get(), result)) {
    case SSL_ERROR_WANT_READ: return Wants::kRead;
    case SSL_ERROR_WANT_WRITE: return Wants::kWrite;
    case SSL_ERROR_ZERO_RETURN: error = net::error::eof; break;
    case SSL_ERROR_SSL: error.assign(static_cast<int>(::ERR_get_error()), net::error::get_ssl_category()); break;
    default: error.assign(system_error, boost::system::system_category());
  }
  // Cut off without a word, which is no end of what was sent.
  if (!error) error = net::ssl::error::stream_truncated;
  return Wants::kNothing;
}

void TlsStream::State::watch(net::steady_timer& timer, Clock::time_point at) {
  if (at == Clock::time_point::max()) return;
  timer.expires_at(at);
  timer.async_wait([weak = weak_from_this(), &timer](error_code error) {
    const auto state = weak.lock();
    if (!error && state && timer.expiry() <= Clock::now()) state->close();
  });
}

void TlsStream::State::close() {
  error_code ignored;
  socket.close(ignored);
}

}  // namespace rowledger::http
