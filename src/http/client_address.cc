#include "http/client_address.h"

#include <algorithm>
#include <boost/asio/ip/address.hpp>

#include "base/ascii.h"
#include "http/http.h"

namespace rowledger::http {
namespace {

namespace ip = boost::asio::ip;

// Unspecified and `error` set when the text is no address.
ip::address parse(std::string_view text, boost::system::error_code& error) {
  ip::address any = ip::make_address(std::string(text), error);
  if (!error && any.is_v6() && any.to_v6().is_v4_mapped()) return ip::make_address_v4(ip::v4_mapped, any.to_v6());
  return any;
}

}  // namespace

std::string host_name(std::string_view host) {
  const size_t bracket = host.find(']');
  return lower_case(host.substr(0, host.find(':', bracket == std::string_view::npos ? 0 : bracket)));
}

std::string plain_address(std::string_view text) {
  boost::system::error_code error;
  const ip::address found = parse(text, error);
  return error ? std::string() : found.to_string();
}

std::string network_of(std::string_view text) {
  boost::system::error_code error;
  const ip::address found = parse(text, error);
  if (error) return std::string(text);
  if (found.is_v4()) return found.to_string();
  auto bytes = found.to_v6().to_bytes();
  std::fill(bytes.begin() + 8, bytes.end(), 0);
  return ip::make_address_v6(bytes).to_string() + "/64";
}

std::string client_behind(std::string_view proxy, std::string_view forwarded_for,
                          std::span<const std::string> trusted_proxies) {
  std::string client(proxy);
  std::string_view rest = forwarded_for;
  while (!rest.empty()) {
    const size_t comma = rest.rfind(',');
    const std::string asked_by = plain_address(trimmed(rest.substr(comma == std::string_view::npos ? 0 : comma + 1)));
    if (asked_by.empty()) break;
    client = asked_by;
    if (std::ranges::find(trusted_proxies, client) == trusted_proxies.end()) break;
    rest = rest.substr(0, comma == std::string_view::npos ? 0 : comma);
  }
  return client;
}

}  // namespace rowledger::http
