#pragma once
// How a value is shown to a reader who may not see it as it is (docs/masking.md). A mask never shows the whole of a
// value that it hides something of, and never splits a letter from the marks that belong to it.
#include <optional>
#include <string>
#include <string_view>

namespace rowledger::view {

enum class Mask : unsigned char {
  kHidden,  // nothing: what nobody has classified
  kPlain,   // as it is
  kPhone,   // the first four and the last two characters
  kName,    // initials
  kDate,    // the year
  kText,    // all but numbers of five digits or more, and addresses of e-mail
};
std::string_view to_string(Mask mask);  // "hidden"

inline constexpr std::string_view kBullets = "\u2022\u2022\u2022\u2022";

// Any bytes; the answer is UTF-8, unless the mask is kPlain.
std::string mask_text(Mask mask, std::string_view value);

}  // namespace rowledger::view
