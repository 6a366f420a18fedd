#include "http/accept_encoding.h"

#include <algorithm>
#include <cctype>

namespace rowledger::http {
namespace {

bool equals_ignoring_case(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, [](unsigned char x, unsigned char y) { return std::tolower(x) == std::tolower(y); });
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

std::string_view take_until(std::string_view& text, char separator) {
  const size_t at = text.find(separator);
  const std::string_view out = text.substr(0, at);
  text.remove_prefix(at == std::string_view::npos ? text.size() : at + 1);
  return trimmed(out);
}

// "gzip;q=0" means: not gzip.
bool refused(std::string_view parameters) {
  const std::string_view quality = trimmed(parameters);
  if (!quality.starts_with("q=") && !quality.starts_with("Q=")) return false;
  return quality.substr(2).find_first_not_of("0.") == std::string_view::npos;
}

}  // namespace

bool takes_encoding(std::string_view accept_encoding, std::string_view coding) {
  bool takes = false;
  while (!accept_encoding.empty()) {
    std::string_view item = take_until(accept_encoding, ',');
    const std::string_view name = take_until(item, ';');
    takes = takes || (equals_ignoring_case(name, coding) && !refused(item));
  }
  return takes;
}

}  // namespace rowledger::http
