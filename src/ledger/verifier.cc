#include "ledger/verifier.h"

#include <fmt/format.h>

#include <bit>

namespace rowledger::ledger {
namespace {

tl::unexpected<Error> refuse(std::string message) { return fail(ErrorCode::kCorrupt, std::move(message)); }

// A row's last node without a sibling stands for itself in the rows above, until it has one on its left.
// node is not 0.
void climb(uint64_t& node, uint64_t& last) {
  const int rows = std::countr_zero(node);
  node >>= rows;
  last >>= rows;
}

Status check_equal(const Digest& a, const Digest& b, std::string_view what) {
  if (a == b) return {};
  return refuse(fmt::format("{} does not follow from the proof", what));
}

}  // namespace

Status verify_inclusion(const Digest& leaf, LeafIndex index, TreeSize size, std::span<const Digest> proof,
                        const Digest& root) {
  if (index.value >= size.value)
    return refuse(fmt::format("a tree of {} leaves has no leaf {}", size.value, index.value));
  // node: the place of hash in its row; last: the place of the row's last node.
  uint64_t node = index.value, last = size.value - 1;
  Digest hash = leaf;
  for (const Digest& sibling : proof) {
    if (last == 0) return refuse("the inclusion proof has too many hashes");
    if ((node & 1) == 1 || node == last) {
      hash = node_hash(sibling, hash);
      climb(node, last);
    } else {
      hash = node_hash(hash, sibling);
    }
    node >>= 1;
    last >>= 1;
  }
  if (last != 0) return refuse("the inclusion proof has too few hashes");
  return check_equal(hash, root, "the root");
}

Status verify_consistency(TreeSize old_size, const Digest& old_root, TreeSize new_size, const Digest& new_root,
                          std::span<const Digest> proof) {
  if (old_size > new_size)
    return refuse(fmt::format("a tree of {} leaves cannot continue one of {}", new_size.value, old_size.value));
  if (old_size.value == 0 && old_root != empty_root()) return refuse("the empty tree has another root");
  if (new_size.value == 0 && new_root != empty_root()) return refuse("the empty tree has another root");
  if (old_size.value == 0 || old_size == new_size) {
    if (!proof.empty()) return refuse("the consistency proof has hashes where none are needed");
    if (old_size == new_size && old_root != new_root) return refuse("two trees of the same size have different roots");
    return {};
  }
  uint64_t node = old_size.value - 1, last = new_size.value - 1;
  const int complete = std::countr_one(node);
  node >>= complete;
  last >>= complete;
  // An old tree that is a complete subtree of the new one is where the path begins; it is not in the proof.
  const bool starts_at_old_root = node == 0;
  if (!starts_at_old_root && proof.empty()) return refuse("the consistency proof has too few hashes");
  Digest old_hash = starts_at_old_root ? old_root : proof.front();
  Digest new_hash = old_hash;
  for (const Digest& sibling : proof.subspan(starts_at_old_root ? 0 : 1)) {
    if (last == 0) return refuse("the consistency proof has too many hashes");
    if ((node & 1) == 1 || node == last) {
      old_hash = node_hash(sibling, old_hash);
      new_hash = node_hash(sibling, new_hash);
      climb(node, last);
    } else {
      new_hash = node_hash(new_hash, sibling);
    }
    node >>= 1;
    last >>= 1;
  }
  if (last != 0) return refuse("the consistency proof has too few hashes");
  RL_TRY(check_equal(old_hash, old_root, "the older root"));
  return check_equal(new_hash, new_root, "the newer root");
}

}  // namespace rowledger::ledger
