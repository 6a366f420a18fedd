#include "record/schema.h"

#include "base/bytes.h"

namespace rowledger::record {
namespace {
constexpr uint8_t kVersion = 1;
constexpr uint64_t kMaxColumns = 1'664;  // PostgreSQL's limit is 1,600
}  // namespace

ValueForm value_form_of_type(uint32_t type_oid) {
  switch (type_oid) {
    case 16: return ValueForm::kBool;
    case 21:   // int2
    case 23:   // int4
    case 700:  // float4
    case 701:  // float8
      return ValueForm::kNumber;
    case 114:   // json
    case 3802:  // jsonb
      return ValueForm::kJson;
    default: return ValueForm::kText;
  }
}

std::optional<size_t> TableSchema::index_of(std::string_view column) const {
  for (size_t i = 0; i < columns.size(); ++i)
    if (columns[i].name == column) return i;
  return std::nullopt;
}

std::string encode(const TableSchema& schema) {
  std::string out;
  ByteWriter writer(out);
  writer.u8(kVersion);
  writer.varint(schema.id.value);
  writer.varint(schema.table_id.value);
  writer.string(schema.table);
  writer.varint(schema.columns.size());
  for (const Column& column : schema.columns) {
    writer.string(column.name);
    writer.varint(column.type_oid);
    writer.signed_varint(column.type_modifier);
    writer.u8(static_cast<uint8_t>(column.form));
    writer.u8(column.is_key);
  }
  return out;
}

Result<TableSchema> decode_schema(std::string_view bytes) {
  ByteReader reader(bytes);
  TableSchema schema;
  if (reader.u8() != kVersion) return fail(ErrorCode::kCorrupt, "schema record: unknown version");
  schema.id = {reader.varint32()};
  schema.table_id = {reader.varint32()};
  schema.table = reader.string();
  const uint64_t count = reader.varint();
  if (count > kMaxColumns) return fail(ErrorCode::kCorrupt, "schema record: too many columns");
  for (uint64_t i = 0; i < count && reader.ok(); ++i) {
    Column column;
    column.name = reader.string();
    column.type_oid = reader.varint32();
    const int64_t modifier = reader.signed_varint();
    const uint8_t form = reader.u8(), is_key = reader.u8();
    if (modifier < INT32_MIN || modifier > INT32_MAX || form > static_cast<uint8_t>(ValueForm::kJson) || is_key > 1)
      reader.fail();
    column.type_modifier = static_cast<int32_t>(modifier);
    column.form = static_cast<ValueForm>(form);
    column.is_key = is_key != 0;
    schema.columns.push_back(std::move(column));
  }
  if (!reader.ok() || !reader.at_end()) return fail(ErrorCode::kCorrupt, "schema record: malformed");
  return schema;
}

}  // namespace rowledger::record
