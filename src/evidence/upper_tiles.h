#pragma once
// The tiles above level 0, computed from the bundles' roots and compared with those that are stored. Private to the
// room.
#include <array>
#include <string>

#include "evidence/findings.h"
#include "ledger/tile.h"
#include "ledger/tile_source.h"

namespace rowledger::evidence {

class UpperTiles {
 public:
  UpperTiles(const ledger::TileSource& tiles, FindingList& findings) : tiles_(tiles), findings_(findings) {}

  // The next bundle's root, in order. An error is one that kept it from looking.
  Status add(const Digest& root) { return add(root, 1); }
  uint64_t tiles() const { return checked_; }

 private:
  Status add(const Digest& hash, uint32_t level);
  Status compare(ledger::TileId id, std::string_view computed);

  const ledger::TileSource& tiles_;
  FindingList& findings_;
  std::array<std::string, ledger::kTileLevels> partial_;
  std::array<uint64_t, ledger::kTileLevels> next_{};
  uint64_t checked_ = 0;
};

}  // namespace rowledger::evidence
