#include "view/mask.h"

#include <algorithm>
#include <array>
#include <vector>

#include "base/json_text.h"
#include "view/grapheme.h"

namespace rowledger::view {
namespace {

constexpr std::string_view kStars = "******";
constexpr std::string_view kBullet = "\u2022";
// A number is hidden by four signs at least, so that a short one is not nearly shown.
constexpr size_t kPhoneHead = 4, kPhoneTail = 2, kPhoneHidden = 4;
constexpr size_t kMaxInitials = 4, kMaxInitialBytes = 32;
constexpr size_t kNumberDigits = 5;  // so many or more are hidden in a text

std::string phone(std::string_view value) {
  std::string digits;
  for (const char c : value) {
    if ((c >= '0' && c <= '9') || (c == '+' && digits.empty())) {
      digits += c;
    } else if (c != ' ' && c != '-' && c != '(' && c != ')' && c != '.') {
      return std::string(kBullets);  // no number: who knows what it says
    }
  }
  const size_t shown = digits.size() < kPhoneHidden ? 0 : digits.size() - kPhoneHidden;
  const size_t tail = shown >= kPhoneHead + kPhoneTail ? kPhoneTail : 0;
  const size_t head = tail > 0 ? kPhoneHead : std::min<size_t>(shown, 2);
  return digits.substr(0, head) + std::string(kStars) + digits.substr(digits.size() - tail);
}

std::string name(std::string_view value) {
  std::string out;
  size_t initials = 0;
  for (size_t at = 0; at < value.size() && initials < kMaxInitials;) {
    const auto here = code_point_at(value, at);
    if (!here) return std::string(kBullets);
    if (is_white_space(here->value)) {
      at += here->bytes;
      continue;
    }
    size_t end = at;
    while (const auto next = code_point_at(value, end)) {
      if (is_white_space(next->value)) break;
      end += next->bytes;
    }
    const size_t initial = first_grapheme(value.substr(at, end - at));
    if (initials++ > 0) out += ' ';
    // A word of one letter, a number, or a heap of marks shows nothing.
    if (initial == end - at || initial > kMaxInitialBytes || is_digit(here->value) || here->value == '+') {
      out += kBullet;
    } else {
      out.append(value.substr(at, initial)) += '.';
    }
    at = end;
  }
  return out.empty() ? std::string(kBullets) : out;
}

std::string date(std::string_view value) {
  const bool begins_with_year =
      value.size() >= 8 && value[4] == '-' &&
      std::all_of(value.begin(), value.begin() + 4, [](char c) { return c >= '0' && c <= '9'; });
  if (!begins_with_year) return std::string(kBullets);
  return std::string(value.substr(0, 4)) + "-\u2022\u2022-\u2022\u2022";
}

bool joins_digits(char32_t c) {
  return c == ' ' || c == '-' || c == '+' || c == '(' || c == ')' || c == '.' || c == '/' || c == 0xa0 ||
         (c >= 0x2010 && c <= 0x2014);
}

// How long the number is that begins at `at`, with what people write between its digits; 0: none, or a short one.
size_t number_at(std::string_view value, size_t at) {
  constexpr size_t kMaxBetween = 4;
  size_t digits = 0, end = at, between = 0;
  size_t i = at;
  while (const auto next = code_point_at(value, i)) {
    if (is_digit(next->value)) {
      ++digits;
      between = 0;
      end = i + next->bytes;
    } else if (!joins_digits(next->value) || (i == at && next->value != '+') || ++between > kMaxBetween) {
      break;
    }
    i += next->bytes;
  }
  return digits < kNumberDigits ? 0 : end - at;
}

struct Word {
  size_t bytes = 0;
  bool is_address = false;
};

Word word_at(std::string_view value, size_t at) {
  Word out;
  while (const auto next = code_point_at(value, at + out.bytes)) {
    if (is_white_space(next->value)) break;
    out.is_address = out.is_address || next->value == '@';
    out.bytes += next->bytes;
  }
  return out;
}

std::string text(std::string_view value) {
  if (!is_utf8(value)) return std::string(kBullets);
  std::string out;
  bool begins_word = true, after_digit = false;
  for (size_t at = 0; at < value.size();) {
    const auto here = code_point_at(value, at);
    const Word word = begins_word ? word_at(value, at) : Word();
    // After a digit that is shown, what follows is the rest of a short number.
    const size_t hidden = word.is_address                        ? word.bytes
                          : after_digit && is_digit(here->value) ? 0
                                                                 : number_at(value, at);
    if (hidden > 0) {
      out += kBullets;
      at += hidden;
      begins_word = after_digit = false;
      continue;
    }
    out.append(value.substr(at, here->bytes));
    at += here->bytes;
    begins_word = is_white_space(here->value);
    after_digit = is_digit(here->value);
  }
  return out;
}

}  // namespace

std::string_view to_string(Mask mask) {
  constexpr std::array<std::string_view, 6> kNames = {"hidden", "plain", "phone", "name", "date", "text"};
  return kNames[static_cast<size_t>(mask)];
}

std::string mask_text(Mask mask, std::string_view value) {
  std::string out(kBullets);
  switch (mask) {
    case Mask::kPlain: return std::string(value);
    case Mask::kText: return text(value);
    case Mask::kPhone: out = phone(value); break;
    case Mask::kName: out = name(value); break;
    case Mask::kDate: out = date(value); break;
    case Mask::kHidden: break;
  }
  // Initials of what is nothing but initials.
  return out == value ? std::string(kBullets) : out;
}

}  // namespace rowledger::view
