#include "postgres/catalogue.h"

#include <fmt/format.h>

#include <charconv>

namespace rowledger::postgres {
namespace {

using Row = std::vector<std::optional<std::string>>;

std::string text(const Row& row, size_t i) { return row[i].value_or(""); }
char letter(const Row& row, size_t i, char otherwise) {
  return row[i] && !row[i]->empty() ? row[i]->front() : otherwise;
}
bool truth(const Row& row, size_t i) { return row[i] == "t"; }

template <class T>
std::optional<T> number(const std::optional<std::string>& text) {
  if (!text) return std::nullopt;
  T out{};
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), out);
  if (error != std::errc() || end != text->data() + text->size()) return std::nullopt;
  return out;
}

Lsn lsn(const Row& row, size_t i) { return row[i] ? Lsn::parse(*row[i]).value_or(Lsn{}) : Lsn{}; }

// A partitioned table is captured as one; what must hold, must hold in each of its partitions, so that
// the worst of them is told. Not by pg_partition_tree, which waits for whoever has locked a partition.
constexpr char kTableSql[] = R"(
WITH RECURSIVE tree AS (
  SELECT $1::oid AS oid
   UNION SELECT i.inhrelid FROM tree JOIN pg_catalog.pg_inherits i ON i.inhparent = tree.oid
          JOIN pg_catalog.pg_class p ON p.oid = i.inhrelid AND p.relispartition
), member AS (
  SELECT c.oid, c.relpersistence, c.relreplident, t.tgenabled
    FROM tree JOIN pg_catalog.pg_class c USING (oid)
    LEFT JOIN pg_catalog.pg_trigger t
      ON t.tgrelid = c.oid AND t.tgname = 'rowledger_attribution' AND NOT t.tgisinternal
)
SELECT c.relkind,
       CASE WHEN EXISTS (SELECT FROM member WHERE relpersistence = 'u') THEN 'u' ELSE c.relpersistence END,
       CASE WHEN EXISTS (SELECT FROM member WHERE relreplident = 'n') THEN 'n' ELSE c.relreplident END,
       NOT EXISTS (SELECT FROM member WHERE tgenabled IS NULL),
       (SELECT tgenabled FROM member WHERE tgenabled IS NOT NULL
         ORDER BY pg_catalog.array_position('{D,R,O,A}'::"char"[], tgenabled) LIMIT 1)
  FROM pg_catalog.pg_class c WHERE c.oid = $1::oid)";

// $1 table, $2 publication. One row when the table is published: by name, through a partitioned ancestor,
// with its schema (15+), or with everything.
std::string publication_sql(int version) {
  const bool filters = version >= 150000, generated = version >= 180000;
  return fmt::format(R"(
WITH ancestry AS (
  SELECT $1::oid AS oid UNION SELECT relid FROM pg_catalog.pg_partition_ancestors($1::oid::regclass)
)
SELECT {}, {}, {}
  FROM pg_catalog.pg_publication p
  LEFT JOIN pg_catalog.pg_publication_rel r ON r.prpubid = p.oid AND r.prrelid IN (SELECT oid FROM ancestry)
 WHERE p.pubname = $2 AND (p.puballtables OR r.oid IS NOT NULL{})
 ORDER BY r.prrelid = $1::oid DESC LIMIT 1)",
                     filters ? "r.prattrs::text" : "NULL",
                     filters ? "pg_catalog.pg_get_expr(r.prqual, r.prrelid)" : "NULL",
                     generated ? "p.pubgencols = 's'" : "false",
                     filters ? R"(
        OR EXISTS (SELECT FROM pg_catalog.pg_publication_namespace n JOIN pg_catalog.pg_class c ON c.relnamespace = n.pnnspid
                    WHERE n.pnpubid = p.oid AND c.oid IN (SELECT oid FROM ancestry)))"
                             : "");
}

