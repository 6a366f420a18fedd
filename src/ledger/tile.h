#pragma once
// Tiles: the tree cut into pieces of 256 hashes, and entry bundles: 256 entries each, with the paths under
// which they are published (https://c2sp.org/tlog-tiles, docs/format/tree.md). Bytes and text only.
//
// A tile of level L and index N holds, at place i, the root of the complete subtree over the leaves
// [(256 N + i) 256^L, (256 N + i + 1) 256^L). At level 0 these are leaf hashes. A full tile is 8,192 bytes;
// only the last tile of a level can be partial. Pure functions, safe from any thread.
#include <compare>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/crypto.h"
#include "base/result.h"
#include "ledger/tree.h"

namespace rowledger::ledger {

inline constexpr uint32_t kTileWidth = 256;
inline constexpr uint32_t kTileHeight = 8;  // levels of the binary tree that one tile spans
inline constexpr size_t kTileBytes = kTileWidth * kHashBytes;
// Levels that a tree of kMaxTreeSize leaves can have; a path can name more (the specification's 0 to 63).
inline constexpr uint32_t kTileLevels = 8;
inline constexpr uint32_t kMaxPathLevel = 63;
inline constexpr size_t kMaxEntryBytes = 65'535;

struct TileId {
  uint32_t level = 0;
  uint64_t index = 0;
  auto operator<=>(const TileId&) const = default;
};

// How many complete hashes of this level a tree has, over all its tiles; level is below kTileLevels.
uint64_t hashes_at_level(TreeSize size, uint32_t level);
// How many of them stand in the partial last tile of the level: 0 to 255.
uint32_t partial_width(TreeSize size, uint32_t level);

// "tile/0/x001/x234/067", "tile/0/x001/x234/067.p/8", "tile/entries/000". width is 1 to 256; 256 is a full tile.
std::string tile_path(TileId id, uint32_t width = kTileWidth);
std::string entries_path(uint64_t index, uint32_t width = kTileWidth);

struct TilePath {
  bool entries = false;  // an entry bundle; id.level is 0 then
  TileId id;
  uint32_t width = kTileWidth;
  bool operator==(const TilePath&) const = default;
};
// Takes exactly what the two functions above give, with any level that the specification knows; otherwise
// kInvalid.
Result<TilePath> parse_tile_path(std::string_view path);

// Appends one entry to an entry bundle: its length as big-endian uint16, then its bytes. The entry is at most
// kMaxEntryBytes long; the caller has seen to that.
void append_to_bundle(std::string_view entry, std::string& bundle);
// The entries of a bundle of exactly that many, as views into it; otherwise kCorrupt. width is 1 to 256.
Result<std::vector<std::string_view>> decode_bundle(std::string_view bundle, uint32_t width);

// The root of the complete subtree over hashes, which stand one behind the other: 1, 2, 4, ... or 256 of them.
Digest subtree_root(std::string_view hashes);

}  // namespace rowledger::ledger
