#include "ledger/tile_tree.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <deque>
#include <utility>

#include "base/check.h"

namespace rowledger::ledger {
namespace {

// Reads tiles for one proof, each once.
class Reader {
 public:
  Reader(const TileSource& source, const TreeEdge& edge) : source_(source), edge_(edge) {}

  // MTH(D[begin:end)) of RFC 6962. begin is a multiple of a power of two that is no smaller than end - begin.
  Result<Digest> range(uint64_t begin, uint64_t end) {
    CHECK(begin < end && end <= edge_.size().value);
    std::vector<Digest> parts;  // complete subtrees, largest first
    while (begin < end) {
      const auto height = static_cast<uint32_t>(std::bit_width(end - begin) - 1);
      RL_ASSIGN(parts.emplace_back(), subtree(height, begin >> height));
      begin += uint64_t{1} << height;
    }
    Digest hash = parts.back();
    for (size_t i = parts.size() - 1; i-- > 0;) hash = node_hash(parts[i], hash);
    return hash;
  }

  // All hashes of a tile that there are.
  Result<std::string_view> tile(TileId id) {
    if (id.index == hashes_at_level(edge_.size(), id.level) / kTileWidth) return edge_.partial(id.level);
    for (const auto& [known, bytes] : tiles_)
      if (known == id) return std::string_view(bytes);
    RL_ASSIGN(std::string bytes, read_full_tile(source_, id));
    return std::string_view(tiles_.emplace_back(id, std::move(bytes)).second);
  }

 private:
  // The root of the complete subtree over leaves [index 2^height, (index + 1) 2^height).
  Result<Digest> subtree(uint32_t height, uint64_t index) {
    const uint32_t level = height / kTileHeight, inside = height % kTileHeight;
    const uint64_t first = index << inside;
    RL_ASSIGN(const std::string_view hashes, tile({level, first / kTileWidth}));
    const size_t begin = first % kTileWidth * kHashBytes, length = kHashBytes << inside;
    CHECK(begin + length <= hashes.size());
    return subtree_root(hashes.substr(begin, length));
  }

  const TileSource& source_;
  const TreeEdge& edge_;
  std::deque<std::pair<TileId, std::string>> tiles_;  // a deque, so that views stay valid
};

using Range = std::pair<uint64_t, uint64_t>;

Result<std::vector<Digest>> hash_upwards(Reader reader, const std::vector<Range>& downwards) {
  std::vector<Digest> out;
  out.reserve(downwards.size());
  for (size_t i = downwards.size(); i-- > 0;) {
    RL_ASSIGN(out.emplace_back(), reader.range(downwards[i].first, downwards[i].second));
  }
  return out;
}

Status check_size(TreeSize size, const TreeEdge& edge) {
  if (size <= edge.size()) return {};
  return fail(ErrorCode::kInvalid,
              fmt::format("there is no tree of {} leaves yet, only of {}", size.value, edge.size().value));
}

}  // namespace

Result<Digest> TileTree::root(TreeSize size) const {
  RL_TRY(check_size(size, edge_));
  if (size.value == 0) return empty_root();
  if (size == edge_.size()) return edge_.root();
  return Reader(source_, edge_).range(0, size.value);
}

Result<std::vector<Digest>> TileTree::prove_inclusion(LeafIndex index, TreeSize size) const {
  RL_TRY(check_size(size, edge_));
  if (index.value >= size.value)
    return fail(ErrorCode::kInvalid, fmt::format("a tree of {} leaves has no leaf {}", size.value, index.value));
  std::vector<Range> siblings;
  uint64_t begin = 0, end = size.value;
  while (end - begin > 1) {
    const uint64_t middle = begin + split_point(end - begin);
    if (index.value < middle) {
      siblings.emplace_back(middle, end);
      end = middle;
    } else {
      siblings.emplace_back(begin, middle);
      begin = middle;
    }
  }
  return hash_upwards(Reader(source_, edge_), siblings);
}

Result<std::vector<Digest>> TileTree::prove_consistency(TreeSize old_size, TreeSize new_size) const {
  RL_TRY(check_size(new_size, edge_));
  if (old_size > new_size)
    return fail(ErrorCode::kInvalid,
                fmt::format("the older size, {}, is larger than the newer, {}", old_size.value, new_size.value));
  if (old_size.value == 0) return std::vector<Digest>();
  std::vector<Range> parts;
  uint64_t begin = 0, end = new_size.value;
  while (end != old_size.value) {
    const uint64_t middle = begin + split_point(end - begin);
    if (old_size.value <= middle) {
      parts.emplace_back(middle, end);
      end = middle;
    } else {
      parts.emplace_back(begin, middle);
      begin = middle;
    }
  }
  // The old tree itself, when it is a complete subtree of the new one, is known to the verifier.
  if (begin != 0) parts.emplace_back(begin, end);
  return hash_upwards(Reader(source_, edge_), parts);
}

Result<std::string> TileTree::tile(TileId id, uint32_t width) const {
  CHECK(width >= 1 && width <= kTileWidth);
  const bool exists = id.level < kTileLevels && id.index <= hashes_at_level(size(), id.level) / kTileWidth &&
                      id.index * kTileWidth + width <= hashes_at_level(size(), id.level);
  if (!exists)
    return fail(ErrorCode::kInvalid, fmt::format("a tree of {} leaves has no {}", size().value, tile_path(id, width)));
  Reader reader(source_, edge_);
  RL_ASSIGN(const std::string_view hashes, reader.tile(id));
  return std::string(hashes.substr(0, width * kHashBytes));
}

}  // namespace rowledger::ledger
