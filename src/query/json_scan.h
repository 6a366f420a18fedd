#pragma once
// Reading of JSON text as slices of the text itself, so that each value keeps its digits (RFC 8259).
// Private to the room.
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace rowledger::query {

// True when the text is one JSON value, at any depth of nesting, with white space around it or not.
bool is_json(std::string_view text);

// The following trust that is_json said yes to the whole text; on other text they stay within it.

enum class JsonKind { kObject, kArray, kString, kScalar };  // scalar: number, true, false, null
JsonKind json_kind(std::string_view value);

struct JsonMember {
  std::string name;        // unescaped; empty in arrays
  std::string_view value;  // without white space around it
};
// The members of an object, the elements of an array; none of anything else.
std::vector<JsonMember> json_members(std::string_view container);

// A string's characters, a number, true or false as written; nothing for null and containers.
std::optional<std::string> json_scalar_text(std::string_view value);

// The value that the names lead to; in arrays a name is a position. A name that has dots in it is found
// though the path was split at them.
std::optional<std::string_view> json_at(std::string_view value, const std::vector<std::string>& path, size_t from = 0);

}  // namespace rowledger::query
