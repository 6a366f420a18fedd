#pragma once
// The growing side of the tree: everything that is in no full tile yet.
#include <array>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "base/crypto.h"
#include "base/result.h"
#include "ledger/tile.h"
#include "ledger/tile_source.h"
#include "ledger/tree.h"

namespace rowledger::ledger {

// Takes a tile that has become full; bytes are kTileBytes long and valid during the call. It must not fail:
// collect what must be written, and write it afterwards.
using TileSink = std::function<void(TileId id, std::string_view bytes)>;

// A value. One partial tile a level is all that it holds: under 70 KB for any size, about 20 KB at a million
// leaves. Copying takes a few microseconds; appending in two phases is therefore
//
//   TreeEdge next = edge;                       // old stays as it is, whatever happens
//   for (...) next.append(leaf_hash(entry), collect_into_the_write);
//   if (write succeeded) edge = std::move(next);
//
// Not safe for use from two threads while one of them changes it; a reader takes a copy.
class TreeEdge {
 public:
  TreeEdge() = default;  // the empty tree

  // The edge of a tree of this size, from its full tiles and the leaf hashes behind the last full level-0 tile
  // (size % 256 of them, one behind the other). Reads at most 255 tiles a level. kCorrupt when a tile cannot be
  // right by its length, kInvalid when size and leaf hashes do not fit each other. What it reads it believes: compare
  // root() with the newest signed checkpoint.
  static Result<TreeEdge> restore(TreeSize size, std::string_view last_leaf_hashes, const TileSource& source);

  // Adds one leaf. Each tile that it fills goes to sink, lower levels first.
  void append(const Digest& leaf, const TileSink& sink);

  TreeSize size() const { return {size_}; }
  Digest root() const;
  // The hashes of the partial last tile of a level, one behind the other; empty when there is none.
  std::string_view partial(uint32_t level) const { return partial_.at(level); }

 private:
  uint64_t size_ = 0;
  // peaks_[k]: root of the complete subtree of 2^k leaves that stands for bit k of size_; otherwise unused.
  std::array<Digest, 64> peaks_{};
  std::array<std::string, kTileLevels> partial_;
};

}  // namespace rowledger::ledger
