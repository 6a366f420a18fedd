#include "postgres/snapshot.h"

#include <fmt/format.h>

#include <cstdlib>

namespace rowledger::postgres {
namespace {

// pg_dump does the same: no limit that is meant for requests may end a long read, and a row-level
// security policy must be an error rather than a silent choice of rows.
constexpr char kSessionSql[] =
    "SET statement_timeout = 0; SET lock_timeout = 0; SET idle_in_transaction_session_timeout = 0; "
    "SET row_security = off; SET work_mem = '64MB'";

class Snapshot : public SlotSnapshot {
 public:
  Snapshot(std::unique_ptr<Connection> connection, SystemIdentity system, Lsn consistent_point)
      : connection_(std::move(connection)), system_(std::move(system)), consistent_point_(consistent_point) {}

  Lsn consistent_point() const override { return consistent_point_; }
  const SystemIdentity& system() const override { return system_; }

  Result<std::optional<TableInfo>> table(const std::string& publication, const std::string& name) override {
    return table_info(*connection_, publication, name);
  }

  Result<std::optional<TableDefinition>> definition(const std::string& name) override {
    return table_definition(*connection_, name);
  }

  Status read_table(const TableInfo& info, bool in_key_order, const Connection::CopyRow& row) override {
    bool stopped = false;
    // Stopping cancels the COPY, which without a savepoint would end the snapshot.
    RL_TRY(connection_->execute("SAVEPOINT rowledger_read"));
    auto read = connection_->copy_out(copy_sql(info, in_key_order), [&](const auto& values) {
      stopped = !row(values);
      return !stopped;
    });
    if (!read) return fail(std::move(read.error()).with_context("cannot read table " + info.name));
    return connection_->execute(stopped ? "ROLLBACK TO rowledger_read; RELEASE rowledger_read"
                                        : "RELEASE rowledger_read");
  }

 private:
  static std::string copy_sql(const TableInfo& info, bool in_key_order) {
    std::string columns, order;
    for (const auto& column : info.columns) {
      columns += (columns.empty() ? "" : ", ") + quote_identifier(column.name);
      if (!column.is_key || !in_key_order) continue;
      // format's %s is the type's output function, as the stream uses it; a cast to text differs for
      // some types (boolean, character, inet).
      order += fmt::format("{}pg_catalog.format('%s', {}) COLLATE \"C\"", order.empty() ? " ORDER BY " : ", ",
                           quote_identifier(column.name));
    }
    // ONLY: a table that inherits is another table in the stream, a partition is not.
    return fmt::format("COPY (SELECT {} FROM {}{}{}{}) TO STDOUT", columns, info.kind == 'p' ? "" : "ONLY ",
                       quote_table(info.name), info.row_filter.empty() ? "" : " WHERE " + info.row_filter, order);
  }

  std::unique_ptr<Connection> connection_;
  SystemIdentity system_;
  Lsn consistent_point_;
};

Result<Rows> create_slot(Connection& replication, const std::string& slot) {
  // The form of PostgreSQL 14, which later ones still accept.
  auto made =
      replication.query("CREATE_REPLICATION_SLOT " + quote_identifier(slot) + " LOGICAL pgoutput EXPORT_SNAPSHOT");
  if (made) {
    if (made->rows.size() == 1 && made->rows[0].size() >= 3 && made->rows[0][1] && made->rows[0][2]) return made;
    return fail(ErrorCode::kCorrupt, "the server's answer to CREATE_REPLICATION_SLOT has not the documented form");
  }
  const std::string_view state = replication.sqlstate();
  if (state == "42710")
    return fail(ErrorCode::kConflict,
                fmt::format("the replication slot \"{}\" exists already. Choose another name, or drop "
                            "it when nothing uses it: SELECT pg_drop_replication_slot('{}')",
                            slot, slot));
  if (state == "53400")
    return fail(ErrorCode::kUnavailable,
                "all replication slots of the server are in use. Drop one that nothing uses, or raise "
                "max_replication_slots and restart PostgreSQL");
  return fail(Error(made.error()).with_context("cannot make the replication slot \"" + slot + "\""));
}

Result<std::unique_ptr<Connection>> open_on_snapshot(const std::string& conninfo, const std::string& snapshot,
                                                     const Connection::Interrupted& interrupted) {
  RL_ASSIGN(auto connection, Connection::open(conninfo, false, interrupted));
  RL_TRY(connection->execute(kSessionSql));
  if (connection->server_version() >= 170000) RL_TRY(connection->execute("SET transaction_timeout = 0"));
  RL_TRY(connection->execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"));
  RL_TRY(connection->execute("SET TRANSACTION SNAPSHOT " + quote_literal(snapshot)));
  return connection;
}

}  // namespace

Result<std::unique_ptr<SlotSnapshot>> SlotSnapshot::create(const std::string& conninfo, const std::string& slot,
                                                           const Waits& waits,
                                                           const Connection::Interrupted& interrupted) {
  Connection* waiting = nullptr;
  Connection::Interrupted gives_up;
  if (waits) gives_up = [&] { return waits(waiting == nullptr ? 0 : waiting->backend_pid()); };
  RL_ASSIGN(auto replication, Connection::open(conninfo, true, std::move(gives_up)));
  waiting = replication.get();
  RL_ASSIGN(const Rows made, create_slot(*replication, slot));
  // From here on the slot holds WAL: it must not stay behind when anything fails.
  const auto consistent_point = Lsn::parse(*made.rows[0][1]);
  auto reader = open_on_snapshot(conninfo, *made.rows[0][2], interrupted);
  // After the reader has taken the snapshot, which any command on the walsender ends; and not before there is a slot:
  // a standby that is being promoted tells its old timeline until then.
  auto system = identify_system(*replication);
  if (!reader || !consistent_point || !system) {
    const Status dropped = drop_slot(*replication, slot);
    Error error = !reader   ? reader.error()
                  : !system ? system.error()
                            : Error{ErrorCode::kCorrupt, "the server's consistent point is no WAL position"};
    if (!dropped) error.message += fmt::format(". The slot \"{}\" is left behind: drop it", slot);
    return fail(std::move(error).with_context("cannot read at the slot's snapshot"));
  }
  // The exported snapshot lives on in the reader's transaction; the walsender is free for others.
  return std::make_unique<Snapshot>(std::move(*reader), std::move(*system), *consistent_point);
}

Status drop_slot(Connection& connection, const std::string& slot) {
  const auto dropped = connection.query("SELECT pg_catalog.pg_drop_replication_slot(" + quote_literal(slot) + ")");
  if (dropped || connection.sqlstate() == "42704") return {};
  if (connection.sqlstate() == "55006")
    return fail(ErrorCode::kConflict,
                fmt::format("the replication slot \"{}\" is in use. Stop `rowledger serve` first", slot));
  return fail(Error(dropped.error()).with_context("cannot drop the replication slot \"" + slot + "\""));
}

Result<std::vector<int>> waited_for(Connection& connection, int backend_pid) {
  RL_ASSIGN(const Rows rows, connection.query("SELECT pg_catalog.unnest(pg_catalog.pg_blocking_pids($1))",
                                              {std::to_string(backend_pid)}));
  std::vector<int> out;
  for (const auto& row : rows.rows) out.push_back(std::atoi(row[0].value_or("0").c_str()));
  return out;
}

}  // namespace rowledger::postgres
