#include "api/byte_range.h"

#include <algorithm>

#include "api/number.h"

namespace rowledger::api {

std::optional<ByteRange> parse_byte_range(std::string_view header, uint64_t size) {
  constexpr std::string_view kUnit = "bytes=";
  const ByteRange whole{0, size, true};
  if (!header.starts_with(kUnit)) return whole;
  header.remove_prefix(kUnit.size());
  const size_t dash = header.find('-');
  if (dash == std::string_view::npos || header.find(',') != std::string_view::npos) return whole;
  const std::string_view first = header.substr(0, dash), last = header.substr(dash + 1);
  const auto begin = parse_number(first), end = parse_number(last);
  if (first.empty()) {
    if (!end) return whole;
    if (*end == 0 || size == 0) return std::nullopt;
    return ByteRange{size - std::min(*end, size), size, false};
  }
  if (!begin || (!last.empty() && (!end || *end < *begin))) return whole;
  if (*begin >= size) return std::nullopt;
  return ByteRange{*begin, end && *end < size ? *end + 1 : size, false};
}

}  // namespace rowledger::api
