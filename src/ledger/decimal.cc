#include "ledger/decimal.h"

#include <charconv>

#include "ledger/tree.h"

namespace rowledger::ledger {

std::optional<uint64_t> parse_decimal(std::string_view text) {
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  if ((text.size() > 1 && text.front() == '0') || value > kMaxTreeSize) return std::nullopt;
  return value;
}

}  // namespace rowledger::ledger
