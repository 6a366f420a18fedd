#pragma once
// Where full tiles are kept: a database, a directory, memory. The room reads nothing by itself.
#include <string>

#include "base/result.h"
#include "ledger/tile.h"

namespace rowledger::ledger {

class TileSource {
 public:
  virtual ~TileSource() = default;
  TileSource(const TileSource&) = delete;
  TileSource& operator=(const TileSource&) = delete;

  // The kTileBytes bytes of a full tile. Only tiles are asked for that a tree of the size at hand must have, so one
  // that is missing is an error (kCorrupt). Called from whichever thread asks for a proof.
  virtual Result<std::string> read_tile(TileId id) const = 0;

 protected:
  TileSource() = default;
};

// read_tile with the answer's length checked: kCorrupt with the tile's path otherwise.
Result<std::string> read_full_tile(const TileSource& source, TileId id);

}  // namespace rowledger::ledger
