#pragma once
// Writing of JSON text where a document model would lose something (numbers' digits, member order).
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

namespace rowledger {

// Appends text as a JSON string with its quotes (RFC 8259). Bytes that are no UTF-8 become U+FFFD.
void append_json_string(std::string& out, std::string_view text);

// {"name":"text", ...}; members with an empty text are left out.
std::string json_object(std::initializer_list<std::pair<std::string_view, std::string_view>> members);

// True when all of text is well-formed UTF-8.
bool is_utf8(std::string_view text);

}  // namespace rowledger
