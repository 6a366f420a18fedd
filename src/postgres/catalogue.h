#pragma once
// What PostgreSQL's catalogue says about the things that capture depends on. Queried on an ordinary
// connection of the capture role, which needs no more than CONNECT and SELECT on the captured tables.
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "postgres/connection.h"
#include "record/schema.h"

namespace rowledger::postgres {

struct SystemIdentity {
  uint64_t system_id = 0;
  uint32_t timeline = 0;
  Lsn current_lsn;
  std::string database;
};
// By IDENTIFY_SYSTEM: needs a replication connection.
Result<SystemIdentity> identify_system(Connection& replication);

struct SlotInfo {
  std::string plugin, database;
  bool active = false;
  std::optional<int> active_pid;
  Lsn restart_lsn, confirmed_flush_lsn;
  std::string wal_status;                 // reserved, extended, unreserved, lost
  std::optional<int64_t> safe_wal_bytes;  // until it may be lost; nothing when unbounded
  int64_t retained_bytes = 0;             // WAL kept for the slot
  std::string invalidation_reason;        // PG 17+; PG 16 only tells "conflict"
};
Result<std::optional<SlotInfo>> slot_info(Connection& connection, const std::string& slot);

struct TableName {
  std::string schema, table;
};
// Of "schema.table" or "table" (then public); the names as in the catalogue, unquoted.
TableName split_table_name(const std::string& name);
// The same, quoted for SQL.
std::string quote_table(const std::string& name);

// Of a partitioned table, persistence, replica_identity, identity_problem and the trigger tell the worst of
// all its partitions: one unlogged partition makes it 'u', one without the trigger trigger_present false.
struct TableInfo {
  uint32_t oid = 0;
  std::string name;             // "public.contacts"
  char kind = 'r';              // relkind: r ordinary, p partitioned, ...
  char persistence = 'p';       // p permanent, u unlogged, t temporary
  char replica_identity = 'd';  // d n f i
  bool published = false;
  std::string published_columns;  // column list, empty: all
  std::string row_filter;         // empty: none
  bool trigger_present = false;
  char trigger_enabled = 0;  // 'A' always is what attach makes; 'D' disabled, 'O' origin
  // As pgoutput would send them. Key columns: `key`.
  std::vector<record::Column> columns;
  // What tells a row from another: the columns of the replica identity's index, under FULL (where pgoutput
  // itself marks every column) those of the primary key; in the index's order. Only an index that PostgreSQL
  // itself would identify rows by counts: valid and not deferrable. Empty: none.
  std::vector<std::string> key;
  // Why PostgreSQL refuses the application's own UPDATE and DELETE of this table (or of the partition that it
  // names) once it is published, or why rows cannot be told apart; how to mend it. Empty: neither.
  std::string identity_problem, identity_remedy;

  bool operator==(const TableInfo&) const = default;
};
// Nothing for a name that is no table. name: "schema.table" or "table" (then public).
Result<std::optional<TableInfo>> table_info(Connection& connection, const std::string& publication,
                                            const std::string& name);

struct PublicationInfo {
  bool insert = false, update = false, remove = false, truncate = false, via_root = false, all_tables = false;
  bool operator==(const PublicationInfo&) const = default;
};
Result<std::optional<PublicationInfo>> publication_info(Connection& connection, const std::string& publication);

// The source's WAL position now (pg_current_wal_lsn, or the replay position on a standby).
Result<Lsn> current_wal_lsn(Connection& connection);

}  // namespace rowledger::postgres
