#include "postgres/attribution_sql.h"

#include <fmt/format.h>

#include "postgres/connection.h"

namespace rowledger::postgres {
namespace {

// The application's statement runs through this, so it has to be cheap and must not fail.
//
// Cheap. Most transactions have one statement, and PL/pgSQL prepares each expression anew in each
// transaction: what costs is the number of expressions and of function calls in them, not what these
// compute. Hence few, long expressions, `||` rather than format() or json_build_object(), the two
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
// What it remembers is local to the transaction, so that ROLLBACK TO SAVEPOINT takes it back together with the
// messages: rowledger.seen, the transaction and context that the last message told; rowledger.nested, the tables
// whose statements were told to be a trigger's; rowledger.running, the tables of the statements that the client's
// present command began itself, of which one may still be under way. A table stands for all its partitions. A role
// can set them itself: that withholds the name, which shows as a change without one, but gives nobody another's.
constexpr char kAttribute[] = R"(
DECLARE
  context text := current_setting('rowledger.context', true);
  tree text := ',' || coalesce(pg_partition_root(TG_RELID)::oid, TG_RELID)::text || ',';
  body text;
BEGIN
  IF current_setting('rowledger.seen', true) = pg_current_xact_id()::text || ' ' || coalesce(context, '')
     AND (strpos(current_setting('rowledger.nested', true), tree) > 0) = (pg_trigger_depth() > 1) THEN
    IF pg_trigger_depth() = 1 AND NOT current_setting('rowledger.running', true) LIKE statement_timestamp()::text || '%' || tree || '%' THEN
      body := set_config('rowledger.running', CASE WHEN starts_with(current_setting('rowledger.running', true), statement_timestamp()::text)
                                                   THEN current_setting('rowledger.running', true) ELSE statement_timestamp()::text END || tree, true);
    END IF;
    RETURN NULL;
  END IF;
  body := '{{"rowledger":1,"role":' || to_json(session_user::text)::text
       || ',"application":' || to_json(current_setting('application_name'))::text
       || rowledger.session_part() || pg_current_xact_id()::text
       || CASE WHEN pg_trigger_depth() > 1 THEN rowledger.nested_part(TG_RELID::text, tree) ELSE '","nested":false,"context":' END
       || CASE WHEN context <> '' THEN rowledger.context_part(context) ELSE 'null}}' END;
  body := set_config('rowledger.seen', pg_current_xact_id()::text || ' ' || coalesce(context, ''), true)
       || CASE WHEN pg_trigger_depth() > 1
               THEN set_config('rowledger.nested', coalesce(current_setting('rowledger.nested', true), '') || tree, true)
                 || set_config('rowledger.running', coalesce(current_setting('rowledger.running', true), ''), true)
               ELSE set_config('rowledger.nested', '', true)
                 || set_config('rowledger.running', CASE WHEN starts_with(current_setting('rowledger.running', true), statement_timestamp()::text)
                                                         THEN current_setting('rowledger.running', true) ELSE statement_timestamp()::text END || tree, true) END
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
      || '],"sure":'
      || (current_setting('rowledger.running', true) LIKE statement_timestamp()::text || '%' || tree || '%' IS NOT TRUE)::text
      || ',"context":';
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
      {"rowledger.nested_part(relation text, tree text)", "RETURNS text LANGUAGE plpgsql STABLE", body(kNestedPart)},
      {"rowledger.late_stamp(body text)", "RETURNS text LANGUAGE plpgsql VOLATILE", body(kLateStamp)},
      {"rowledger.attribute()", "RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER", body(kAttribute)},
  };
}

}  // namespace rowledger::postgres
