#pragma once
// Checks proofs about a tree of which only a root is known: RFC 9162 sections 2.1.3.2 and 2.1.4.2, over the hashes
// of RFC 6962. Bytes alone: no tiles, no store, no network. Safe from any thread.
//
// An error is always kCorrupt; its message says what does not fit.
#include <span>

#include "base/crypto.h"
#include "base/result.h"
#include "ledger/tree.h"

namespace rowledger::ledger {

// The leaf with this hash stands at index in the tree of that size and root.
Status verify_inclusion(const Digest& leaf, LeafIndex index, TreeSize size, std::span<const Digest> proof,
                        const Digest& root);

// The tree of the new size and root begins with all the leaves of the old one. The proof is empty, and has to be,
// when the sizes are equal or the old one is 0.
Status verify_consistency(TreeSize old_size, const Digest& old_root, TreeSize new_size, const Digest& new_root,
                          std::span<const Digest> proof);

}  // namespace rowledger::ledger
