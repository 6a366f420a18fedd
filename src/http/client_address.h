#pragma once
// Whom a TCP request is for and from whom it comes, by its headers and its socket.
#include <span>
#include <string>
#include <string_view>

namespace rowledger::http {

// A Host header's name without the port, in lower case; brackets stay.
std::string host_name(std::string_view host);

// An IP address in the one form in which it is compared and shown: an IPv4 address is one, also when it comes through
// an IPv6 socket. Empty when the text is no address.
std::string plain_address(std::string_view text);

// Who asked the trusted proxy `proxy`, by all its X-Forwarded-For headers joined with commas. Each proxy adds who it
// was asked by at the end, so that the last one that is no trusted proxy is the client. What stands before something
// that is no address is not believed: then it is the trusted proxy that came after.
std::string client_behind(std::string_view proxy, std::string_view forwarded_for,
                          std::span<const std::string> trusted_proxies);

}  // namespace rowledger::http
