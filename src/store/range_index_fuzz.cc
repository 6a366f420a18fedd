// The index's records as read from disk: the first byte says which. Token blocks are also written and read back.
#include "store/range_index.h"

#include <algorithm>
#include <cstdint>
#include <set>

#include "base/bytes.h"
#include "base/check.h"
#include "store/token_filter.h"

namespace rowledger::store {
namespace {

void try_token_block(std::string_view bytes) {
  ByteReader reader(bytes);
  const Token wanted = reader.u32() & ((1u << kTokenBits) - 1);
  (void)read_token_block(token_block(wanted), reader.rest(), {&wanted, 1}, [](Token, uint16_t) {});
}

void round_trip(std::string_view bytes) {
  constexpr uint8_t kBlock = 5;
  ByteReader reader(bytes);
  std::set<uint64_t> pairs;  // token << 16 | position
  while (reader.remaining() >= 4) {
    const Token token = Token{kBlock} << (kTokenBits - kTokenBlockBits) | (reader.u16() & 0x7fffu);
    pairs.insert(uint64_t{token} << 16 | reader.u16());
  }
  const std::vector<uint64_t> sorted(pairs.begin(), pairs.end());
  std::string record;
  encode_token_block(kBlock, sorted.data(), sorted.data() + sorted.size(), record);
  for (size_t i = 0; i < sorted.size(); i += 7) {
    const auto token = static_cast<Token>(sorted[i] >> 16);
    PositionSet found;
    const Token two[] = {token, static_cast<Token>(sorted.back() >> 16)};
    const std::span<const Token> wanted(two, two[0] == two[1] ? 1 : 2);
    CHECK(read_token_block(kBlock, record, wanted, [&](Token one, uint16_t position) {
            if (one == token) found.set(position);
          }).has_value());
    std::vector<Seq> expected;
    for (const uint64_t pair : sorted)
      if (pair >> 16 == token) expected.push_back({pair & 0xffff});
    CHECK(found.seqs(0) == expected);
  }
  // What is erased goes, all else stays, and one cannot tell from the record that something was there.
  KeptTokens erased;
  for (size_t i = 0; i < sorted.size(); i += 3)
    erased[static_cast<uint16_t>(sorted[i])] = {static_cast<Token>(sorted[i / 2] >> 16)};
  std::vector<uint64_t> left;
  for (const uint64_t pair : sorted) {
    const auto found = erased.find(static_cast<uint16_t>(pair));
    if (found == erased.end() || found->second.front() == static_cast<Token>(pair >> 16)) left.push_back(pair);
  }
  std::string expected;
  encode_token_block(kBlock, left.data(), left.data() + left.size(), expected);
  const auto rewritten = without_dropped(kBlock, record, erased);
  CHECK(rewritten.has_value() && rewritten->value_or(record) == expected);
}

}  // namespace
}  // namespace rowledger::store

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace rowledger::store;
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  PositionSet found;
  switch (data[0] % 5) {
    case 0: (void)decode_summary(bytes); break;
    case 1: (void)read_bitmap(bytes, found); break;
    case 2:
      try_token_block(bytes);
      (void)without_dropped(5, bytes, {{7, {1}}, {9, {}}});
      break;
    case 3: round_trip(bytes); break;
    default: (void)may_have(bytes, (1u << kTokenBits) - 1);
  }
  return 0;
}
