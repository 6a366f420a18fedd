#include "ledger/note_text.h"

#include <cstdint>
#include <optional>

namespace rowledger::ledger {
namespace {

// Takes one code point off the front. Nothing for overlong forms, surrogates, and what is cut off.
std::optional<uint32_t> take_code_point(std::string_view& text) {
  const auto first = static_cast<uint8_t>(text.front());
  size_t more = 0;
  uint32_t code = first, smallest = 0;
  if (first >= 0xf0 && first <= 0xf4) {
    more = 3, code = first & 0x07, smallest = 0x10000;
  } else if (first >= 0xe0 && first < 0xf0) {
    more = 2, code = first & 0x0f, smallest = 0x800;
  } else if (first >= 0xc2 && first < 0xe0) {
    more = 1, code = first & 0x1f, smallest = 0x80;
  } else if (first >= 0x80) {
    return std::nullopt;
  }
  if (text.size() < 1 + more) return std::nullopt;
  for (size_t i = 1; i <= more; ++i) {
    const auto byte = static_cast<uint8_t>(text[i]);
    if ((byte & 0xc0) != 0x80) return std::nullopt;
    code = code << 6 | (byte & 0x3f);
  }
  if (code < smallest || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) return std::nullopt;
  text.remove_prefix(1 + more);
  return code;
}

// The property White_Space of the Unicode Character Database.
bool is_space(uint32_t code) {
  return (code >= 0x09 && code <= 0x0d) || code == 0x20 || code == 0x85 || code == 0xa0 || code == 0x1680 ||
         (code >= 0x2000 && code <= 0x200a) || code == 0x2028 || code == 0x2029 || code == 0x202f || code == 0x205f ||
         code == 0x3000;
}

}  // namespace

bool is_note_text(std::string_view bytes) {
  while (!bytes.empty()) {
    const auto code = take_code_point(bytes);
    if (!code || (*code < 0x20 && *code != '\n')) return false;
  }
  return true;
}

bool is_key_name(std::string_view name) {
  if (name.empty()) return false;
  while (!name.empty()) {
    const auto code = take_code_point(name);
    if (!code || *code < 0x20 || *code == '+' || is_space(*code)) return false;
  }
  return true;
}

}  // namespace rowledger::ledger
