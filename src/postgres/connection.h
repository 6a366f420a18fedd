#pragma once
// An ordinary SQL connection. Owned and used by one thread.
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace rowledger::postgres {

struct Rows {
  std::vector<std::string> columns;
  std::vector<std::vector<std::optional<std::string>>> rows;  // text format; nullopt is NULL
};

class Connection {
 public:
  // replication: a walsender connection (replication=database), for CREATE_REPLICATION_SLOT and
  // IDENTIFY_SYSTEM. The pinned text settings (replication_stream.h) and client_encoding UTF8 are set
  // on every connection. The error message never contains the password.
  // interrupted: asked several times a second while the server works on a statement; when it answers true the
  // statement is cancelled on the server, and fails with kCancelled.
  using Interrupted = std::function<bool()>;
  static Result<std::unique_ptr<Connection>> open(const std::string& conninfo, bool replication = false,
                                                  Interrupted interrupted = {});
  virtual ~Connection() = default;

  // One statement; parameters as text ($1 ...). A failing one gives PostgreSQL's message and SQLSTATE
  // in the Error's text; sqlstate() tells the latter alone.
  virtual Result<Rows> query(const std::string& sql,
                             const std::vector<std::optional<std::string>>& parameters = {}) = 0;
  virtual Status execute(const std::string& sql) = 0;  // may hold several statements

  // COPY (...) TO STDOUT in text format: calls row for each line, unescaped into columns.
  // Views are valid during the call. row may return false to stop (the COPY is cancelled).
  using CopyRow = std::function<bool(const std::vector<std::optional<std::string_view>>&)>;
  virtual Status copy_out(const std::string& sql, const CopyRow& row) = 0;

  virtual std::string_view sqlstate() const = 0;  // of the last failure
  virtual int server_version() const = 0;         // 150018
  virtual bool alive() const = 0;
  virtual int backend_pid() const = 0;

  // What CREATE ROLE ... PASSWORD takes instead of the password (SCRAM-SHA-256), so that the password
  // itself reaches neither the server nor its log.
  virtual Result<std::string> password_verifier(const std::string& role, const std::string& password) = 0;
};

std::string quote_identifier(std::string_view name);
std::string quote_literal(std::string_view text);

// The conninfo with the password replaced, fit to be shown.
std::string without_password(const std::string& conninfo);

}  // namespace rowledger::postgres
