#include "postgres/attach.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/crypto.h"
#include "postgres/attribution_sql.h"
#include "postgres/catalogue.h"

namespace rowledger::postgres {
namespace {

constexpr char kMark[] = "made by rowledger attach";
// Taking a lock on a busy table waits in the queue that the application then waits in too.
constexpr char kShortLock[] = "SET LOCAL lock_timeout = '5s';\n";

using Parameters = std::vector<std::optional<std::string>>;

struct Plan {
  Connection& admin;
  const AttachPlanInput& input;
  std::vector<PlannedStatement> statements;

  void add(std::string why, std::string sql, bool secret = false) {
    statements.push_back({std::move(why), std::move(sql), secret});
  }
  // The first column of each row.
  Result<std::vector<std::string>> list(const std::string& sql, const Parameters& parameters = {}) {
    RL_ASSIGN(const Rows rows, admin.query(sql, parameters));
    std::vector<std::string> out;
    for (const auto& row : rows.rows) out.push_back(row[0].value_or(""));
    return out;
  }
  // Whether a condition holds.
  Result<bool> holds(const std::string& condition, const Parameters& parameters = {}) {
    RL_ASSIGN(const auto rows, list("SELECT coalesce((" + condition + ")::bool, false)", parameters));
    return rows.size() == 1 && rows[0] == "t";
  }
  std::string role() const { return quote_identifier(input.role); }
  std::string publication() const { return quote_identifier(input.publication); }
};

std::string comment_on(const std::string& thing) {
  return fmt::format("COMMENT ON {} IS {}", thing, quote_literal(kMark));
}

Status plan_role(Plan& p) {
  const AttachPlanInput& in = p.input;
  RL_ASSIGN(const auto found,
            p.list("SELECT rolcanlogin AND (rolreplication OR rolsuper) FROM pg_roles WHERE rolname = $1", {in.role}));
  if (found.empty()) {
    std::string password;
    if (!in.role_password.empty()) {
      RL_ASSIGN(const std::string verifier, p.admin.password_verifier(in.role, in.role_password));
      password = " PASSWORD " + quote_literal(verifier);
    }
    std::string names;
    for (const auto& table : in.tables) names += quote_table(table) + "\n";
    // Row-level security would hide rows from the baseline.
    RL_ASSIGN(const bool hidden_rows,
              p.holds("SELECT bool_or(c.relrowsecurity) FROM pg_class c WHERE c.oid IN "
                      "(SELECT to_regclass(name) FROM string_to_table($1, E'\\n') name WHERE name <> '')",
                      {names}));
    p.add("the role that capture connects as: it may replicate, and read only what is granted below",
          fmt::format("CREATE ROLE {} LOGIN REPLICATION{}{};\n{}", p.role(), hidden_rows ? " BYPASSRLS" : "", password,
                      comment_on("ROLE " + p.role())),
          true);
  } else if (found[0] != "t") {
    p.add("capture's role must be able to log in and to replicate",
          fmt::format("ALTER ROLE {} LOGIN REPLICATION", p.role()));
  }
  return {};
}

// Before the plan has run the role may not exist: then it has what everyone has.
Result<bool> granted(Plan& p, const std::string& function, const std::string& thing, const std::string& privilege) {
  RL_ASSIGN(const bool exists, p.holds("EXISTS (SELECT FROM pg_roles WHERE rolname = $1)", {p.input.role}));
  return p.holds(fmt::format("{}($1, $2, $3)", function), {exists ? p.input.role : "public", thing, privilege});
}

Status plan_grants(Plan& p) {
  RL_ASSIGN(const auto database, p.list("SELECT current_database()"));
  RL_ASSIGN(const bool may_connect, granted(p, "has_database_privilege", database[0], "CONNECT"));
  if (!may_connect)
    p.add("capture connects to this database",
          fmt::format("GRANT CONNECT ON DATABASE {} TO {}", quote_identifier(database[0]), p.role()));
  std::vector<std::string> schemas;
  for (const auto& table : p.input.tables) {
    const std::string schema = split_table_name(table).schema;
    if (std::find(schemas.begin(), schemas.end(), schema) == schemas.end()) schemas.push_back(schema);
  }
  for (const auto& schema : schemas) {
    RL_ASSIGN(const bool usage, granted(p, "has_schema_privilege", schema, "USAGE"));
    if (!usage)
      p.add("capture looks into this schema",
            fmt::format("GRANT USAGE ON SCHEMA {} TO {}", quote_identifier(schema), p.role()));
  }
  for (const auto& table : p.input.tables) {
    RL_ASSIGN(const bool select, granted(p, "has_table_privilege", quote_table(table), "SELECT"));
    if (!select)
      p.add("the baseline reads the table once",
            fmt::format("GRANT SELECT ON TABLE {} TO {}", quote_table(table), p.role()));
  }
  return {};
}

Status plan_publication(Plan& p) {
  static constexpr char kOptions[] = "publish = 'insert, update, delete, truncate', publish_via_partition_root = true";
  std::vector<std::string> missing;
  for (const auto& name : p.input.tables) {
    RL_ASSIGN(const auto table, table_info(p.admin, p.input.publication, name));
    if (!table) return fail(ErrorCode::kNotFound, "there is no table " + name);
    // ONLY: tables that inherit are tables of their own. Partitions come along either way.
    if (!table->published) missing.push_back("ONLY " + quote_table(name));
  }
  RL_ASSIGN(const auto found, publication_info(p.admin, p.input.publication));
  if (!found) {
    RL_ASSIGN(
        const auto owner,
        p.list("SELECT quote_ident(pg_get_userbyid(datdba)) FROM pg_database WHERE datname = current_database()"));
    p.add("the list of the tables whose changes are sent, owned by the database's owner",
          fmt::format("CREATE PUBLICATION {0} FOR TABLE {1} WITH ({2});\n{3};\nALTER PUBLICATION {0} OWNER TO {4}",
                      p.publication(), fmt::join(missing, ", "), kOptions, comment_on("PUBLICATION " + p.publication()),
                      owner[0]));
    return {};
  }
  if (!missing.empty())
    p.add("the publication exists; these tables are not in it yet",
          fmt::format("ALTER PUBLICATION {} ADD TABLE {}", p.publication(), fmt::join(missing, ", ")));
  if (!(found->insert && found->update && found->remove && found->truncate && found->via_root))
    p.add("all operations are captured, and a partition's row belongs to the partitioned table",
          fmt::format("ALTER PUBLICATION {} SET ({})", p.publication(), kOptions));
  return {};
}

Status plan_functions(Plan& p) {
  RL_ASSIGN(const bool schema, p.holds("EXISTS (SELECT FROM pg_namespace WHERE nspname = 'rowledger')"));
  if (!schema)
    p.add("a place for the trigger's function, closed to the application's roles",
          "CREATE SCHEMA rowledger;\n" + comment_on("SCHEMA rowledger"));
  RL_ASSIGN(const bool stamp, p.holds("to_regclass('rowledger.stamp') IS NOT NULL"));
  if (!stamp)
    p.add("a secret, made by the database, by which capture tells the trigger's messages from imitations",
          "CREATE TABLE rowledger.stamp (secret bytea NOT NULL);\n"
          "INSERT INTO rowledger.stamp SELECT sha256(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()));\n" +
              comment_on("TABLE rowledger.stamp"));
  RL_ASSIGN(const bool may_look,
            schema ? granted(p, "has_schema_privilege", "rowledger", "USAGE") : Result<bool>(false));
  RL_ASSIGN(const bool may_read,
            stamp ? granted(p, "has_table_privilege", "rowledger.stamp", "SELECT") : Result<bool>(false));
  if (!may_look || !may_read)
    p.add(
        "capture alone may read the secret",
        fmt::format("GRANT USAGE ON SCHEMA rowledger TO {0};\nGRANT SELECT ON TABLE rowledger.stamp TO {0}", p.role()));
  RL_ASSIGN(const auto encoding,
            p.list("SELECT pg_encoding_to_char(encoding) FROM pg_database WHERE datname = current_database()"));
  for (const auto& function : attribution_functions(encoding[0])) {
    RL_ASSIGN(const bool right, p.holds("SELECT prosrc = $2 FROM pg_proc WHERE oid = to_regprocedure($1)",
                                        {function.signature, function.body}));
    // With a new secret the sessions must forget the old one, which replacing the function makes them do.
    if (!right || !stamp)
      p.add("part of the trigger that names who makes a change, inside each transaction", function.create_sql());
  }
  return {};
}

constexpr char kTriggerState[] = R"(
SELECT format('%I.%I', n.nspname, c.relname), coalesce(g.tgenabled::text, '')
  FROM (SELECT $1::regclass AS relid UNION SELECT relid FROM pg_partition_tree($1::regclass)) t
  JOIN pg_class c ON c.oid = t.relid JOIN pg_namespace n ON n.oid = c.relnamespace
  LEFT JOIN pg_trigger g ON g.tgrelid = t.relid AND g.tgname = $2 AND NOT g.tgisinternal
 ORDER BY t.relid)";

// On each partition as well: a statement that names the partition fires only the partition's trigger.
Status plan_triggers(Plan& p) {
  for (const auto& name : p.input.tables) {
    RL_ASSIGN(const Rows rows, p.admin.query(kTriggerState, {quote_table(name), kAttributionTrigger}));
    for (const auto& row : rows.rows) {
      const std::string table = row[0].value_or(""), state = row[1].value_or("");
      if (state.empty())
        p.add(
            "who changes " + table + ": once per transaction, whatever tool makes the change",
            fmt::format("{0}CREATE TRIGGER {1} BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON {2} FOR EACH STATEMENT "
                        "EXECUTE FUNCTION rowledger.attribute();\nALTER TABLE ONLY {2} ENABLE ALWAYS TRIGGER {1};\n{3}",
                        kShortLock, kAttributionTrigger, table,
                        comment_on(fmt::format("TRIGGER {} ON {}", kAttributionTrigger, table))));
      else if (state != "A")
        p.add("the trigger on " + table + " must fire in every session",
              fmt::format("{}ALTER TABLE ONLY {} ENABLE ALWAYS TRIGGER {}", kShortLock, table, kAttributionTrigger));
    }
  }
  return {};
}

Status unplan_slot(Plan& p) {
  RL_ASSIGN(const auto slot, slot_info(p.admin, p.input.slot));
  RL_ASSIGN(const auto database, p.list("SELECT current_database()"));
  if (!slot || slot->database != database[0] || slot->plugin != "pgoutput") return {};
  if (slot->active)
    return fail(
        ErrorCode::kConflict,
        fmt::format("the replication slot \"{}\" is in use by process {} of the server. Stop `rowledger serve` first",
                    p.input.slot, slot->active_pid.value_or(0)));
  p.add("the slot, so that PostgreSQL keeps no more WAL for capture",
        fmt::format("SELECT pg_catalog.pg_drop_replication_slot({})", quote_literal(p.input.slot)));
  return {};
}

Status unplan_publication(Plan& p) {
  RL_ASSIGN(const bool ours,
            p.holds("SELECT obj_description(oid, 'pg_publication') = $2 FROM pg_publication WHERE pubname = $1",
                    {p.input.publication, kMark}));
  if (ours) p.add("the list of the tables whose changes are sent", "DROP PUBLICATION " + p.publication());
  return {};
}

Status unplan_triggers(Plan& p) {
  RL_ASSIGN(
      const auto tables,
      p.list("SELECT format('%I.%I', n.nspname, c.relname) FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid "
             "JOIN pg_namespace n ON n.oid = c.relnamespace WHERE t.tgname = $1 AND NOT t.tgisinternal "
             "AND t.tgfoid = to_regprocedure('rowledger.attribute()') ORDER BY t.tgrelid",
             {kAttributionTrigger}));
  for (const auto& table : tables)
    p.add("the trigger on " + table, fmt::format("{}DROP TRIGGER {} ON {}", kShortLock, kAttributionTrigger, table));
  RL_ASSIGN(const auto functions,
            p.list("SELECT f.oid::regprocedure::text FROM pg_proc f JOIN pg_namespace n ON n.oid = f.pronamespace "
                   "WHERE n.nspname = 'rowledger' AND obj_description(f.oid, 'pg_proc') = $1 "
                   "ORDER BY f.proname",
                   {kMark}));
  if (!functions.empty()) p.add("the trigger's functions", fmt::format("DROP FUNCTION {}", fmt::join(functions, ", ")));
  RL_ASSIGN(const bool stamp, p.holds("obj_description(to_regclass('rowledger.stamp'), 'pg_class') = $1", {kMark}));
  if (stamp) p.add("the trigger's secret", "DROP TABLE rowledger.stamp");
  RL_ASSIGN(const bool schema,
            p.holds("SELECT obj_description(oid, 'pg_namespace') = $1 FROM pg_namespace WHERE nspname = 'rowledger'",
                    {kMark}));
  if (schema) p.add("their schema", "DROP SCHEMA rowledger");
  return {};
}

// What the role still holds in this database, as "TABLE x", "SCHEMA y", "DATABASE z".
constexpr char kHeld[] = R"(
SELECT what FROM (
  SELECT format('TABLE %I.%I', n.nspname, c.relname) AS what, a.grantee FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace,
         aclexplode(c.relacl) a WHERE n.nspname <> 'rowledger' AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
  UNION SELECT 'SCHEMA ' || quote_ident(n.nspname), a.grantee FROM pg_namespace n, aclexplode(n.nspacl) a WHERE n.nspname <> 'rowledger'
  UNION SELECT 'DATABASE ' || quote_ident(d.datname), a.grantee FROM pg_database d, aclexplode(d.datacl) a WHERE d.datname = current_database()
) held WHERE grantee = $1::regrole ORDER BY what)";

