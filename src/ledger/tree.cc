#include "ledger/tree.h"

#include <bit>
#include <cstring>

#include "base/check.h"

namespace rowledger::ledger {
namespace {

constexpr std::string_view kLeafPrefix("\x00", 1), kNodePrefix("\x01", 1);

}  // namespace

// The function of several parts is taken on purpose: it goes to the hash directly, where the one of a
// single part looks the algorithm up each time, at three times the cost of hashing a node.
Digest leaf_hash(std::string_view entry) { return sha256(kLeafPrefix, entry); }

Digest node_hash(const Digest& left, const Digest& right) { return sha256(kNodePrefix, as_view(left), as_view(right)); }

const Digest& empty_root() {
  static const Digest root = sha256(std::string_view());
  return root;
}

uint64_t split_point(uint64_t n) {
  CHECK(n >= 2);
  return std::bit_floor(n - 1);
}

Digest digest_at(std::string_view hashes, size_t i) {
  CHECK(i < hashes.size() / kHashBytes);
  Digest out;
  std::memcpy(out.data(), hashes.data() + i * kHashBytes, kHashBytes);
  return out;
}

}  // namespace rowledger::ledger
