#include "ledger/tree_edge.h"

#include <fmt/format.h>

#include <bit>
#include <utility>

#include "base/check.h"

namespace rowledger::ledger {

Result<std::string> read_full_tile(const TileSource& source, TileId id) {
  RL_ASSIGN(std::string bytes, source.read_tile(id));
  if (bytes.size() != kTileBytes)
    return fail(ErrorCode::kCorrupt,
                fmt::format("{} has {} bytes instead of {}", tile_path(id), bytes.size(), kTileBytes));
  return bytes;
}

void TreeEdge::append(const Digest& leaf, const TileSink& sink) {
  CHECK(size_ < kMaxTreeSize);
  Digest hash = leaf;
  // As in adding one to a binary number: each complete subtree of the same height is taken up into a higher one.
  for (uint32_t height = 0;; ++height) {
    if (height % kTileHeight == 0) {
      const uint32_t level = height / kTileHeight;
      std::string& tile = partial_[level];
      tile.append(as_view(hash));
      if (tile.size() == kTileBytes) {
        sink({level, size_ >> (kTileHeight * (level + 1))}, tile);
        tile.clear();
      }
    }
    if ((size_ >> height & 1) == 0) {
      peaks_[height] = hash;
      break;
    }
    hash = node_hash(peaks_[height], hash);
  }
  ++size_;
}

Digest TreeEdge::root() const {
  if (size_ == 0) return empty_root();
  int height = std::countr_zero(size_);
  Digest hash = peaks_[height];
  for (uint64_t rest = size_ & (size_ - 1); rest != 0; rest &= rest - 1) {
    height = std::countr_zero(rest);
    hash = node_hash(peaks_[height], hash);
  }
  return hash;
}

Result<TreeEdge> TreeEdge::restore(TreeSize size, std::string_view last_leaf_hashes, const TileSource& source) {
  if (size.value > kMaxTreeSize)
    return fail(ErrorCode::kInvalid, fmt::format("{} is larger than any tree can be", size.value));
  if (last_leaf_hashes.size() != partial_width(size, 0) * kHashBytes)
    return fail(ErrorCode::kInvalid, fmt::format("a tree of {} leaves has {} behind its last full tile, not {} bytes",
                                                 size.value, partial_width(size, 0), last_leaf_hashes.size()));
  TreeEdge edge;
  edge.size_ = size.value;
  edge.partial_[0] = last_leaf_hashes;
  for (uint32_t level = 1; level < kTileLevels; ++level) {
    const uint64_t end = hashes_at_level(size, level);
    for (uint64_t below = end - end % kTileWidth; below < end; ++below) {
      RL_ASSIGN(const std::string tile, read_full_tile(source, {level - 1, below}));
      edge.partial_[level].append(as_view(subtree_root(tile)));
    }
  }
  for (uint32_t level = 0; level < kTileLevels; ++level) {
    std::string_view rest = edge.partial_[level];
    while (!rest.empty()) {
      const size_t width = std::bit_floor(rest.size() / kHashBytes);
      edge.peaks_[level * kTileHeight + std::countr_zero(width)] = subtree_root(rest.substr(0, width * kHashBytes));
      rest.remove_prefix(width * kHashBytes);
    }
  }
  return edge;
}

}  // namespace rowledger::ledger