Status unplan_role(Plan& p) {
  RL_ASSIGN(const bool ours, p.holds("SELECT shobj_description(oid, 'pg_authid') = $2 FROM pg_roles WHERE rolname = $1",
                                     {p.input.role, kMark}));
  if (!ours) return {};
  RL_ASSIGN(const auto held, p.list(kHeld, {p.role()}));
  for (const auto& thing : held)
    p.add("what capture was granted", fmt::format("REVOKE ALL ON {} FROM {}", thing, p.role()));
  RL_ASSIGN(
      const bool elsewhere,
      p.holds("EXISTS (SELECT FROM pg_shdepend WHERE refclassid = 'pg_authid'::regclass AND refobjid = $1::regrole "
              "AND dbid <> 0 AND dbid <> (SELECT oid FROM pg_database WHERE datname = current_database()))",
              {p.role()}));
  // Attached to another database of the server too: the last detach drops it.
  if (!elsewhere) p.add("the role that capture connected as", "DROP ROLE " + p.role());
  return {};
}

}  // namespace

Result<std::vector<PlannedStatement>> plan_attach(Connection& admin, const AttachPlanInput& input) {
  Plan plan{admin, input, {}};
  RL_TRY(plan_role(plan));
  RL_TRY(plan_grants(plan));
  RL_TRY(plan_publication(plan));
  if (input.make_trigger) {
    RL_TRY(plan_functions(plan));
    RL_TRY(plan_triggers(plan));
  }
  return std::move(plan.statements);
}

Result<std::vector<PlannedStatement>> plan_detach(Connection& admin, const AttachPlanInput& input) {
  Plan plan{admin, input, {}};
  RL_TRY(unplan_slot(plan));
  RL_TRY(unplan_publication(plan));
  RL_TRY(unplan_triggers(plan));
  RL_TRY(unplan_role(plan));
  return std::move(plan.statements);
}

Result<std::string> read_stamp_secret(Connection& connection) {
  const auto rows = connection.query("SELECT encode(secret, 'hex') FROM rowledger.stamp LIMIT 1");
  if (!rows) {
    const std::string_view state = connection.sqlstate();
    if (state == "42P01" || state == "3F000") return std::string();
    return fail(Error(rows.error()).with_context("cannot read the secret of the trigger's messages"));
  }
  if (rows->rows.empty()) return std::string();
  return from_hex(rows->rows[0][0].value_or("")).value_or("");
}

}  // namespace rowledger::postgres
