#pragma once
// Where a letter as people see it ends (UAX #29, extended grapheme clusters). Not all of the standard: marks are known
// by their blocks, and a consonant that is joined to the one before by a virama belongs to it, as in Indic scripts.
// Private to the room.
#include <cstddef>
#include <optional>
#include <string_view>

namespace rowledger::view {

struct CodePoint {
  char32_t value;
  size_t bytes;
};
// Nothing where no UTF-8 begins: then, or at the end.
std::optional<CodePoint> code_point_at(std::string_view text, size_t at);

// How many bytes the letter at the beginning of the text takes; 0 when it is empty or no UTF-8.
size_t first_grapheme(std::string_view text);

bool is_digit(char32_t c);  // of any script that is written in India, Arabic or wide
bool is_white_space(char32_t c);

}  // namespace rowledger::view
