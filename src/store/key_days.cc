#include "store/key_days.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace rowledger::store {

Result<KeyDays> KeyDays::parse(std::string_view text) {
  KeyDays out;
  const char* at = text.data();
  const char* const end = at + text.size();
  const auto number = [&](char behind) {
    uint32_t value = 0;
    const auto read = std::from_chars(at, end, value);
    const bool ok = read.ec == std::errc() && read.ptr != end && *read.ptr == behind;
    at = ok ? read.ptr + 1 : nullptr;
    return value;
  };
  while (at != end) {
    const uint32_t first = number('-');
    const uint32_t last = at == nullptr ? 0 : number('\n');
    if (at == nullptr) return fail(ErrorCode::kCorrupt, "the days on which destroyed keys were in use are malformed");
    out.add(first, last);
  }
  return out;
}

std::string KeyDays::format() const {
  std::string out;
  for (const auto& [first, last] : last_by_first_) out += fmt::format("{}-{}\n", first, last);
  return out;
}

void KeyDays::add(uint32_t first, uint32_t last) {
  const auto [at, is_new] = last_by_first_.emplace(first, last);
  at->second = std::max(at->second, last);
}

std::vector<uint64_t> KeyDays::ranges(const std::vector<Begin>& begins) const {
  std::vector<uint64_t> out;
  for (uint64_t range = 0; range < begins.size(); ++range) {
    const bool may_have = std::ranges::any_of(last_by_first_, [&](const auto& days) {
      const auto [first, last] = days;
      // The last of the range was appended before the first of the next but one was received.
      return begins[range].first <= last && (range + 2 >= begins.size() || begins[range + 2].newest >= first);
    });
    if (may_have) out.push_back(range);
  }
  return out;
}

}  // namespace rowledger::store
