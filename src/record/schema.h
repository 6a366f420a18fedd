#pragma once
// The columns of a captured table, as one version of them.
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "base/result.h"

namespace rowledger::record {

// How a value is written into JSON; everything is kept as PostgreSQL's own text.
enum class ValueForm : uint8_t {
  kText = 0,    // a JSON string with PostgreSQL's text
  kBool = 1,    // 't'/'f' becomes true/false
  kNumber = 2,  // int2, int4, and float4/float8 when finite
  kJson = 3,    // json, jsonb: the server's text, verbatim
};

// By the type's OID (pg_type.dat of PostgreSQL 15).
ValueForm value_form_of_type(uint32_t type_oid);

struct Column {
  std::string name;
  uint32_t type_oid = 0;
  int32_t type_modifier = -1;
  ValueForm form = ValueForm::kText;
  bool is_key = false;  // part of the replica identity's key (the primary key)

  bool operator==(const Column&) const = default;
};

struct TableSchema {
  SchemaId id;
  TableId table_id;
  std::string table;            // "public.contacts"
  std::vector<Column> columns;  // in the order of the relation message

  std::optional<size_t> index_of(std::string_view column) const;
  // The same columns of the same table, whatever the ids.
  bool same_shape(const TableSchema& other) const { return table == other.table && columns == other.columns; }
};

// Stored form: docs/format/entry.md, "Schemas".
std::string encode(const TableSchema& schema);
Result<TableSchema> decode_schema(std::string_view bytes);

}  // namespace rowledger::record
