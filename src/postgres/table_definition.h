#pragma once
// What the catalogue knows of a table's columns beyond their names and types: enough to tell whether the values of
// rows that nobody touched can have changed between two looks. The WAL tells nothing of it.
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "postgres/connection.h"

namespace rowledger::postgres {

struct ColumnDefinition {
  std::string name;
  int number = 0;  // attnum: stays when the column is renamed, never used again when it is dropped
  uint32_t type_oid = 0;
  int32_t type_modifier = -1;
  std::string version;              // changes with every ALTER of the column
  bool has_default = false;         // or is an identity column
  std::optional<std::string> fill;  // what rows have that are older than the column; nothing: not kept there
  bool operator==(const ColumnDefinition&) const = default;
};

struct TableDefinition {
  uint32_t oid = 0;
  int numbers = 0;                     // given to columns so far, also to those dropped since
  std::map<uint32_t, uint32_t> files;  // of the table and its partitions: a rewritten one has another file
  std::vector<ColumnDefinition> columns;
  bool operator==(const TableDefinition&) const = default;
};

// As the connection's snapshot shows it. Nothing for a name that is no table. Without generated columns.
Result<std::optional<TableDefinition>> table_definition(Connection& connection, const std::string& name);

}  // namespace rowledger::postgres
