#include "store/store_keys.h"

#include <cstring>

#include "base/bytes.h"

namespace rowledger::store {
namespace {

constexpr size_t kMaxVarintBytes = 10;
constexpr uint64_t kDeletedRow = 1, kErasedRow = 2;

char* put_varint(uint64_t v, char* out) {
  for (; v >= 0x80; v >>= 7) *out++ = static_cast<char>(v | 0x80);
  *out++ = static_cast<char>(v);
  return out;
}

}  // namespace

void append_state_key(TableId table, std::string_view key, std::string& out) {
  ByteWriter writer(out);
  writer.u32(table.value);
  writer.raw(key);
}

std::string state_key(TableId table, std::string_view key) {
  std::string out;
  out.reserve(4 + key.size());
  append_state_key(table, key, out);
  return out;
}

size_t max_row_bytes(const RowState& row) { return 3 * kMaxVarintBytes + row.image.size(); }

size_t encode_row(const RowState& row, privacy::KeyId seal_key, char* out) {
  char* at = put_varint(row.newest.value, out);
  at =
      put_varint(uint64_t{row.schema.value} << 2 | (row.erased ? kErasedRow : 0) | (row.deleted ? kDeletedRow : 0), at);
  at = put_varint(seal_key.value, at);
  const std::string_view image = row.deleted || row.erased ? std::string_view() : row.image;
  if (!image.empty()) std::memcpy(at, image.data(), image.size());
  return static_cast<size_t>(at - out) + image.size();
}

Result<RowView> view_row(std::string_view value) {
  ByteReader reader(value);
  RowView row;
  row.head.newest = {reader.varint()};
  const uint64_t schema = reader.varint();
  row.head.key = {reader.varint()};
  if (!reader.ok()) return fail(ErrorCode::kCorrupt, "a row of the state is malformed");
  row.head.schema = {static_cast<uint32_t>(schema >> 2)};
  row.head.deleted = schema & kDeletedRow;
  row.head.erased = schema & kErasedRow;
  row.image = reader.rest();
  return row;
}

Result<RowState> decode_row(std::string_view value) {
  RL_ASSIGN(RowView row, view_row(value));
  row.head.image = row.image;
  return std::move(row.head);
}

std::string seq_key(Seq seq) { return number_key(seq.value); }

std::string body_chunk_key(Seq seq, uint32_t chunk) {
  std::string key = seq_key(seq);
  ByteWriter(key).u32(chunk);
  return key;
}

std::string number_key(uint64_t number) {
  std::string out;
  ByteWriter(out).u64(number);
  return out;
}

std::string tile_key(ledger::TileId id) {
  std::string out;
  ByteWriter writer(out);
  writer.u8(static_cast<uint8_t>(id.level));
  writer.u64(id.index);
  return out;
}

std::string index_key(uint64_t range, std::string_view rest) {
  std::string out;
  ByteWriter writer(out);
  writer.u32(static_cast<uint32_t>(range));
  writer.raw(rest);
  return out;
}

std::string meta_key(char type, std::string_view rest) { return std::string(1, type).append(rest); }
std::string wipe_key(uint64_t range) { return meta_key(kWipe, number_key(range)); }

std::string encode_cursor(const Cursor& cursor) {
  std::string out;
  ByteWriter writer(out);
  writer.u8(1);
  writer.u64(cursor.system_id);
  writer.u32(cursor.timeline);
  writer.u64(cursor.end_lsn.value);
  writer.u64(cursor.partial_commit_lsn.value);
  writer.u64(cursor.partial_messages_done);
  writer.u32(cursor.partial_next_ordinal);
  return out;
}

Result<Cursor> decode_cursor(std::string_view value) {
  ByteReader reader(value);
  Cursor cursor;
  const uint8_t version = reader.u8();
  cursor.system_id = reader.u64();
  cursor.timeline = reader.u32();
  cursor.end_lsn = Lsn{reader.u64()};
  cursor.partial_commit_lsn = Lsn{reader.u64()};
  cursor.partial_messages_done = reader.u64();
  cursor.partial_next_ordinal = reader.u32();
  if (version != 1 || !reader.ok() || !reader.at_end())
    return fail(ErrorCode::kCorrupt, "the stored cursor is malformed");
  return cursor;
}

}  // namespace rowledger::store
