#include <fmt/format.h>

#include "postgres/attach.h"
#include "postgres/catalogue.h"

namespace rowledger::postgres {
namespace {

struct Checks {
  Connection& admin;
  const AttachPlanInput& input;
  std::vector<Finding>& findings;

  void refuse(std::string what, std::string remedy) { findings.push_back({true, std::move(what), std::move(remedy)}); }
  void warn(std::string what, std::string remedy) { findings.push_back({false, std::move(what), std::move(remedy)}); }

  // The columns of one row as text, NULL as "".
  Result<std::vector<std::string>> row(const std::string& sql,
                                       const std::vector<std::optional<std::string>>& parameters = {}) {
    RL_ASSIGN(const Rows rows, admin.query(sql, parameters));
    std::vector<std::string> out;
    if (rows.rows.size() == 1)
      for (const auto& value : rows.rows[0]) out.push_back(value.value_or(""));
    else
      out.assign(rows.columns.size(), "");
    return out;
  }
};

Status check_server(Checks& c) {
  const int version = c.admin.server_version();
  if (version < 140000)
    c.refuse(fmt::format("the server is PostgreSQL {}; capture needs 14 or later", version / 10000),
             "upgrade PostgreSQL to a version from 14 to 18");
  RL_ASSIGN(const auto row, c.row("SELECT pg_is_in_recovery(), current_setting('wal_level'), "
                                  "current_setting('max_slot_wal_keep_size'), "
                                  "(SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend' "
                                  "AND xact_start < now() - interval '5 minutes' AND pid <> pg_backend_pid())"));
  if (row[0] == "t")
    c.refuse("the server is a standby, which takes neither publications nor triggers", "attach to the primary");
  if (row[1] != "logical")
    c.refuse(fmt::format("wal_level is \"{}\"; the WAL then holds too little to capture changes from", row[1]),
             "ALTER SYSTEM SET wal_level = 'logical', then restart PostgreSQL (a managed service has a setting for "
             "it, such as rds.logical_replication = 1)");
  if (row[2] == "-1")
    c.warn("max_slot_wal_keep_size is -1: while Rowledger is down, PostgreSQL keeps WAL for it without limit",
           "set it below the free disk space, such as ALTER SYSTEM SET max_slot_wal_keep_size = '50GB', and reload");
  if (row[3] != "0")
    c.warn(
        fmt::format("{} transaction(s) have been open for more than 5 minutes; making the slot waits for them", row[3]),
        "look for them in pg_stat_activity (xact_start) and let them end");
  return {};
}

Status check_slots(Checks& c) {
  RL_ASSIGN(const auto slots,
            c.row("SELECT count(*), current_setting('max_replication_slots')::int, "
                  "count(*) >= current_setting('max_replication_slots')::int FROM pg_replication_slots"));
  RL_ASSIGN(const auto slot, slot_info(c.admin, c.input.slot));
  if (slot) {
    RL_ASSIGN(const auto database, c.row("SELECT current_database()"));
    if (slot->plugin != "pgoutput" || slot->database != database[0])
      c.refuse(fmt::format("the replication slot \"{}\" exists and belongs to something else", c.input.slot),
               "choose another slot name in rowledger.toml");
  } else if (slots[2] == "t") {
    c.refuse(fmt::format("all {} replication slots of the server are in use", slots[1]),
             "drop one that nothing uses (pg_replication_slots, active = false), or raise max_replication_slots and "
             "restart PostgreSQL");
  }
  RL_ASSIGN(const auto senders, c.row("SELECT current_setting('max_wal_senders'), "
                                      "(SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'walsender') "
                                      ">= current_setting('max_wal_senders')::int"));
  if (senders[1] == "t" && !(slot && slot->active))
    c.refuse(fmt::format("all {} WAL senders of the server are in use", senders[0]),
             "end a replication connection that nothing needs, or raise max_wal_senders and restart PostgreSQL");
  return {};
}

void check_kind(Checks& c, const TableInfo& table) {
  if (table.kind == 'p' || table.kind == 'r') return;
  const char* kind = table.kind == 'v' ? "a view" : table.kind == 'm' ? "a materialized view" : "a foreign table";
  c.refuse(fmt::format("{} is {}, whose changes are not in the WAL", table.name, kind), "name the tables behind it");
}

void check_identity(Checks& c, const TableInfo& table) {
  const std::string quoted = quote_table(table.name);
  if (table.persistence == 'u')
    c.refuse(table.name + " is unlogged (or has an unlogged partition): its changes are not in the WAL",
             "ALTER TABLE " + quoted + " SET LOGGED");
  if (table.persistence == 't')
    c.refuse(table.name + " is a temporary table: its changes are not in the WAL", "name an ordinary table");
  if (!table.identity_problem.empty())
    c.refuse(table.identity_problem + ": rows could not be told apart, and once " + table.name +
                 " is published, PostgreSQL would refuse the application's UPDATE and DELETE",
             table.identity_remedy);
  else if (table.replica_identity == 'f')
    c.warn(table.name + " has REPLICA IDENTITY FULL: it writes more WAL, and Rowledger does not need it",
           "ALTER TABLE " + quoted + " REPLICA IDENTITY DEFAULT, unless something else needs FULL");
}

Status check_relatives(Checks& c, const TableInfo& table) {
  const std::string oid = std::to_string(table.oid);
  RL_ASSIGN(
      const auto row,
      c.row("SELECT EXISTS (SELECT FROM pg_partition_tree($1::oid::regclass) t JOIN pg_class c ON c.oid = t.relid "
            "               WHERE c.relkind = 'f'), "
            "       (SELECT string_agg(n.nspname || '.' || a.relname, ' ') FROM "
            "pg_partition_ancestors($1::oid::regclass) p "
            "          JOIN pg_class a ON a.oid = p.relid JOIN pg_namespace n ON n.oid = a.relnamespace WHERE p.relid "
            "<> $1::oid), "
            "       c.relkind = 'r' AND EXISTS (SELECT FROM pg_inherits i WHERE i.inhparent = c.oid), "
            "       pg_has_role(c.relowner, 'USAGE') FROM pg_class c WHERE c.oid = $1::oid",
            {oid}));
  if (row[0] == "t")
    c.refuse(table.name + " has a partition that is a foreign table, whose changes are not in this server's WAL",
             "attach to the server that holds the partition, or detach the partition from the table");
  for (const auto& other : c.input.tables)
    if ((" " + row[1] + " ").find(" " + split_table_name(other).schema + "." + split_table_name(other).table + " ") !=
        std::string::npos)
      c.refuse(fmt::format("{} is a partition of {}, which is to be captured as well", table.name, other),
               "name only the partitioned table: its partitions come with it");
  if (row[2] == "t")
    c.warn("other tables inherit from " + table.name + "; their rows are not captured with it",
           "name these tables too");
  if (row[3] != "t")
    c.refuse("the connected role does not own " + table.name + ", which it must to publish it and make a trigger",
             "attach as a superuser or as the table's owner");
  if (!table.published_columns.empty())
    c.warn(fmt::format("the publication \"{}\" sends only some columns of {}: {}", c.input.publication, table.name,
                       table.published_columns),
           "take the column list off the publication to capture all of them");
  if (!table.row_filter.empty())
    c.warn(fmt::format("the publication \"{}\" sends only some rows of {}", c.input.publication, table.name),
           "take the WHERE off the publication to capture all of them");
  return {};
}

Status check_tables(Checks& c) {
  if (c.input.tables.empty())
    c.refuse("no table is configured", "name at least one table, such as --table public.contacts");
  for (const auto& name : c.input.tables) {
    RL_ASSIGN(const auto table, table_info(c.admin, c.input.publication, name));
    if (!table) {
      c.refuse(fmt::format("there is no table {}", name),
               "check the name (schema.table, upper and lower case as in the catalogue) and the database");
      continue;
    }
    check_kind(c, *table);
    if (table->kind != 'p' && table->kind != 'r') continue;
    check_identity(c, *table);
    RL_TRY(check_relatives(c, *table));
  }
  return {};
}

Status check_privileges(Checks& c) {
  RL_ASSIGN(const auto me,
            c.row("SELECT rolsuper, rolcreaterole, rolreplication, rolname, "
                  "has_database_privilege(current_database(), 'CREATE') FROM pg_roles WHERE rolname = current_user"));
  const bool superuser = me[0] == "t";
  RL_ASSIGN(
      const auto role,
      c.row("SELECT rolcanlogin AND (rolreplication OR rolsuper) FROM pg_roles WHERE rolname = $1", {c.input.role}));
  // From 16 on a role that has REPLICATION and CREATEROLE itself may give it.
  const bool may_make = superuser || (c.admin.server_version() >= 160000 && me[1] == "t" && me[2] == "t");
  if (role[0] != "t" && !may_make)
    c.refuse(fmt::format("role \"{}\" may not make the role \"{}\" with LOGIN and REPLICATION", me[3], c.input.role),
             fmt::format("attach as a superuser, or have one run: CREATE ROLE {} LOGIN REPLICATION PASSWORD '...'",
                         quote_identifier(c.input.role)));
  if (me[4] != "t")
    c.refuse(fmt::format("role \"{}\" lacks the privilege CREATE on the database, which publications and schemas need",
                         me[3]),
             "attach as a superuser or as the database's owner");
  RL_ASSIGN(
      const auto schema,
      c.row("SELECT r.rolname FROM pg_namespace n JOIN pg_roles r ON r.oid = n.nspowner WHERE n.nspname = 'rowledger' "
            "AND NOT r.rolsuper AND NOT pg_has_role(n.nspowner, 'USAGE')"));
  // Its owner could replace the trigger's function.
  if (c.input.make_trigger && !schema[0].empty())
    c.refuse(fmt::format("the schema \"rowledger\" exists and belongs to role \"{}\"", schema[0]),
             "rename or drop that schema: attach makes its own");
  return {};
}

Status check_replication(Checks& c, const std::string& conninfo) {
  const auto connection = Connection::open(conninfo, true);
  if (!connection) {
    const Error& error = connection.error();
    // The real server's refusal of this role's replication; the capture role will have the right.
    if (error.code == ErrorCode::kPermission) return {};
    c.refuse("no replication connection: " + error.message,
             error.code == ErrorCode::kInvalid
                 ? "give the address of PostgreSQL itself (often port 5432) instead of the pooler's"
                 : "see that PostgreSQL takes replication connections from this host");
    return {};
  }
  const auto system = identify_system(**connection);
  if (!system) {
    c.refuse("no replication connection: " + system.error().message,
             "give the address of PostgreSQL itself (often port 5432)");
    return {};
  }
  RL_ASSIGN(const auto here, c.row("SELECT system_identifier, current_database() FROM pg_control_system()"));
  if (here[0] != std::to_string(system->system_id) || here[1] != system->database)
    c.refuse("replication connections reach another server or database than ordinary ones",
             "give the address of PostgreSQL itself");
  return {};
}

}  // namespace

Result<std::vector<Finding>> preflight(Connection& admin, const std::string& conninfo, const AttachPlanInput& input) {
  std::vector<Finding> findings;
  Checks checks{admin, input, findings};
  RL_TRY(check_server(checks));
  if (!findings.empty() && admin.server_version() < 140000) return findings;
  RL_TRY(check_slots(checks));
  RL_TRY(check_privileges(checks));
  RL_TRY(check_tables(checks));
  RL_TRY(check_replication(checks, conninfo));
  return findings;
}

}  // namespace rowledger::postgres
