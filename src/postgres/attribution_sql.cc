#include "postgres/attribution_sql.h"

#include <fmt/format.h>

#include "postgres/connection.h"

namespace rowledger::postgres {
namespace {

// The application's statement runs through this, so it has to be cheap and must not fail.
//
// Cheap. Most transactions have one statement, and PL/pgSQL prepares each expression anew in each
// transaction: what costs is the number of expressions and of function calls in them. Hence the first statement of a
// transaction, one that the client made itself, is told with three expressions; whatever needs more stands in the IF,
// of which nothing is prepared until it runs. Hence `||` rather than format() or json_build_object(), the two
// calls joined in one expression, and no PERFORM (a whole query). secret() and session_part() are declared IMMUTABLE
// although they are not: the planner then calls them once and keeps their result in the session's own
// plan, where nobody can read it; a plan is never shared between sessions. Replacing the function (attach does so
// together with a new secret) makes every session plan again.
// SET search_path costs 2 us and is worth it: without it each change of search_path, which some
// applications make for every request, would make all plans anew.
//
// Never fails. Every setting is read as missing_ok, the context is only ever text, no table is
// touched except inside secret() and late_stamp(), which catch errors; without a secret the
// stamp is zeros, which capture treats as nobody's.
//
// What it remembers, rowledger.told, is local to the transaction, so that ROLLBACK TO SAVEPOINT takes it back together
// with the messages: "<transaction>|<nested>|<running>|<context>". nested: the tables whose statements were told to be
// a trigger's. running: when the client's present command began, and the tables of the statements that it began
// itself, of which one may still be under way. context: what the last message told. Tables are ",<oid>," each; a table
// stands for all its partitions. A role can set this itself: that withholds the name, which shows as a change without
// one, but gives nobody another's.
constexpr char kAttribute[] = R"(
DECLARE
  body text;
  part text;
  note text;
BEGIN
  IF current_setting('rowledger.told', true) <> '' OR pg_trigger_depth() > 1
     OR octet_length(current_setting('rowledger.context', true)) > 65536 THEN
    DECLARE
      xid text := pg_current_xact_id()::text;
      context text := coalesce(current_setting('rowledger.context', true), '');
      told text := CASE WHEN starts_with(current_setting('rowledger.told', true), xid || '|') THEN current_setting('rowledger.told', true) ELSE '' END;
      nested text := split_part(told, '|', 2);
      running text := split_part(told, '|', 3);
      tree text := ',' || coalesce(pg_partition_root(TG_RELID)::oid, TG_RELID)::text || ',';
      began text := statement_timestamp()::text;
      is_running boolean := starts_with(running, began) AND strpos(running, tree) > 0;
      is_nested boolean := pg_trigger_depth() > 1;
      now_running text := CASE WHEN is_nested OR is_running THEN running
                               WHEN starts_with(running, began) THEN running || tree ELSE began || tree END;
    BEGIN
      IF told <> '' AND (strpos(nested, tree) > 0) = is_nested
         AND substr(told, length(xid) + length(nested) + length(running) + 4) = context THEN
        IF now_running <> running THEN
          note := set_config('rowledger.told', xid || '|' || nested || '|' || now_running || '|' || context, true);
        END IF;
        RETURN NULL;
      END IF;
      part := CASE WHEN is_nested THEN rowledger.nested_part(TG_RELID::text, (NOT is_running)::text) ELSE '","nested":false,"context":' END
           || CASE WHEN context <> '' THEN rowledger.context_part(context) ELSE 'null}}' END;
      note := xid || '|' || CASE WHEN is_nested THEN nested || tree ELSE '' END || '|' || now_running || '|' || context;
    END;
  END IF;
  body := '{{"rowledger":1,"role":' || to_json(session_user::text)::text
       || ',"application":' || to_json(current_setting('application_name'))::text
       || rowledger.session_part() || pg_current_xact_id()::text
       || coalesce(part, '","nested":false,"context":'
                         || coalesce(to_json(nullif(current_setting('rowledger.context', true), ''))::text, 'null') || '}}');
  body := set_config('rowledger.told',
            coalesce(note, pg_current_xact_id()::text || '||' || statement_timestamp()::text
                           || ',' || coalesce(pg_partition_root(TG_RELID)::oid, TG_RELID)::text || ',|'
                           || coalesce(current_setting('rowledger.context', true), '')), true)
       || pg_logical_emit_message(true, 'rowledger',
            coalesce(encode(sha256(rowledger.secret() || sha256(rowledger.secret() || convert_to(body, '{0}'))), 'hex'),
                     rowledger.late_stamp(body)) || body)::text;
  RETURN NULL;
END)";

// A statement of a trigger: which tables' rows it changes, and whether all their rows from now on are its own. They
// are not when a statement on the same table began before it in the client's command: a BEFORE ROW trigger may have
// made this one, and then rows of both come in turn.
constexpr char kNestedPart[] = R"(
BEGIN
  RETURN '","nested":true,"tables":['
      || coalesce((SELECT string_agg(a.relid::oid::text, ',') FROM pg_partition_ancestors(relation::oid) a), relation)
      || '],"sure":' || sure || ',"context":';
END)";

