#pragma once
// One value of one column, and the image of a whole row. Values are views: the bytes belong to
// the buffer that they were decoded from.
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace rowledger::record {

enum class Presence : uint8_t {
  kAbsent = 0,   // this side does not exist (an insert's old, a delete's new)
  kNull = 1,     // SQL NULL
  kUnknown = 2,  // there was a value, which cannot be known
  kValue = 3,
};

struct Value {
  Presence presence = Presence::kAbsent;
  std::string_view text;  // PostgreSQL's text form when kValue; may be invalid UTF-8

  static Value null() { return {Presence::kNull, {}}; }
  static Value unknown() { return {Presence::kUnknown, {}}; }
  static Value of(std::string_view text) { return {Presence::kValue, text}; }
  bool operator==(const Value&) const = default;
};

// A row image is the row's values in its schema's column order:
// per column a varint: presence for kAbsent..kUnknown, else 3 + length, then the bytes.
void append_value(std::string& out, const Value& value);

// False when the bytes are no image of exactly `columns` columns.
[[nodiscard]] bool decode_image(std::string_view image, size_t columns, std::vector<Value>& out);

// The key of a row inside its table: each part followed by a zero byte (PostgreSQL's text has
// none), so that keys sort as tuples of text in the C collation.
std::string encode_key(const std::vector<std::string_view>& parts);
std::vector<std::string_view> decode_key(std::string_view key);

}  // namespace rowledger::record
