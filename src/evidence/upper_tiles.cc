#include "evidence/upper_tiles.h"

#include <fmt/format.h>

#include "base/check.h"

namespace rowledger::evidence {

Status UpperTiles::add(const Digest& hash, uint32_t level) {
  CHECK(level < ledger::kTileLevels);
  std::string& tile = partial_[level];
  tile.append(as_view(hash));
  if (tile.size() < ledger::kTileBytes) return {};
  RL_TRY(compare({level, next_[level]++}, tile));
  const Digest root = ledger::subtree_root(tile);
  tile.clear();
  return add(root, level + 1);
}

Status UpperTiles::compare(ledger::TileId id, std::string_view computed) {
  ++checked_;
  const auto stored = ledger::read_full_tile(tiles_, id);
  if (!stored && stored.error().code != ErrorCode::kCorrupt) return fail(stored.error());
  if (!stored) {
    findings_.add(std::nullopt, stored.error().message);
  } else if (*stored != computed) {
    findings_.add(std::nullopt, fmt::format("{} does not follow from the entries", ledger::tile_path(id)));
  }
  return {};
}

}  // namespace rowledger::evidence
