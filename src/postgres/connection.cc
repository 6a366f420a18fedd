#include "postgres/connection.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

#include "postgres/copy_text.h"
#include "postgres/libpq.h"

namespace rowledger::postgres {
namespace {

constexpr int kAskEveryMs = 100;

struct FreeMemory {
  void operator()(void* p) const { PQfreemem(p); }
};

ErrorCode code_of(std::string_view state) {
  if (state.empty() || state.starts_with("08") || state.starts_with("53") || state.starts_with("57P"))
    return ErrorCode::kUnavailable;
  if (state.starts_with("28") || state == "42501") return ErrorCode::kPermission;
  if (state == "42704" || state == "42P01" || state == "3D000" || state == "3F000") return ErrorCode::kNotFound;
  if (state == "42710" || state == "42P07" || state.starts_with("55") || state.starts_with("40"))
    return ErrorCode::kConflict;
  if (state == "57014") return ErrorCode::kCancelled;
  if (state.starts_with("58")) return ErrorCode::kIo;
  if (state.starts_with("XX00")) return ErrorCode::kCorrupt;
  if (state.starts_with("22") || state.starts_with("42") || state.starts_with("0A")) return ErrorCode::kInvalid;
  return ErrorCode::kInternal;
}

class PqConnection : public Connection {
 public:
  PqConnection(PgConn connection, bool replication, Interrupted interrupted)
      : connection_(std::move(connection)), replication_(replication), interrupted_(std::move(interrupted)) {
    // Notices would go to stderr past the program's log.
    PQsetNoticeReceiver(
        connection_.get(), [](void*, const PGresult*) {}, nullptr);
  }

  Result<Rows> query(const std::string& sql, const std::vector<std::optional<std::string>>& parameters) override {
    PgResult result(run(sql, parameters));
    const auto status = PQresultStatus(result.get());
    if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK) return fail(failure(result.get()));
    Rows rows;
    const int columns = PQnfields(result.get()), count = PQntuples(result.get());
    for (int c = 0; c < columns; ++c) rows.columns.emplace_back(PQfname(result.get(), c));
    rows.rows.reserve(static_cast<size_t>(count));
    for (int r = 0; r < count; ++r) {
      auto& row = rows.rows.emplace_back();
      for (int c = 0; c < columns; ++c)
        if (PQgetisnull(result.get(), r, c))
          row.emplace_back();
        else
          row.emplace_back(
              std::string(PQgetvalue(result.get(), r, c), static_cast<size_t>(PQgetlength(result.get(), r, c))));
    }
    return rows;
  }

  Status execute(const std::string& sql) override {
    const PgResult result(run_simple(sql));
    const auto status = PQresultStatus(result.get());
    if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK && status != PGRES_EMPTY_QUERY)
      return fail(failure(result.get()));
    return {};
  }

  Status copy_out(const std::string& sql, const CopyRow& row) override {
    const PgResult begun(run_simple(sql));
    if (PQresultStatus(begun.get()) != PGRES_COPY_OUT) return fail(failure(begun.get()));
    bool stopped = false;
    std::vector<std::optional<std::string_view>> values;
    for (;;) {
      char* raw = nullptr;
      int size = PQgetCopyData(connection_.get(), &raw, interrupted_ ? 1 : 0);
      while (size == 0) {
        if (!wait_for_input()) return fail(failure(nullptr));
        size = PQgetCopyData(connection_.get(), &raw, 1);
      }
      if (size < 0) {
        if (size == -2) return fail(failure(nullptr));
        break;
      }
      const std::unique_ptr<char, FreeMemory> line(raw);
      if (stopped) continue;
      split_copy_line(raw, static_cast<size_t>(size), values);
      if (!row(values)) {
        stopped = true;
        cancel();
      }
    }
    Status ended;
    while (const PgResult last{PQgetResult(connection_.get())})
      if (PQresultStatus(last.get()) == PGRES_FATAL_ERROR) ended = fail(failure(last.get()));
    if (stopped && !ended && sqlstate_ == "57014") return {};
    return ended;
  }

  int backend_pid() const override { return PQbackendPID(connection_.get()); }
  std::string_view sqlstate() const override { return sqlstate_; }
  int server_version() const override { return PQserverVersion(connection_.get()); }

  bool alive() const override {
    if (PQstatus(connection_.get()) != CONNECTION_OK) return false;
    char byte;
    const ssize_t n = recv(PQsocket(connection_.get()), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    return n > 0 || (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR));
  }

  Result<std::string> password_verifier(const std::string& role, const std::string& password) override {
    const std::unique_ptr<char, FreeMemory> verifier(
        PQencryptPasswordConn(connection_.get(), password.c_str(), role.c_str(), "scram-sha-256"));
    if (!verifier) return fail(ErrorCode::kInternal, "cannot make a SCRAM verifier of the role's password");
    return std::string(verifier.get());
  }

