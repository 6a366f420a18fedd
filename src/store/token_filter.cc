#include "store/token_filter.h"

#include <algorithm>
#include <bit>

namespace rowledger::store {
namespace {

constexpr char kVersion = 1;
constexpr unsigned kFewestBits = 10;

// One bit for all tokens that begin alike.
struct Place {
  size_t byte;
  uint8_t bit;
};
Place place_of(Token token, size_t bits) {
  const Token at = token >> (kTokenBits - static_cast<unsigned>(std::countr_zero(bits)));
  return {1 + at / 8, static_cast<uint8_t>(1u << at % 8)};
}

}  // namespace

TokenFilter::TokenFilter(size_t tokens)
    : record_(1 + std::clamp(std::bit_ceil(2 * tokens), size_t{1} << kFewestBits, size_t{1} << kTokenBits) / 8, '\0') {
  record_[0] = kVersion;
}

void TokenFilter::add(Token token) {
  const Place at = place_of(token, (record_.size() - 1) * 8);
  record_[at.byte] = static_cast<char>(static_cast<uint8_t>(record_[at.byte]) | at.bit);
}

Result<bool> may_have(std::string_view filter, Token token) {
  const size_t bits = filter.empty() ? 0 : (filter.size() - 1) * 8;
  if (!std::has_single_bit(bits) || bits > size_t{1} << kTokenBits || filter.front() != kVersion)
    return fail(ErrorCode::kCorrupt, "a record of the index is malformed");
  const Place at = place_of(token, bits);
  return (static_cast<uint8_t>(filter[at.byte]) & at.bit) != 0;
}

}  // namespace rowledger::store
