#include "postgres/table_definition.h"

#include <cstdlib>
#include <sstream>

#include "postgres/catalogue.h"

namespace rowledger::postgres {
namespace {

uint32_t number(const std::optional<std::string>& text) {
  return text ? static_cast<uint32_t>(std::strtoul(text->c_str(), nullptr, 10)) : 0;
}

// One statement, so that all is of one moment. What older rows of a partitioned table have in a column is kept with
// each partition, and known of the table when they agree.
constexpr char kDefinition[] = R"(
SELECT c.oid, c.relnatts,
       (SELECT string_agg(f.oid || ' ' || f.relfilenode, ' ') FROM pg_catalog.pg_class f WHERE f.oid = c.oid
           OR f.oid IN (SELECT t.relid FROM pg_catalog.pg_partition_tree(c.oid) t)),
       a.attname, a.attnum, a.atttypid, a.atttypmod, a.xmin::text, a.atthasdef OR a.attidentity <> '',
       (SELECT min(f.fill) FROM (SELECT (m.attmissingval::text::text[])[1] AS fill FROM pg_catalog.pg_attribute m
          WHERE m.atthasmissing AND m.attname = a.attname AND (m.attrelid = c.oid OR m.attrelid IN
                (SELECT t.relid FROM pg_catalog.pg_partition_tree(c.oid) t))) f HAVING count(DISTINCT f.fill) = 1)
  FROM pg_catalog.pg_class c JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid
 WHERE c.oid = to_regclass($1) AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
 ORDER BY a.attnum)";

}  // namespace

Result<std::optional<TableDefinition>> table_definition(Connection& connection, const std::string& name) {
  RL_ASSIGN(const Rows rows, connection.query(kDefinition, {quote_table(name)}));
  if (rows.rows.empty()) return std::nullopt;
  TableDefinition out;
  for (const auto& row : rows.rows) {
    out.oid = number(row[0]);
    out.numbers = static_cast<int>(number(row[1]));
    out.columns.push_back({row[3].value_or(""), static_cast<int>(number(row[4])), number(row[5]),
                           std::atoi(row[6].value_or("-1").c_str()), row[7].value_or(""), row[8] == "t", row[9]});
  }
  std::istringstream files(rows.rows[0][2].value_or(""));
  for (uint32_t oid = 0, file = 0; files >> oid >> file;) out.files[oid] = file;
  return std::optional<TableDefinition>(std::move(out));
}

}  // namespace rowledger::postgres