// $1 table, $2 column list as pg_publication_rel.prattrs has it or NULL, $3 generated columns are sent, $4 the
// key's columns as an array of names.
constexpr char kColumnsSql[] = R"(
SELECT a.attname, a.atttypid, a.atttypmod, a.attname = ANY ($4::name[])
  FROM pg_catalog.pg_attribute a
 WHERE a.attrelid = $1::oid AND a.attnum > 0 AND NOT a.attisdropped
   AND CASE WHEN $2::text IS NOT NULL
            THEN a.attnum::text = ANY (pg_catalog.string_to_array($2::text, ' '))
            ELSE a.attgenerated = '' OR (a.attgenerated = 's' AND $3::bool) END
 ORDER BY a.attnum)";

// By what PostgreSQL identifies the rows of the table ($1) and of each of its partitions, the table first. The
// conditions on the index are those of RelationGetIndexList (relcache.c); INCLUDE columns are no part of a key.
constexpr char kIdentitySql[] = R"(
WITH RECURSIVE tree AS (
  SELECT $1::oid AS oid
   UNION SELECT i.inhrelid FROM tree JOIN pg_catalog.pg_inherits i ON i.inhparent = tree.oid
          JOIN pg_catalog.pg_class p ON p.oid = i.inhrelid AND p.relispartition
)
SELECT pg_catalog.format('%I.%I', n.nspname, c.relname), c.relreplident, i.indexrelid IS NOT NULL,
       i.indisvalid AND i.indisunique AND i.indpred IS NULL, i.indimmediate, key.columns, key.sorted
  FROM tree
  JOIN pg_catalog.pg_class c USING (oid)
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  LEFT JOIN pg_catalog.pg_index i
    ON i.indrelid = c.oid AND CASE c.relreplident WHEN 'i' THEN i.indisreplident ELSE i.indisprimary END
  LEFT JOIN LATERAL (
    SELECT pg_catalog.array_agg(a.attname ORDER BY k.place) AS columns,
           pg_catalog.array_agg(a.attname ORDER BY a.attname) AS sorted
      FROM pg_catalog.unnest(i.indkey::int2[]) WITH ORDINALITY AS k(attnum, place)
      JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum
     WHERE k.place <= i.indnkeyatts) key ON true
 WHERE c.relkind IN ('r', 'p')
 ORDER BY c.oid <> $1::oid, 1)";

void explain_missing_index(const std::string& table, char identity, bool primary_deferrable, bool index_exists,
                           TableInfo& info) {
  const std::string alter = "ALTER TABLE " + table;
  static constexpr std::string_view kOtherIndex =
      "REPLICA IDENTITY USING INDEX with a unique index on NOT NULL columns";
  if (identity == 'n') {
    info.identity_problem = table + " has REPLICA IDENTITY NOTHING";
    info.identity_remedy = alter + " REPLICA IDENTITY DEFAULT";
  } else if (primary_deferrable) {
    info.identity_problem =
        "the primary key of " + table + " is DEFERRABLE, so that PostgreSQL does not identify rows by it";
    info.identity_remedy = fmt::format("make the primary key anew without DEFERRABLE, or {} {}", alter, kOtherIndex);
  } else if (index_exists) {
    info.identity_problem = fmt::format("the index by which the rows of {} are identified is not valid", table);
    info.identity_remedy = "REINDEX it; of a partitioned table, make the missing index on each partition and attach it";
  } else if (identity == 'i') {
    info.identity_problem = table + " has REPLICA IDENTITY USING INDEX, and that index was dropped";
    info.identity_remedy =
        fmt::format("{0} REPLICA IDENTITY DEFAULT when it has a primary key, or {0} {1}", alter, kOtherIndex);
  } else {
    info.identity_problem = table + " has no primary key";
    info.identity_remedy = fmt::format("{} ADD PRIMARY KEY (...), or {}", alter, kOtherIndex);
  }
}

