#pragma once
// Where the next page of a search begins. Opaque to clients: base64url of a version byte and the
// fields below. It fits one search only, and keeps the moment that "now-2d" was relative to.
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/ids.h"
#include "base/time.h"

namespace rowledger::api {

struct Cursor {
  Seq from;        // the next page's first candidate
  Timestamp now;   // of the first page
  uint32_t query;  // query_fingerprint() of what is paged through

  bool operator==(const Cursor&) const = default;
};

std::string to_text(const Cursor& cursor);
std::optional<Cursor> parse_cursor(std::string_view text);

uint32_t query_fingerprint(std::string_view parameters);

}  // namespace rowledger::api
