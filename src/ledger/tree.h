#pragma once
// The hashes of the Merkle tree over the log's entries: RFC 6962 section 2.1 with SHA-256.
// An entry is a leaf as its encoded bytes stand; the leaf's index is the entry's seq.
// Pure functions, safe from any thread.
#include <cstdint>
#include <string_view>

#include "base/crypto.h"
#include "base/ids.h"

namespace rowledger::ledger {

// A leaf's 0-based position in the tree.
using LeafIndex = StrongId<struct LeafIndexTag, uint64_t>;
// How many leaves a tree has.
using TreeSize = StrongId<struct TreeSizeTag, uint64_t>;

// The largest size: what verifiers with signed 64-bit integers can read.
inline constexpr uint64_t kMaxTreeSize = INT64_MAX;
inline constexpr size_t kHashBytes = 32;

// SHA-256(0x00 || entry)
Digest leaf_hash(std::string_view entry);
// SHA-256(0x01 || left || right)
Digest node_hash(const Digest& left, const Digest& right);
// The root of the tree without leaves: SHA-256 of nothing.
const Digest& empty_root();

// The largest power of two smaller than n: where RFC 6962 splits n leaves. n is at least 2.
uint64_t split_point(uint64_t n);

// The digest that stands at position i of hashes written one behind the other.
Digest digest_at(std::string_view hashes, size_t i);

}  // namespace rowledger::ledger
