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
// rowledger.seen holds what the last message said. It is local to the transaction, so that ROLLBACK TO
// SAVEPOINT takes it back together with the message. A role can set it itself: that withholds the name,
// which shows as a change without one, but gives nobody another's.
constexpr char kAttribute[] = R"(
DECLARE
  context text := current_setting('rowledger.context', true);
  seen text := pg_current_xact_id()::text || CASE WHEN pg_trigger_depth() > 1 THEN '","nested":true,"context":'
                                                  ELSE '","nested":false,"context":' END;
  body text;
BEGIN
  IF current_setting('rowledger.seen', true) = seen || coalesce(context, '') THEN RETURN NULL; END IF;
  body := '{{"rowledger":1,"role":' || to_json(session_user::text)::text
       || ',"application":' || to_json(current_setting('application_name'))::text
       || rowledger.session_part() || seen
       || CASE WHEN context <> '' THEN rowledger.context_part(context) ELSE 'null}}' END;
  body := set_config('rowledger.seen', seen || coalesce(context, ''), true)
       || pg_logical_emit_message(true, 'rowledger',
            coalesce(encode(sha256(rowledger.secret() || sha256(rowledger.secret() || convert_to(body, '{0}'))), 'hex'),
                     rowledger.late_stamp(body)) || body)::text;
  RETURN NULL;
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
      {"rowledger.late_stamp(body text)", "RETURNS text LANGUAGE plpgsql VOLATILE", body(kLateStamp)},
      {"rowledger.attribute()", "RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER", body(kAttribute)},
  };
}

}  // namespace rowledger::postgres
