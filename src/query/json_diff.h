#pragma once
// Where two JSON texts differ. Private to the room.
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace rowledger::query {

// One place; the values are slices of the two texts. Nothing on one side: added or removed.
struct JsonDifference {
  std::string path;  // JSON pointer (RFC 6901)
  std::optional<std::string_view> before, after;
};

inline constexpr int kMaxDiffDepth = 64;  // below it, a difference is told as a whole
inline constexpr size_t kMaxDifferences = 1'000;
inline constexpr size_t kMaxDiffBytes = 8 << 20;  // of one side

// Nothing when the two cannot be told apart by path and are to be shown whole: not both objects or both
// arrays, too large, too many differences, or different only in what paths do not show (white space,
// order, a name given twice). Both texts are valid JSON. Numbers are the same when their texts are.
std::optional<std::vector<JsonDifference>> json_differences(std::string_view before, std::string_view after);

}  // namespace rowledger::query
