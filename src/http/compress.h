#pragma once
// Content-Encoding (RFC 9110): zstd (RFC 8878) or gzip, whichever the client takes, where it pays.
#include "http/http.h"

namespace rowledger::http {

// Bodies of a text type: whole ones larger than a packet, and streamed ones, piece by piece in little memory. Live ones
// never: an event must not wait for the next. An answer that sets a cookie stays as it is: the size of a compressed
// secret tells something about it. So does a part of something. What is compressed has no parts, and only a weak ETag,
// because the same bytes come in several forms (RFC 9110, 8.8.1).
void compress(const Request& request, Response& response);

// The encoding to use for an Accept-Encoding header: "zstd", "gzip" or "".
std::string_view choose_encoding(std::string_view accept_encoding);

}  // namespace rowledger::http
