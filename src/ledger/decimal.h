#pragma once
// Numbers as the C2SP texts spell them.
#include <cstdint>
#include <optional>
#include <string_view>

namespace rowledger::ledger {

// ASCII digits without sign and without leading zeros; at most kMaxTreeSize. Nothing for all else.
std::optional<uint64_t> parse_decimal(std::string_view text);

}  // namespace rowledger::ledger
