#include "postgres/libpq.h"

#include <fmt/format.h>

#include <cstdlib>

#include "postgres/replication_stream.h"

namespace rowledger::postgres {
namespace {

struct Setting {
  const char* name;
  const char* value;
};
// Without spaces: in `options` they would part words.
constexpr Setting kPinned[] = {
    {"DateStyle", "ISO,YMD"}, {"TimeZone", "UTC"},         {"IntervalStyle", "postgres"},
    {"bytea_output", "hex"},  {"extra_float_digits", "3"}, {"client_encoding", "UTF8"},
};

bool contains(std::string_view text, std::string_view part) { return text.find(part) != std::string_view::npos; }

bool has(const ConnectParameters& parameters, std::string_view keyword) {
  for (const auto& [name, value] : parameters) {
    if (name == keyword) return true;
  }
  return false;
}

void set(ConnectParameters& parameters, std::string_view keyword, std::string value) {
  for (auto& [name, old] : parameters) {
    if (name == keyword) {
      old = std::move(value);
      return;
    }
  }
  parameters.emplace_back(keyword, std::move(value));
}

std::string options_with_pinned(const ConnectParameters& parameters) {
  std::string out;
  if (const char* environment = std::getenv("PGOPTIONS")) out = environment;
  for (const auto& [name, value] : parameters) {
    if (name == "options") out = value;
  }
  if (!out.empty()) out += ' ';
  return out + pinned_text_settings();
}

// libpq sends PGTZ and PGDATESTYLE as settings of their own, which the server applies after `options`.
Status pin_against_environment(PGconn* conn) {
  std::string sql = "SELECT";
  for (const auto& setting : kPinned) {
    sql += fmt::format("{} pg_catalog.set_config('{}', '{}', false)", sql.size() > 6 ? "," : "", setting.name,
                       setting.value);
  }
  // A database that checks no encoding may hold bytes that are no text: the server would refuse to send them as UTF-8.
  const char* encoding = PQparameterStatus(conn, "server_encoding");
  if (encoding != nullptr && std::string_view(encoding) == "SQL_ASCII")
    sql += ", pg_catalog.set_config('client_encoding', 'SQL_ASCII', false)";
  PgResult result(PQexec(conn, sql.c_str()));
  if (PQresultStatus(result.get()) == PGRES_TUPLES_OK) return {};
  return fail(ErrorCode::kUnavailable, "cannot fix the text forms of values on the new connection: " +
                                           (result ? server_message(result.get()) : one_line(PQerrorMessage(conn))));
}

struct ConnectFailure {
  std::string_view sign;
  ErrorCode code;
  std::string_view remedy;
};
// The server's words at startup; libpq gives no SQLSTATE there. A server that speaks another language
// falls through to kUnavailable with its own text.
constexpr ConnectFailure kConnectFailures[] = {
    {"unsupported startup parameter", ErrorCode::kInvalid,
     "This is a connection pooler, which cannot carry replication: use the address of PostgreSQL itself."},
    {"no pg_hba.conf entry", ErrorCode::kPermission,
     "Add a line for this user, database and address to pg_hba.conf on the server and reload it."},
    {"pg_hba.conf rejects", ErrorCode::kPermission,
     "Change the rejecting line of pg_hba.conf on the server and reload it."},
    {"must be superuser or replication role", ErrorCode::kPermission,
     "Run as a superuser: ALTER ROLE ... REPLICATION."},
    {"permission denied to start WAL sender", ErrorCode::kPermission,
     "Run as a superuser: ALTER ROLE ... REPLICATION."},
    {"password authentication failed", ErrorCode::kPermission, "Check the user and the password."},
    {"no password supplied", ErrorCode::kPermission, "Give the password in the URL, in PGPASSWORD or in ~/.pgpass."},
    {"is not permitted to log in", ErrorCode::kPermission, "Run as a superuser: ALTER ROLE ... LOGIN."},
    {"permission denied for database", ErrorCode::kPermission, "Grant CONNECT on the database to this role."},
    {"max_wal_senders", ErrorCode::kUnavailable, "End an unused replication connection, or raise max_wal_senders."},
    {"too many connections", ErrorCode::kUnavailable, "It is tried again later."},
    {"sorry, too many clients", ErrorCode::kUnavailable, "It is tried again later."},
    {"the database system is", ErrorCode::kUnavailable, "It is tried again later."},
};

}  // namespace

std::string pinned_text_settings() {
  std::string out;
  for (const auto& setting : kPinned) {
    out += fmt::format("{}-c {}={}", out.empty() ? "" : " ", setting.name, setting.value);
  }
  return out;
}

Result<ConnectParameters> connect_parameters(const std::string& conninfo, bool replication) {
  char* ignored = nullptr;
  std::unique_ptr<PQconninfoOption, void (*)(PQconninfoOption*)> parsed(PQconninfoParse(conninfo.c_str(), &ignored),
                                                                        PQconninfoFree);
  PQfreemem(ignored);  // may quote the password
  if (!parsed) {
    return fail(ErrorCode::kInvalid,
                "the connection string cannot be read: write postgresql://user:password@host:5432/database "
                "(special characters of the password percent-encoded) or key=value pairs");
  }
  ConnectParameters out;
  for (const auto* option = parsed.get(); option->keyword; ++option) {
    if (option->val) out.emplace_back(option->keyword, option->val);
  }
  for (const auto& [name, value] : out) {
    // The host is repeated in libpq's errors, and with an unencoded '@' holds the password's end.
    if (name == "host" && contains(value, "@") && value.front() != '@') {
      return fail(ErrorCode::kInvalid, "the connection string's host contains '@': write '@' in a password as %40");
    }
  }
  set(out, "options", options_with_pinned(out));
  set(out, "client_encoding", "UTF8");
  if (replication) set(out, "replication", "database");
  constexpr Setting kDefaults[] = {
      {"application_name", "rowledger"}, {"connect_timeout", "10"},     {"keepalives", "1"},
      {"keepalives_idle", "30"},         {"keepalives_interval", "10"}, {"keepalives_count", "3"},
      {"tcp_user_timeout", "60000"}};
  for (const auto& setting : kDefaults) {
    if (!has(out, setting.name)) out.emplace_back(setting.name, setting.value);
  }
  return out;
}

Result<PgConn> connect(const std::string& conninfo, bool replication) {
  RL_ASSIGN(const ConnectParameters parameters, connect_parameters(conninfo, replication));
  std::vector<const char*> keywords, values;
  for (const auto& [name, value] : parameters) {
    keywords.push_back(name.c_str());
    values.push_back(value.c_str());
  }
  keywords.push_back(nullptr);
  values.push_back(nullptr);
  PgConn conn(PQconnectdbParams(keywords.data(), values.data(), 0));
  if (!conn) return fail(ErrorCode::kInternal, "libpq is out of memory");
  if (PQstatus(conn.get()) != CONNECTION_OK) return fail(connect_error(PQerrorMessage(conn.get()), replication));
  RL_TRY(pin_against_environment(conn.get()));
  return conn;
}

Error connect_error(std::string_view libpq_message, bool replication) {
  const std::string message = fmt::format("cannot open a{} connection to PostgreSQL: {}",
                                          replication ? " replication" : "", one_line(libpq_message));
  for (const auto& failure : kConnectFailures) {
    if (contains(libpq_message, failure.sign)) return {failure.code, fmt::format("{}. {}", message, failure.remedy)};
  }
  const bool missing_database = contains(libpq_message, "database \"") && contains(libpq_message, "does not exist");
  if (missing_database) return {ErrorCode::kNotFound, message + ". Check the database's name in the URL."};
  return {ErrorCode::kUnavailable, message};
}

std::string one_line(std::string_view message) {
  std::string out;
  for (const char c : message) {
    const bool space = c == '\n' || c == '\t' || c == ' ';
    if (!space) out += c;
    if (space && !out.empty() && out.back() != ' ') out += ' ';
  }
  while (out.ends_with(' ')) out.pop_back();
  return out;
}

std::string server_message(const PGresult* result) {
  auto field = [&](int code) {
    const char* text = PQresultErrorField(result, code);
    return one_line(text ? text : "");
  };
  std::string out = field(PG_DIAG_MESSAGE_PRIMARY);
  // Lost connections have no fields.
  if (out.empty()) return one_line(PQresultErrorMessage(result));
  // The detail may hold a row's values; not where a thing is not in the state for it, as a slot that was invalidated.
  if (const auto detail = field(PG_DIAG_MESSAGE_DETAIL); !detail.empty() && sqlstate_of(result) == "55000")
    out += " (" + detail + ")";
  return out + " [" + field(PG_DIAG_SQLSTATE) + "]";
}

std::string_view sqlstate_of(const PGresult* result) {
  const char* state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
  return state ? state : "";
}

}  // namespace rowledger::postgres
