#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <mutex>

#include "http/client_address.h"
#include "http/listener.h"

namespace rowledger::http {
namespace {

namespace net = boost::asio;
using Tcp = net::ip::tcp;

std::unique_ptr<net::ssl::context> make_tls(const TcpOptions& options, boost::system::error_code& error) {
  auto out = std::make_unique<net::ssl::context>(net::ssl::context::tls_server);
  ::SSL_CTX_set_min_proto_version(out->native_handle(), TLS1_2_VERSION);
  ::SSL_CTX_set_options(out->native_handle(),
                        SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE);
  // Forward secrecy and authenticated encryption only; TLS 1.3 has nothing else.
  ::SSL_CTX_set_cipher_list(out->native_handle(), "ECDHE+AESGCM:ECDHE+CHACHA20");
  // Idle connections hold little; sessions are resumed by tickets, which the client keeps.
  ::SSL_CTX_set_mode(out->native_handle(), SSL_MODE_RELEASE_BUFFERS);
  ::SSL_CTX_set_session_cache_mode(out->native_handle(), SSL_SESS_CACHE_OFF);
  out->use_certificate_chain_file(options.certificate.string(), error);
  if (!error) out->use_private_key_file(options.key.string(), net::ssl::context::pem, error);
  if (!error && ::SSL_CTX_check_private_key(out->native_handle()) != 1)
    error.assign(EINVAL, boost::system::system_category());
  return out;
}

class TcpServer final : public Listener<Tcp> {
 public:
  TcpServer(TcpOptions options, Handler handler, const ServerLimits& limits)
      : Listener(std::move(handler), limits), options_(std::move(options)) {
    core_.admit = [this](Request& request) { return admit(request); };
  }
  ~TcpServer() override { stop(); }

  Status open() {
    if (!options_.certificate.empty()) RL_TRY(reload_certificate());
    error_code error;
    const auto place = net::ip::make_address(options_.address, error);
    if (error) return fail(ErrorCode::kInvalid, fmt::format("{} is no IP address to listen on", options_.address));
    const Tcp::endpoint endpoint(place, options_.port);
    acceptor_.open(endpoint.protocol(), error);
    if (!error) acceptor_.set_option(net::socket_base::reuse_address(true), error);
    if (!error) acceptor_.bind(endpoint, error);
    if (!error) acceptor_.listen(net::socket_base::max_listen_connections, error);
    if (error) {
      return fail(error == net::error::address_in_use ? ErrorCode::kConflict : ErrorCode::kIo,
                  fmt::format("cannot listen on {} port {}: {}", options_.address, options_.port, error.message()));
    }
    port_ = acceptor_.local_endpoint(error).port();
    run();
    return {};
  }

  uint16_t port() const override { return port_; }

  Status reload_certificate() override {
    if (options_.certificate.empty()) return {};
    error_code error;
    std::shared_ptr<net::ssl::context> fresh = make_tls(options_, error);
    if (error) {
      return fail(ErrorCode::kInvalid,
                  fmt::format("cannot use the certificate {} with the key {}: {}", options_.certificate.string(),
                              options_.key.string(), error.message()));
    }
    std::lock_guard lock(mutex_);
    tls_ = std::move(fresh);
    return {};
  }

 private:
  bool with_tls() const { return !options_.certificate.empty(); }
  bool speaks_plainly() const override { return !with_tls(); }
  bool trusted(std::string_view address) const {
    return std::ranges::find(options_.trusted_proxies, address) != options_.trusted_proxies.end();
  }

  static std::string address_of(const Socket& socket) {
    error_code error;
    const auto endpoint = socket.remote_endpoint(error);
    return error ? std::string() : plain_address(endpoint.address().to_string());
  }

  std::string network_of(const Socket& socket) const override {
    const std::string address = address_of(socket);
    return trusted(address) ? std::string() : http::network_of(address);
  }

  std::shared_ptr<Connection> make(Socket socket) override {
    Peer peer;
    peer.address = address_of(socket);
    peer.secure = with_tls();
    error_code ignored;
    socket.set_option(Tcp::no_delay(true), ignored);  // answers leave in few, whole pieces
    if (!with_tls()) return make_connection(core_, std::move(socket), std::move(peer));
    std::lock_guard lock(mutex_);
    return make_connection(core_, std::move(socket), *tls_, std::move(peer));
  }

  std::optional<Response> admit(Request& request) const {
    size_t hosts = 0;
    for (const auto& [name, value] : request.headers) hosts += name == "host";
    if (hosts != 1) return refusal(400, "Bad Request", "a request names one host");
    const std::string name = host_name(request.header("host"));
    if (!options_.hosts.empty() && std::ranges::find(options_.hosts, name) == options_.hosts.end())
      return refusal(421, "Misdirected Request", "this server does not go by the name that the request has for it");
    if (trusted(request.peer.address)) see_through_proxy(request);
    return std::nullopt;
  }

  void see_through_proxy(Request& request) const {
    std::string chain;  // of all such headers: the client may have sent one of its own
    for (const auto& [name, value] : request.headers)
      if (name == "x-forwarded-for") chain += (chain.empty() ? "" : ",") + value;
    request.peer.address = client_behind(request.peer.address, chain, options_.trusted_proxies);
    request.peer.secure = request.header("x-forwarded-proto") == "https";
  }

  const TcpOptions options_;
  uint16_t port_ = 0;
  std::mutex mutex_;
  std::shared_ptr<net::ssl::context> tls_;  // mutex_
};

}  // namespace

Result<std::unique_ptr<Server>> Server::listen_tcp(const TcpOptions& options, Handler handler,
                                                   const ServerLimits& limits) {
  auto server = std::make_unique<TcpServer>(options, std::move(handler), limits);
  RL_TRY(server->open());
  return server;
}

}  // namespace rowledger::http
