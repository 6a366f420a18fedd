#include "postgres/attribution_sql.h"

#include <fmt/format.h>

#include "postgres/connection.h"

namespace rowledger::postgres {
namespace {

// The application's statement runs through this, so it has to be cheap and must not fail.
//
// Cheap. PL/pgSQL prepares each expression anew in each transaction, at about a thousand instructions for every
// function or operator in it: that, not what they do, is what the first statement of a transaction costs. Hence what
// only later statements and triggers' need has a function of its own; hence concat_ws(), one call, rather than `||` or
// JSON; hence one hash, which without its last bits shows nothing that could be continued (SHA-384, unlike SHA-256,
// needs no second one around it). secret() and session_part() are declared IMMUTABLE although they are not: the planner
// then calls them once and keeps their result in the session's own plan, where nobody can read it; a plan is never
// shared between sessions. Replacing the function (attach does so together with a new secret) makes every session plan
// again. SET search_path costs 2 us and is worth it: without it each change of search_path, which some applications
// make for every request, would make all plans anew.
//
// Never fails. Every setting is read as missing_ok, the context is only ever text, no table is
// touched except inside secret() and tell_late(), which catch errors; without a secret the
// stamp is zeros, which capture treats as nobody's.
//
// What it tells is written in lines (capture/attribution.h), and the setting rowledger.told remembers them. It is
// local to the transaction, so that ROLLBACK TO SAVEPOINT takes it back together with the messages. A role can set it
// itself: that withholds the name, which shows as a change without one, but gives nobody another's.
constexpr char kAttribute[] = R"(
DECLARE
  body text;
BEGIN
  IF current_setting('rowledger.told', true) <> '' OR pg_trigger_depth() > 1 THEN
    body := rowledger.further_statement(TG_RELID);
    IF body IS NULL THEN RETURN NULL; END IF;
  ELSE
    body := set_config('rowledger.told', concat_ws(E'\n', rowledger.session_part(), pg_current_xact_id()::text,
        statement_timestamp()::text, TG_RELID::text, '', current_setting('application_name'),
        replace(session_user::text, E'\n', E'\\n'), left(current_setting('rowledger.context', true), 65537)), true);
  END IF;
  IF pg_logical_emit_message(true, 'rowledger',
       encode(sha384(rowledger.secret() || convert_to(body, '{0}')), 'base64') || body) IS NULL THEN
    body := rowledger.tell_late(body);
  END IF;
  RETURN NULL;
END)";

// What a statement after the first has to tell, or a trigger's; NULL when it was told already.
//
// In told, the fourth line has the tables of the statements that the client's present command (it began when the third
// says) made itself, of which one may still be under way; the fifth those whose statements were told to be a
// trigger's. Tables are ",<oid>," each, or, of the first statement, the bare oid; a table stands for all its
// partitions.
//
// A trigger's statement tells which tables' rows it changes, and whether all their rows from now on are its own. They
// are not when a statement on the same table began before it in the client's command: a BEFORE ROW trigger may have
// made this one, and then rows of both come in turn.
// (A context that was never set is NULL; one that was taken back is empty.)
constexpr char kFurtherStatement[] = R"(
DECLARE
  relation ALIAS FOR $1;
  xid text := pg_current_xact_id()::text;
  began text := statement_timestamp()::text;
  told text[] := string_to_array(current_setting('rowledger.told', true), E'\n');
  speaker text := concat_ws(E'\n', current_setting('application_name'), replace(session_user::text, E'\n', E'\\n'),
                            left(current_setting('rowledger.context', true), 65537));
  tree text := ',' || coalesce(pg_partition_root(relation)::oid, relation)::text || ',';
  is_nested boolean := pg_trigger_depth() > 1;
  nested text := '';
  running text := '';
  is_running boolean;
  is_news boolean := true;
BEGIN
  IF told[2] = xid THEN
    nested := told[5];
    IF told[3] = began THEN
      running := CASE WHEN told[4] ~ '^[0-9]+$'
                      THEN ',' || coalesce(pg_partition_root(told[4]::oid)::oid, told[4]::oid)::text || ',' ELSE told[4] END;
    END IF;
    is_news := (strpos(nested, tree) > 0) <> is_nested OR rtrim(array_to_string(told[6:], E'\n'), E'\n') <> rtrim(speaker, E'\n');
  END IF;
  is_running := strpos(running, tree) > 0;
  IF NOT (is_nested OR is_running) THEN running := running || tree; END IF;
  IF is_news THEN
    nested := CASE WHEN NOT is_nested THEN '' WHEN strpos(nested, tree) > 0 THEN nested ELSE nested || tree END;
  END IF;
  IF is_news OR told[3] <> began OR told[4] <> running THEN
    began := set_config('rowledger.told', concat_ws(E'\n', rowledger.session_part(), xid, began, running, nested, speaker), true);
  END IF;
  IF NOT is_news THEN RETURN NULL; END IF;
  RETURN concat_ws(E'\n', rowledger.session_part(), xid, '', '',
      CASE WHEN is_nested THEN CASE WHEN is_running THEN 'perhaps ' ELSE 'all ' END
        || coalesce((SELECT string_agg(a.relid::oid::text, ',') FROM pg_partition_ancestors(relation) a), relation::text)
      ELSE '' END, speaker);
END)";

constexpr char kSecret[] = R"(
BEGIN
  RETURN (SELECT s.secret FROM rowledger.stamp s LIMIT 1);
EXCEPTION WHEN OTHERS THEN
  RETURN NULL;
END)";

constexpr char kSessionPart[] = R"(
BEGIN
  RETURN 'rowledger 2 ' || coalesce(host(inet_client_addr()), 'local') || ' ' || pg_backend_pid()::text;
END)";

// For a session whose plan was made while the secret could not be seen: in a REPEATABLE READ transaction
// that began before attach.
constexpr char kTellLate[] = R"(
DECLARE
  body ALIAS FOR $1;
  stamp text;
BEGIN
  BEGIN
    stamp := (SELECT encode(sha384(s.secret || convert_to(body, '{0}')), 'base64') FROM rowledger.stamp s LIMIT 1);
  EXCEPTION WHEN OTHERS THEN
    stamp := NULL;
  END;
  RETURN pg_logical_emit_message(true, 'rowledger', coalesce(stamp, repeat('0', 64)) || body)::text;
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
      {"rowledger.further_statement(oid)", "RETURNS text LANGUAGE plpgsql VOLATILE", body(kFurtherStatement)},
      {"rowledger.tell_late(text)", "RETURNS text LANGUAGE plpgsql VOLATILE", body(kTellLate)},
      {"rowledger.attribute()", "RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER", body(kAttribute)},
  };
}

}  // namespace rowledger::postgres
