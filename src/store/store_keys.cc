#include "base/bytes.h"
#include "store/rocksdb_store_impl.h"

namespace rowledger::store {

std::string state_key(TableId table, std::string_view key) {
  std::string out;
  out.reserve(4 + key.size());
  ByteWriter writer(out);
  writer.u32(table.value);
  writer.raw(key);
  return out;
}

void encode_row(const RowState& row, std::string& out) {
  ByteWriter writer(out);
  writer.varint(row.newest.value);
  writer.varint(uint64_t{row.schema.value} << 1 | (row.deleted ? 1 : 0));
  if (!row.deleted) writer.raw(row.image);
}

Result<RowState> decode_row(std::string_view value) {
  ByteReader reader(value);
  RowState row;
  row.newest = {reader.varint()};
  const uint64_t schema = reader.varint();
  if (!reader.ok()) return fail(ErrorCode::kCorrupt, "a row of the state is malformed");
  row.schema = {static_cast<uint32_t>(schema >> 1)};
  row.deleted = schema & 1;
  row.image = reader.rest();
  return row;
}

std::string number_key(uint64_t number) {
  std::string out;
  ByteWriter(out).u64(number);
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
