#pragma once
// Private to this room: owning libpq's objects, opening a connection in the way that every connection
// of the program is opened, and turning what the server says into Errors.
#include <libpq-fe.h>

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace rowledger::postgres {

struct PgConnDeleter {
  void operator()(PGconn* conn) const { PQfinish(conn); }
};
struct PgResultDeleter {
  void operator()(PGresult* result) const { PQclear(result); }
};
using PgConn = std::unique_ptr<PGconn, PgConnDeleter>;
using PgResult = std::unique_ptr<PGresult, PgResultDeleter>;

// The user's conninfo (URL or key=value) as keywords and values, with ours added: replication, the pinned
// text settings after the user's own `options`, UTF-8, application_name, keepalives and a connect timeout
// where the user gave none. kInvalid when it cannot be read; the error repeats no part of it, since a
// misread URL may show a password in any place.
using ConnectParameters = std::vector<std::pair<std::string, std::string>>;
Result<ConnectParameters> connect_parameters(const std::string& conninfo, bool replication);

// Connects, and sets the pinned text settings once more where the environment (PGTZ, PGDATESTYLE)
// has overruled them.
Result<PgConn> connect(const std::string& conninfo, bool replication);

// What a failed attempt to connect says about the remedy.
Error connect_error(std::string_view libpq_message, bool replication);

// libpq's messages end in a newline and may be several lines; for use inside a sentence.
std::string one_line(std::string_view message);

// "message [SQLSTATE]", without the detail, which may hold values, except where a thing is not in the state for it
// (55000): "message (detail) [SQLSTATE]".
std::string server_message(const PGresult* result);
std::string_view sqlstate_of(const PGresult* result);

}  // namespace rowledger::postgres
