#pragma once
// Roots, proofs and tiles of the tree at any size up to the present one, from full tiles and the edge.
#include <string>
#include <vector>

#include "base/crypto.h"
#include "base/result.h"
#include "ledger/tile_source.h"
#include "ledger/tree.h"
#include "ledger/tree_edge.h"

namespace rowledger::ledger {

// Borrows both; they must outlive it and not change meanwhile. Const use from any thread, if the source allows it.
// Tiles are believed as they are read: check a proof with verifier.h against a signed root before handing it out.
//
// All functions fail with kInvalid for a position or size that the tree does not have, and with the source's error.
class TileTree {
 public:
  TileTree(const TileSource& source, const TreeEdge& edge) : source_(source), edge_(edge) {}

  TreeSize size() const { return edge_.size(); }
  Result<Digest> root(TreeSize size) const;
  // The audit path of RFC 6962 section 2.1.1, from the leaf's sibling upwards; at most 63 hashes. index < size.
  // Reads about one tile a level.
  Result<std::vector<Digest>> prove_inclusion(LeafIndex index, TreeSize size) const;
  // The consistency proof of RFC 6962 section 2.1.2; empty when the sizes are equal or the old one is 0.
  Result<std::vector<Digest>> prove_consistency(TreeSize old_size, TreeSize new_size) const;
  // The first width hashes of a tile, full or partial, one behind the other; width is 1 to 256.
  Result<std::string> tile(TileId id, uint32_t width) const;

 private:
  const TileSource& source_;
  const TreeEdge& edge_;
};

}  // namespace rowledger::ledger
