#pragma once
// Which codings a client takes (RFC 9110, 12.5.3).
#include <string_view>

namespace rowledger::http {

// Whether the header names the coding ("gzip"), and not with a quality of 0.
bool takes_encoding(std::string_view accept_encoding, std::string_view coding);

}  // namespace rowledger::http
