// JSON scanned in place and compared, on any bytes. A zero byte ends the first text; the second is what is left.
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "query/json_diff.h"
#include "query/json_scan.h"

namespace rowledger::query {
namespace {

void check_inside(std::string_view part, std::string_view whole) {
  if (part.empty()) return;
  CHECK(part.data() >= whole.data() && part.data() + part.size() <= whole.data() + whole.size());
}

// The scanners trust is_json; without it they must still stay within the text.
void scan(std::string_view text, bool valid, int depth) {
  const JsonKind kind = json_kind(text);
  const auto scalar = json_scalar_text(text);
  if (valid) CHECK(!scalar || kind == JsonKind::kString || kind == JsonKind::kScalar);
  size_t position = 0;
  for (const JsonMember& member : json_members(text)) {
    check_inside(member.value, text);
    CHECK(member.value.size() < text.size());
    if (valid) {
      CHECK(is_json(member.value));
      // A name that stands twice leads to its first value.
      const auto found = json_at(text, {kind == JsonKind::kArray ? std::to_string(position) : member.name});
      CHECK(found.has_value());
    }
    ++position;
    if (depth < 8) scan(member.value, valid, depth + 1);
  }
}

void compare(std::string_view before, std::string_view after) {
  const auto differences = json_differences(before, after);
  if (!differences) return;
  CHECK(!differences->empty() && differences->size() <= kMaxDifferences && before != after);
  for (const JsonDifference& each : *differences) {
    CHECK(each.path.starts_with('/'));
    CHECK(each.before || each.after);
    CHECK(each.before != each.after);
    if (each.before) check_inside(*each.before, before);
    if (each.after) check_inside(*each.after, after);
    if (each.before) CHECK(is_json(*each.before));
    if (each.after) CHECK(is_json(*each.after));
  }
}

}  // namespace
}  // namespace rowledger::query

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace rowledger::query;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const size_t zero = bytes.find('\0');
  const std::string_view before = bytes.substr(0, zero);
  const std::string_view after = zero == std::string_view::npos ? std::string_view() : bytes.substr(zero + 1);
  const bool before_valid = is_json(before), after_valid = is_json(after);
  scan(before, before_valid, 0);
  json_at(after, {"a", "b", "0"});
  if (before_valid && after_valid) {
    compare(before, after);
    compare(after, before);
    CHECK(!json_differences(before, before));
  }
  return 0;
}
