#pragma once
// Keys and small values of the store's records (docs/format/store.md).
#include <string>
#include <string_view>

#include "ledger/tile.h"
#include "store/store.h"

namespace rowledger::store {

void append_state_key(TableId table, std::string_view key, std::string& out);
std::string state_key(TableId table, std::string_view key);
// No table's key: tables are numbered in four bytes, from 1.
inline constexpr std::string_view kAppliedKey =
    "\xff"
    "applied";

// Writes at most max_row_bytes; returns how many.
size_t max_row_bytes(const RowState& row);
size_t encode_row(const RowState& row, privacy::KeyId seal_key, char* out);
Result<RowState> decode_row(std::string_view value);
// The same without a copy of the image.
struct RowView {
  RowState head;           // its image is empty
  std::string_view image;  // as stored
};
Result<RowView> view_row(std::string_view value);

std::string seq_key(Seq seq);
std::string body_chunk_key(Seq seq, uint32_t chunk);
std::string number_key(uint64_t number);
std::string tile_key(ledger::TileId id);
std::string index_key(uint64_t range, std::string_view rest);

// What a key of the meta family begins with.
inline constexpr char kPosition = 'p', kCursor = 'c', kSchema = 's', kTenant = 't', kFree = 'm', kCheckpoint = 'n',
                      kKeySlots = 'k', kWipe = 'w', kDictionary = 'd', kCursorTag = 'a';
std::string meta_key(char type, std::string_view rest = {});
// Stands while older files may hold what was erased from the range's index.
std::string wipe_key(uint64_t range);
std::string encode_cursor(const Cursor& cursor);
Result<Cursor> decode_cursor(std::string_view value);

}  // namespace rowledger::store
