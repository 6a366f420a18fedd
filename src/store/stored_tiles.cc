#include "store/stored_tiles.h"

#include <fmt/format.h>

#include "store/store_keys.h"

namespace rowledger::store {

Result<std::string> StoredTiles::read_tile(ledger::TileId id) const {
  rocksdb::PinnableSlice value;
  RL_ASSIGN(const bool found, database_.get(Family::kTiles, tile_key(id), value));
  if (!found)
    return fail(ErrorCode::kCorrupt,
                fmt::format("the log lacks {}: restore the data directory from a backup", ledger::tile_path(id)));
  return value.ToString();
}

}  // namespace rowledger::store
