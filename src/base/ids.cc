#include "base/ids.h"

#include <fmt/format.h>

#include <charconv>

namespace rowledger {

std::string Lsn::to_string() const {
  return fmt::format("{:X}/{:X}", static_cast<uint32_t>(value >> 32), static_cast<uint32_t>(value));
}

std::optional<Lsn> Lsn::parse(std::string_view text) {
  auto half = [](std::string_view digits) -> std::optional<uint64_t> {
    uint32_t out = 0;
    auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), out, 16);
    if (error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
    return out;
  };
  const size_t slash = text.find('/');
  if (slash == std::string_view::npos) return std::nullopt;
  auto high = half(text.substr(0, slash)), low = half(text.substr(slash + 1));
  if (!high || !low) return std::nullopt;
  return Lsn{*high << 32 | *low};
}

}  // namespace rowledger
