#pragma once
// Content-Encoding (RFC 9110): zstd (RFC 8878) or gzip, whichever the client takes, where it pays.
#include "http/http.h"

namespace rowledger::http {

// Bodies that are whole, of a text type and larger than a packet. An answer that sets a cookie stays as it is: the size
// of a compressed secret tells something about it.
void compress(const Request& request, Response& response);

// The encoding to use for an Accept-Encoding header: "zstd", "gzip" or "".
std::string_view choose_encoding(std::string_view accept_encoding);

}  // namespace rowledger::http
