#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <mutex>

#include "http/listener.h"

namespace rowledger::http {
namespace {

namespace net = boost::asio;
using Tcp = net::ip::tcp;
using net::ip::address;

// The address as people write it: an IPv4 address is one, also when it comes through an IPv6 socket.
address plain(const address& any) {
  if (any.is_v6() && any.to_v6().is_v4_mapped()) return net::ip::make_address_v4(net::ip::v4_mapped, any.to_v6());
  return any;
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

// A Host header's name without the port, in lower case; brackets stay.
std::string host_name(std::string_view host) {
  const size_t bracket = host.find(']');
  const size_t colon = host.find(':', bracket == std::string_view::npos ? 0 : bracket);
  std::string out(host.substr(0, colon));
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return out;
}

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
    return error ? std::string() : plain(endpoint.address()).to_string();
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

  // Each proxy adds who it was asked by at the end: the last one that is no trusted proxy is the client.
  void see_through_proxy(Request& request) const {
    std::string chain;  // of all such headers: the client may have sent one of its own
    for (const auto& [name, value] : request.headers)
      if (name == "x-forwarded-for") chain += (chain.empty() ? "" : ",") + value;
    std::string_view rest = chain;
    while (!rest.empty()) {
      const size_t comma = rest.rfind(',');
      const auto last = trimmed(rest.substr(comma == std::string_view::npos ? 0 : comma + 1));
      rest = rest.substr(0, comma == std::string_view::npos ? 0 : comma);
      error_code error;
      const auto parsed = net::ip::make_address(std::string(last), error);
      if (error) break;
      request.peer.address = plain(parsed).to_string();
      if (!trusted(request.peer.address)) break;
    }
    request.peer.secure = request.header("x-forwarded-proto") == "https";
  }

  const TcpOptions options_;
  uint16_t port_ = 0;
  std::mutex mutex_;
  std::shared_ptr<net::ssl::context> tls_;  // mutex_
};

}  // namespace

std::string network_of(std::string_view text) {
  boost::system::error_code error;
  const auto parsed = net::ip::make_address(std::string(text), error);
  if (error) return std::string(text);
  const auto any = plain(parsed);
  if (any.is_v4()) return any.to_string();
  auto bytes = any.to_v6().to_bytes();
  std::fill(bytes.begin() + 8, bytes.end(), 0);
  return net::ip::make_address_v6(bytes).to_string() + "/64";
}

Result<std::unique_ptr<Server>> Server::listen_tcp(const TcpOptions& options, Handler handler,
                                                   const ServerLimits& limits) {
  auto server = std::make_unique<TcpServer>(options, std::move(handler), limits);
  RL_TRY(server->open());
  return server;
}

}  // namespace rowledger::http
