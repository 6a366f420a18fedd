#pragma once
// A private PostgreSQL 15 cluster for a test: its own data directory, port and Unix socket, loopback
// only, as the user postgres when the test runs as root. Gone with the object, and with the process even
// when that is killed. ROWLEDGER_TEST_POSTGRES_BIN names another version's bin directory.
#include <memory>
#include <string>
#include <vector>

namespace rowledger::testing {

class PostgresServer {
 public:
  struct Options {
    // Extra lines of postgresql.conf. wal_level=logical, fsync=off, max_replication_slots=10,
    // max_wal_senders=10 are set already.
    std::vector<std::string> settings;
  };
  // Aborts the test with a message when PostgreSQL cannot be started.
  static std::unique_ptr<PostgresServer> start(const Options& options);
  static std::unique_ptr<PostgresServer> start() { return start(Options{}); }
  virtual ~PostgresServer() = default;

  // A conninfo URL of the superuser for a database ("postgres" exists): trust authentication, TCP.
  virtual std::string url(const std::string& database = "postgres", const std::string& user = "postgres") const = 0;
  virtual int port() const = 0;
  virtual std::string data_directory() const = 0;

  // Runs SQL with psql in one session, outside any transaction of its own; returns the output of
  // `psql -XAtq` without the last newline. Aborts the test on failure.
  virtual std::string psql(const std::string& sql, const std::string& database = "postgres") = 0;
  // A fresh database with a unique name.
  virtual std::string create_database() = 0;

  virtual void stop_immediately() = 0;  // pg_ctl stop -m immediate
  virtual void stop() = 0;              // pg_ctl stop -m fast
  virtual void start_again() = 0;
};

}  // namespace rowledger::testing