// Fills key and identity_problem; answers the key's columns as PostgreSQL's array.
Result<std::string> read_identity(Connection& connection, const std::string& oid, TableInfo& info) {
  RL_ASSIGN(const Rows members, connection.query(kIdentitySql, {oid}));
  std::string columns = "{}", sorted;
  for (size_t m = 0; m < members.rows.size() && info.identity_problem.empty(); ++m) {
    const Row& row = members.rows[m];
    const std::string table = text(row, 0);
    const char identity = letter(row, 1, 'd');
    const bool exists = truth(row, 2), deferrable = exists && !truth(row, 4),
               usable = exists && truth(row, 3) && !deferrable;
    if (m == 0 && usable && identity != 'n') {
      columns = text(row, 5);
      sorted = text(row, 6);
    }
    if (m > 0 && identity == 'f') continue;  // the whole old row is sent, the key in it
    if (!usable || identity == 'n') {
      explain_missing_index(table, identity, deferrable, exists, info);
    } else if (text(row, 6) != sorted) {
      // Old keys are sent by the partition's identity, under the name of the partitioned table.
      info.identity_problem =
          fmt::format("the rows of the partition {} are identified by other columns {} than those of its table {}",
                      table, text(row, 6), sorted);
      info.identity_remedy = fmt::format("ALTER TABLE {} REPLICA IDENTITY as its table has it", table);
    }
  }
  RL_ASSIGN(const Rows key, connection.query("SELECT pg_catalog.unnest($1::name[])", {columns}));
  for (const auto& row : key.rows) info.key.push_back(text(row, 0));
  return columns;
}

Status read_columns(Connection& connection, const std::string& oid, const std::optional<std::string>& column_list,
                    bool generated, TableInfo& info) {
  RL_ASSIGN(const std::string key, read_identity(connection, oid, info));
  RL_ASSIGN(const Rows columns, connection.query(kColumnsSql, {oid, column_list, generated ? "t" : "f", key}));
  for (const auto& row : columns.rows) {
    record::Column column;
    column.name = text(row, 0);
    column.type_oid = number<uint32_t>(row[1]).value_or(0);
    column.type_modifier = number<int32_t>(row[2]).value_or(-1);
    column.form = record::value_form_of_type(column.type_oid);
    column.is_key = truth(row, 3);
    if (column_list) info.published_columns += (info.published_columns.empty() ? "" : ", ") + column.name;
    info.columns.push_back(std::move(column));
  }
  return {};
}

}  // namespace

TableName split_table_name(const std::string& name) {
  const size_t dot = name.find('.');
  if (dot == std::string::npos) return {"public", name};
  return {name.substr(0, dot), name.substr(dot + 1)};
}

std::string quote_table(const std::string& name) {
  const TableName parts = split_table_name(name);
  return quote_identifier(parts.schema) + "." + quote_identifier(parts.table);
}

Result<SystemIdentity> identify_system(Connection& replication) {
  const auto rows = replication.query("IDENTIFY_SYSTEM");
  if (!rows) {
    // Something took the connection and dropped the wish for replication.
    if (replication.sqlstate() == "42601")
      return fail(ErrorCode::kInvalid,
                  "the server does not understand replication commands: there is a connection pooler in between. "
                  "Give the address of PostgreSQL itself");
    return fail(Error(rows.error()).with_context("cannot identify the source"));
  }
  if (rows->rows.size() != 1 || rows->rows[0].size() < 4)
    return fail(ErrorCode::kCorrupt, "the server's answer to IDENTIFY_SYSTEM has not the documented form");
  const Row& row = rows->rows[0];
  const auto system_id = number<uint64_t>(row[0]);
  const auto timeline = number<uint32_t>(row[1]);
  if (!system_id || !timeline || !row[2])
    return fail(ErrorCode::kCorrupt, "the server's answer to IDENTIFY_SYSTEM has not the documented form");
  return SystemIdentity{*system_id, *timeline, lsn(row, 2), text(row, 3)};
}

