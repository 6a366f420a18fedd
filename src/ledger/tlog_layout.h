#pragma once
// The whole log as the files of https://c2sp.org/tlog-tiles: what an export writes and a web server could serve as
// it is. Paths and bytes only; who writes them is the caller's affair.
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "ledger/checkpoint.h"
#include "ledger/tile_tree.h"

namespace rowledger::ledger {

// The encoded entries first, first + 1, ...; count of them, 1 to 256, all within one bundle.
using EntryReader = std::function<Result<std::vector<std::string>>(LeafIndex first, uint32_t count)>;
// One file: its path below the export's directory, and its bytes.
using LayoutSink = std::function<Status(const std::string& path, std::string_view bytes)>;

// Gives every entry bundle and tile of the checkpoint's tree to sink, partial ones last, and then "checkpoint".
// tree has at least the checkpoint's size. The tree is made anew from the entries: an entry or a tile that differs
// from it, or another root than the checkpoint's, ends the export with kCorrupt before "checkpoint" is given, so that
// an export with a checkpoint is a whole one. Needs memory for one bundle and the tree's edge.
Status write_tlog_layout(const SignedCheckpoint& checkpoint, const TileTree& tree, const EntryReader& entries,
                         const LayoutSink& sink);

}  // namespace rowledger::ledger
