#include "http/accept_encoding.h"

#include "base/ascii.h"

namespace rowledger::http {
namespace {

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
