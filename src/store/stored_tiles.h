#pragma once
// The tree's full tiles, as they are in the database. Any thread.
#include "ledger/tile_source.h"
#include "store/database.h"

namespace rowledger::store {

class StoredTiles final : public ledger::TileSource {
 public:
  explicit StoredTiles(const Database& database) : database_(database) {}
  Result<std::string> read_tile(ledger::TileId id) const override;

 private:
  const Database& database_;
};

}  // namespace rowledger::store
