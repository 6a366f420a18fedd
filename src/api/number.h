#pragma once
// Whole numbers as they come from clients: a limit, an entry's number, Last-Event-ID.
#include <cstdint>
#include <optional>
#include <string_view>

namespace rowledger::api {

// Digits only; nothing for anything else, and for what is too large.
std::optional<uint64_t> parse_number(std::string_view text);

}  // namespace rowledger::api
