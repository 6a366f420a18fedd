#include "view/grapheme.h"

#include <algorithm>
#include <iterator>

namespace rowledger::view {
namespace {

struct Range {
  char32_t first, last;
};

// Marks that join what stands before them, besides those of the Indic blocks.
constexpr Range kMarks[] = {
    {0x0300, 0x036f}, {0x0483, 0x0489}, {0x0591, 0x05c7}, {0x0610, 0x061a}, {0x064b, 0x065f},   {0x0670, 0x0670},
    {0x06d6, 0x06dc}, {0x06df, 0x06ed}, {0x0711, 0x0711}, {0x0730, 0x074a}, {0x07a6, 0x07b0},   {0x0e31, 0x0e31},
    {0x0e34, 0x0e3a}, {0x0e47, 0x0e4e}, {0x0eb1, 0x0eb1}, {0x0eb4, 0x0ece}, {0x0f71, 0x0f84},   {0x0f90, 0x0fbc},
    {0x102b, 0x103e}, {0x17b4, 0x17d3}, {0x1ab0, 0x1aff}, {0x1cd0, 0x1cf9}, {0x1dc0, 0x1dff},   {0x200c, 0x200d},
    {0x20d0, 0x20ff}, {0xa8e0, 0xa8f1}, {0xfe00, 0xfe0f}, {0xfe20, 0xfe2f}, {0x1f3fb, 0x1f3ff}, {0xe0020, 0xe01ef},
};

// Devanagari, Bengali, Gurmukhi, Gujarati, Oriya, Tamil, Telugu, Kannada, Malayalam: one plan for each 128 signs.
constexpr char32_t kIndicFirst = 0x0900, kIndicLast = 0x0d7f, kIndicBlock = 0x80;
constexpr bool is_indic(char32_t c) { return c >= kIndicFirst && c <= kIndicLast; }
constexpr bool is_indic_mark(char32_t c) {
  if (!is_indic(c)) return false;
  const char32_t at = (c - kIndicFirst) % kIndicBlock;
  return at <= 0x03 || (at >= 0x3a && at <= 0x3c) || (at >= 0x3e && at <= 0x4f) || (at >= 0x51 && at <= 0x57) ||
         at == 0x62 || at == 0x63;
}
constexpr bool is_virama(char32_t c) { return is_indic(c) && (c - kIndicFirst) % kIndicBlock == 0x4d; }
constexpr char32_t kJoiner = 0x200d;

bool is_mark(char32_t c) {
  if (c < 0x300) return false;
  if (is_indic(c)) return is_indic_mark(c);
  return std::ranges::any_of(kMarks, [c](const Range& range) { return c >= range.first && c <= range.last; });
}

}  // namespace

std::optional<CodePoint> code_point_at(std::string_view text, size_t at) {
  if (at >= text.size()) return std::nullopt;
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[at + i]); };
  const unsigned char lead = byte(0);
  if (lead < 0x80) return CodePoint{lead, 1};
  const size_t bytes = lead >= 0xf0 && lead < 0xf5 ? 4 : lead >= 0xe0 ? 3 : lead >= 0xc2 ? 2 : 0;
  if (bytes == 0 || lead >= 0xf5 || text.size() - at < bytes) return std::nullopt;
  char32_t value = lead & (0xffu >> (bytes + 1));
  for (size_t i = 1; i < bytes; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return std::nullopt;
    value = value << 6 | (byte(i) & 0x3f);
  }
  constexpr char32_t kLeast[] = {0, 0, 0x80, 0x800, 0x10000};
  if (value < kLeast[bytes] || value > 0x10ffff || (value >= 0xd800 && value <= 0xdfff)) return std::nullopt;
  return CodePoint{value, bytes};
}

size_t first_grapheme(std::string_view text) {
  const auto first = code_point_at(text, 0);
  if (!first) return 0;
  size_t end = first->bytes;
  char32_t last = first->value;
  while (const auto next = code_point_at(text, end)) {
    const bool joined = last == kJoiner || (is_virama(last) && is_indic(next->value));
    if (!is_mark(next->value) && !joined) break;
    end += next->bytes;
    last = next->value;
  }
  return end;
}

bool is_digit(char32_t c) {
  if (c >= '0' && c <= '9') return true;
  if (is_indic(c)) {
    const char32_t at = (c - kIndicFirst) % kIndicBlock;
    return at >= 0x66 && at <= 0x6f;
  }
  return (c >= 0x0660 && c <= 0x0669) || (c >= 0x06f0 && c <= 0x06f9) || (c >= 0xff10 && c <= 0xff19);
}

bool is_white_space(char32_t c) {
  return c == ' ' || (c >= 0x09 && c <= 0x0d) || c == 0x85 || c == 0xa0 || c == 0x1680 ||
         (c >= 0x2000 && c <= 0x200a) || c == 0x2028 || c == 0x2029 || c == 0x202f || c == 0x205f || c == 0x3000;
}

}  // namespace rowledger::view
