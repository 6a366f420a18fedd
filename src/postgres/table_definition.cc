#include "postgres/table_definition.h"

#include <cstdlib>

#include "postgres/catalogue.h"

namespace rowledger::postgres {
namespace {

uint32_t number(const std::optional<std::string>& text) {
  return text ? static_cast<uint32_t>(std::strtoul(text->c_str(), nullptr, 10)) : 0;
}

}  // namespace

Result<std::optional<TableDefinition>> table_definition(Connection& connection, const std::string& name) {
  const std::string quoted = quote_table(name);
  RL_ASSIGN(
      const Rows files,
      connection.query(
          "SELECT c.oid, c.relfilenode, to_regclass($1)::oid FROM pg_catalog.pg_class c WHERE c.oid = to_regclass($1)"
          " OR c.oid IN (SELECT t.relid FROM pg_catalog.pg_partition_tree(to_regclass($1)) t)",
          {quoted}));
  if (files.rows.empty()) return std::nullopt;
  TableDefinition out;
  for (const auto& row : files.rows) {
    out.files[number(row[0])] = number(row[1]);
    out.oid = number(row[2]);
  }
  RL_ASSIGN(
      const Rows columns,
      connection.query(
          "SELECT a.attname, a.attnum, a.atttypid, a.atttypmod, a.xmin::text, a.atthasdef OR a.attidentity <> '',"
          "  CASE WHEN a.atthasmissing THEN (a.attmissingval::text::text[])[1] END"
          " FROM pg_catalog.pg_attribute a WHERE a.attrelid = to_regclass($1) AND a.attnum > 0 AND NOT a.attisdropped"
          "  AND a.attgenerated = '' ORDER BY a.attnum",
          {quoted}));
  for (const auto& row : columns.rows)
    out.columns.push_back({row[0].value_or(""), static_cast<int>(number(row[1])), number(row[2]),
                           std::atoi(row[3].value_or("-1").c_str()), row[4].value_or(""), row[5] == "t", row[6]});
  return std::optional<TableDefinition>(std::move(out));
}

}  // namespace rowledger::postgres