 private:
  PGresult* run(const std::string& sql, const std::vector<std::optional<std::string>>& parameters) {
    // A walsender knows only the simple protocol.
    if (replication_ && parameters.empty()) return run_simple(sql);
    std::vector<const char*> values;
    values.reserve(parameters.size());
    for (const auto& p : parameters) values.push_back(p ? p->c_str() : nullptr);
    const int count = static_cast<int>(values.size());
    if (!interrupted_)
      return PQexecParams(connection_.get(), sql.c_str(), count, nullptr, values.data(), nullptr, nullptr, 0);
    if (!PQsendQueryParams(connection_.get(), sql.c_str(), count, nullptr, values.data(), nullptr, nullptr, 0))
      return nullptr;
    return result();
  }

  PGresult* run_simple(const std::string& sql) {
    if (!interrupted_) return PQexec(connection_.get(), sql.c_str());
    if (!PQsendQuery(connection_.get(), sql.c_str())) return nullptr;
    return result();
  }

  // As PQexec: the last statement's result, or the first error's, or that of a COPY that begins.
  PGresult* result() {
    cancelled_ = false;
    PgResult last;
    while (true) {
      while (PQisBusy(connection_.get()))
        if (!wait_for_input()) return last.release();
      PgResult next(PQgetResult(connection_.get()));
      if (!next) return last.release();
      const bool failed_before = last && PQresultStatus(last.get()) == PGRES_FATAL_ERROR;
      if (!failed_before) last = std::move(next);
      if (PQresultStatus(last.get()) == PGRES_COPY_OUT) return last.release();
    }
  }

  // Cancels the statement when asked to while nothing comes. False when the connection broke.
  bool wait_for_input() {
    pollfd ready{PQsocket(connection_.get()), POLLIN, 0};
    const int readable = poll(&ready, 1, kAskEveryMs);
    if (readable < 0 && errno != EINTR) return false;
    if (readable == 0 && !cancelled_ && interrupted_()) {
      cancelled_ = true;
      cancel();
    }
    return PQconsumeInput(connection_.get()) != 0;
  }

  // PostgreSQL's primary message and hint; its DETAIL may quote rows.
  Error failure(const PGresult* result) {
    const auto field = [&](int code) {
      const char* text = result ? PQresultErrorField(result, code) : nullptr;
      return std::string(text ? text : "");
    };
    sqlstate_ = field(PG_DIAG_SQLSTATE);
    std::string message = field(PG_DIAG_MESSAGE_PRIMARY);
    if (message.empty()) message = one_line(PQerrorMessage(connection_.get()));
    if (const std::string hint = field(PG_DIAG_MESSAGE_HINT); !hint.empty()) message += ". " + hint;
    if (sqlstate_.empty()) return {ErrorCode::kUnavailable, "the connection to PostgreSQL broke: " + message};
    return {code_of(sqlstate_), fmt::format("PostgreSQL: {} (SQLSTATE {})", message, sqlstate_)};
  }

  void cancel() {
    const std::unique_ptr<PGcancel, decltype(&PQfreeCancel)> handle(PQgetCancel(connection_.get()), &PQfreeCancel);
    char error[256];
    // When it fails, the rest of the COPY is read and dropped instead.
    if (handle) PQcancel(handle.get(), error, sizeof error);
  }

  PgConn connection_;
  const bool replication_;
  const Interrupted interrupted_;
  bool cancelled_ = false;  // the statement under way
  std::string sqlstate_;
};

}  // namespace

Result<std::unique_ptr<Connection>> Connection::open(const std::string& conninfo, bool replication,
                                                     Interrupted interrupted) {
  RL_ASSIGN(PgConn handle, connect(conninfo, replication));
  return std::make_unique<PqConnection>(std::move(handle), replication, std::move(interrupted));
}

std::string quote_identifier(std::string_view name) {
  std::string out = "\"";
  for (const char c : name) {
    if (c == '"') out += '"';
    out += c;
  }
  return out += '"';
}

std::string quote_literal(std::string_view text) {
  // E'' when there is a backslash: right whatever standard_conforming_strings says.
  std::string out = text.find('\\') == std::string_view::npos ? "'" : " E'";
  for (const char c : text) {
    if (c == '\'' || c == '\\') out += c;
    out += c;
  }
  return out += '\'';
}

std::string without_password(const std::string& conninfo) {
  const std::unique_ptr<PQconninfoOption, decltype(&PQconninfoFree)> parsed(PQconninfoParse(conninfo.c_str(), nullptr),
                                                                            &PQconninfoFree);
  if (!parsed) return "(a connection string that cannot be read)";
  std::string out;
  for (const PQconninfoOption* option = parsed.get(); option->keyword; ++option) {
    // '*' marks what libpq itself would hide in a dialogue: the passwords.
    if (!option->val) continue;
    // The end of a password whose own '@' was not written as %40.
    if (option->keyword == std::string_view("host") &&
        std::string_view(option->val).find('@') != std::string_view::npos)
      return "(a connection string that cannot be read)";
    const bool secret = option->dispchar[0] == '*';
    out += fmt::format("{}{}={}", out.empty() ? "" : " ", option->keyword, secret ? "***" : option->val);
  }
  return out;
}

}  // namespace rowledger::postgres