Result<std::optional<SlotInfo>> slot_info(Connection& connection, const std::string& slot) {
  const int version = connection.server_version();
  const char* reason = version >= 170000   ? "invalidation_reason"
                       : version >= 160000 ? "CASE WHEN conflicting THEN 'conflict' END"
                                           : "NULL";
  RL_ASSIGN(const Rows rows, connection.query(fmt::format(R"(
SELECT plugin, database, active, active_pid, restart_lsn, confirmed_flush_lsn, wal_status, safe_wal_size,
       pg_catalog.pg_wal_lsn_diff(CASE WHEN pg_catalog.pg_is_in_recovery() THEN pg_catalog.pg_last_wal_replay_lsn()
                                       ELSE pg_catalog.pg_current_wal_lsn() END, restart_lsn)::bigint, {}
  FROM pg_catalog.pg_replication_slots WHERE slot_name = $1)",
                                                          reason),
                                              {slot}));
  if (rows.rows.empty()) return std::optional<SlotInfo>();
  const Row& row = rows.rows[0];
  SlotInfo info;
  info.plugin = text(row, 0);
  info.database = text(row, 1);
  info.active = truth(row, 2);
  info.active_pid = number<int>(row[3]);
  info.restart_lsn = lsn(row, 4);
  info.confirmed_flush_lsn = lsn(row, 5);
  info.wal_status = text(row, 6);
  info.safe_wal_bytes = number<int64_t>(row[7]);
  info.retained_bytes = number<int64_t>(row[8]).value_or(0);
  info.invalidation_reason = text(row, 9);
  return std::optional(std::move(info));
}

Result<std::optional<TableInfo>> table_info(Connection& connection, const std::string& publication,
                                            const std::string& name) {
  const TableName parts = split_table_name(name);
  RL_ASSIGN(const Rows found, connection.query("SELECT c.oid FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n "
                                               "ON n.oid = c.relnamespace WHERE n.nspname = $1 AND c.relname = $2 "
                                               "AND c.relkind IN ('r', 'p', 'v', 'm', 'f')",
                                               {parts.schema, parts.table}));
  if (found.rows.empty()) return std::optional<TableInfo>();
  const std::string oid = text(found.rows[0], 0);
  RL_ASSIGN(const Rows table, connection.query(kTableSql, {oid}));
  if (table.rows.empty()) return std::optional<TableInfo>();  // dropped meanwhile
  RL_ASSIGN(const Rows published, connection.query(publication_sql(connection.server_version()), {oid, publication}));

  TableInfo info;
  info.oid = number<uint32_t>(oid).value_or(0);
  info.name = parts.schema + "." + parts.table;
  info.kind = letter(table.rows[0], 0, 'r');
  info.persistence = letter(table.rows[0], 1, 'p');
  info.replica_identity = letter(table.rows[0], 2, 'd');
  info.trigger_present = truth(table.rows[0], 3);
  info.trigger_enabled = letter(table.rows[0], 4, 0);
  std::optional<std::string> column_list;
  bool generated = false;
  if (!published.rows.empty()) {
    const Row& row = published.rows[0];
    info.published = true;
    column_list = row[0];
    info.row_filter = text(row, 1);
    generated = truth(row, 2);
  }
  RL_TRY(read_columns(connection, oid, column_list, generated, info));
  return std::optional(std::move(info));
}

Result<std::optional<PublicationInfo>> publication_info(Connection& connection, const std::string& publication) {
  RL_ASSIGN(const Rows rows,
            connection.query("SELECT pubinsert, pubupdate, pubdelete, pubtruncate, pubviaroot, puballtables "
                             "FROM pg_catalog.pg_publication WHERE pubname = $1",
                             {publication}));
  if (rows.rows.empty()) return std::optional<PublicationInfo>();
  const Row& row = rows.rows[0];
  return std::optional(
      PublicationInfo{truth(row, 0), truth(row, 1), truth(row, 2), truth(row, 3), truth(row, 4), truth(row, 5)});
}

Result<Lsn> current_wal_lsn(Connection& connection) {
  RL_ASSIGN(const Rows rows,
            connection.query("SELECT CASE WHEN pg_catalog.pg_is_in_recovery() THEN pg_catalog.pg_last_wal_replay_lsn() "
                             "ELSE pg_catalog.pg_current_wal_lsn() END"));
  const auto position = rows.rows.size() == 1 && rows.rows[0][0] ? Lsn::parse(*rows.rows[0][0]) : std::nullopt;
  if (!position) return fail(ErrorCode::kUnavailable, "the server does not tell its WAL position");
  return *position;
}

}  // namespace rowledger::postgres
