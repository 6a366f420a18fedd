#include "ledger/tlog_layout.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "ledger/tile.h"
#include "ledger/tree_edge.h"

namespace rowledger::ledger {
namespace {

struct FullTile {
  TileId id;
  std::string bytes;
};

// Compares with the stored tile and gives it away.
Status write_tile(TileId id, std::string_view bytes, const TileTree& tree, const LayoutSink& sink) {
  const auto width = static_cast<uint32_t>(bytes.size() / kHashBytes);
  RL_ASSIGN(const std::string stored, tree.tile(id, width));
  if (stored == bytes) return sink(tile_path(id, width), bytes);
  const auto differs = std::mismatch(stored.begin(), stored.end(), bytes.begin()).first - stored.begin();
  const uint64_t place = id.index * kTileWidth + static_cast<uint64_t>(differs) / kHashBytes;
  return fail(ErrorCode::kCorrupt,
              id.level == 0
                  ? fmt::format("entry {} is not what the tree holds", place)
                  : fmt::format("hash {} of the tree's level {} does not follow from the entries", place, id.level));
}

Status write_bundle(LeafIndex first, const std::vector<std::string>& entries, const LayoutSink& sink) {
  std::string bundle;
  for (size_t i = 0; i < entries.size(); ++i) {
    if (entries[i].size() > kMaxEntryBytes)
      return fail(ErrorCode::kCorrupt,
                  fmt::format("entry {} is longer than {} bytes", first.value + i, kMaxEntryBytes));
    append_to_bundle(entries[i], bundle);
  }
  return sink(entries_path(first.value / kTileWidth, static_cast<uint32_t>(entries.size())), bundle);
}

}  // namespace

Status write_tlog_layout(const SignedCheckpoint& checkpoint, const TileTree& tree, const EntryReader& entries,
                         const LayoutSink& sink) {
  const uint64_t size = checkpoint.checkpoint.size.value;
  TreeEdge edge;
  std::vector<FullTile> full;
  const TileSink collect = [&full](TileId id, std::string_view bytes) { full.push_back({id, std::string(bytes)}); };
  for (uint64_t first = 0; first < size; first += kTileWidth) {
    const auto count = static_cast<uint32_t>(std::min<uint64_t>(kTileWidth, size - first));
    RL_ASSIGN(const std::vector<std::string> bundle, entries({first}, count));
    if (bundle.size() != count)
      return fail(ErrorCode::kCorrupt,
                  fmt::format("{} entries from {} on are not there", count - bundle.size(), first));
    for (const std::string& entry : bundle) edge.append(leaf_hash(entry), collect);
    RL_TRY(write_bundle({first}, bundle, sink));
    for (const FullTile& tile : full) RL_TRY(write_tile(tile.id, tile.bytes, tree, sink));
    full.clear();
  }
  for (uint32_t level = 0; level < kTileLevels; ++level) {
    const std::string_view bytes = edge.partial(level);
    if (bytes.empty()) continue;
    RL_TRY(write_tile({level, hashes_at_level(edge.size(), level) / kTileWidth}, bytes, tree, sink));
  }
  if (edge.root() != checkpoint.checkpoint.root)
    return fail(ErrorCode::kCorrupt,
                fmt::format("the {} entries do not give the root that the checkpoint signed", size));
  return sink("checkpoint", checkpoint.encode());
}

}  // namespace rowledger::ledger