constexpr char kSecret[] = R"(
BEGIN
  RETURN (SELECT s.secret FROM rowledger.stamp s LIMIT 1);
EXCEPTION WHEN OTHERS THEN
  RETURN NULL;
END)";

constexpr char kSessionPart[] = R"(
BEGIN
  RETURN ',"client":' || to_json(coalesce(host(inet_client_addr()), 'local'))::text
      || ',"pid":' || pg_backend_pid()::text || ',"xid":"';
END)";

// 16384 characters are at most 64 KiB in every encoding.
constexpr char kContextPart[] = R"(
BEGIN
  IF octet_length(context) <= 65536 THEN RETURN to_json(context)::text || '}}'; END IF;
  RETURN to_json(left(context, 16384))::text || ',"truncated":true}}';
END)";

// For a session whose plan was made while the secret could not be seen: in a REPEATABLE READ transaction
// that began before attach.
constexpr char kLateStamp[] = R"(
BEGIN
  RETURN coalesce((SELECT encode(sha256(s.secret || sha256(s.secret || convert_to(body, '{0}'))), 'hex')
                     FROM rowledger.stamp s LIMIT 1), repeat('0', 64));
EXCEPTION WHEN OTHERS THEN
  RETURN repeat('0', 64);
END)";

}  // namespace

std::string AttributionFunction::create_sql() const {
  return fmt::format(
      "CREATE OR REPLACE FUNCTION {0} {1} SET search_path = pg_catalog, pg_temp AS $rowledger${2}$rowledger$;\n"
      "REVOKE ALL ON FUNCTION {0} FROM PUBLIC;\n"
      "COMMENT ON FUNCTION {0} IS 'made by rowledger attach'",
      signature, returns, body);
}

std::vector<AttributionFunction> attribution_functions(const std::string& encoding) {
  const auto body = [&](const char* text) { return fmt::format(fmt::runtime(text), encoding); };
  return {
      {"rowledger.secret()", "RETURNS bytea LANGUAGE plpgsql IMMUTABLE", body(kSecret)},
      {"rowledger.session_part()", "RETURNS text LANGUAGE plpgsql IMMUTABLE", body(kSessionPart)},
      {"rowledger.context_part(context text)", "RETURNS text LANGUAGE plpgsql STABLE", body(kContextPart)},
      {"rowledger.nested_part(relation text, sure text)", "RETURNS text LANGUAGE plpgsql STABLE", body(kNestedPart)},
      {"rowledger.late_stamp(body text)", "RETURNS text LANGUAGE plpgsql VOLATILE", body(kLateStamp)},
      {"rowledger.attribute()", "RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER", body(kAttribute)},
  };
}

}  // namespace rowledger::postgres
