// Proofs from anybody: any text is taken or refused, what is taken has one spelling, and none proves what is not so.
#include <cstdint>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/check.h"
#include "ledger/ledger_testing.h"
#include "ledger/tlog_proof.h"
#include "ledger/verifier.h"

namespace rowledger::ledger {
namespace {

// The entry of tests/golden/ledger/258.tlog-proof.
constexpr uint64_t kIndex = 258, kSize = 300;

void check_text(std::string_view text) {
  static const SigningKey key = testing::test_key();
  const auto proof = parse_tlog_proof(text);
  const auto proven = verify_tlog_proof(testing::entry_at(kIndex), text, {{key.verifier()}});
  if (!proof) {
    CHECK(proof.error().code == ErrorCode::kCorrupt);
    CHECK(!proven);
    return;
  }
  CHECK(format_tlog_proof(*proof) == text);
  if (proven) CHECK(proven->index.value == kIndex && proven->checkpoint.checkpoint.size.value == kSize);
  CHECK(!verify_tlog_proof(testing::entry_at(kIndex + 1), text, {{key.verifier()}}).has_value());
}

// The verifier alone, with numbers and hashes that no parser has looked at.
void check_verifier(std::string_view bytes) {
  ByteReader reader(bytes);
  const uint64_t first = reader.u64(), size = reader.u64();
  std::vector<Digest> hashes;
  while (reader.remaining() >= kHashBytes) hashes.push_back(digest_at(reader.raw(kHashBytes), 0));
  if (!reader.ok() || hashes.size() < 2) return;
  const Digest leaf = hashes.back(), root = hashes.front();
  const std::vector<Digest> proof(hashes.begin() + 1, hashes.end() - 1);
  const auto included = verify_inclusion(leaf, {first}, {size}, proof, root);
  if (included) CHECK(first < size && proof.size() <= 64);
  const auto consistent = verify_consistency({first}, leaf, {size}, root, proof);
  if (consistent) CHECK(first <= size && proof.size() <= 65);
}

}  // namespace
}  // namespace rowledger::ledger

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  rowledger::ledger::check_text(bytes);
  rowledger::ledger::check_verifier(bytes);
  return 0;
}
