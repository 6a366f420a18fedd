#include "postgres/connection.h"

#include <gmock/gmock.h>

#include "support/postgres_server.h"

namespace rowledger::postgres {
namespace {

using rowledger::testing::PostgresServer;
using ::testing::HasSubstr;
using ::testing::Not;

class ConnectionPg : public ::testing::Test {
 protected:
  static void SetUpTestSuite() { server_ = PostgresServer::start().release(); }
  static void TearDownTestSuite() { delete server_; }
  std::unique_ptr<Connection> open(bool replication = false) {
    auto opened = Connection::open(server_->url(), replication);
    if (!opened) ADD_FAILURE() << opened.error().message;
    return opened ? std::move(*opened) : nullptr;
  }
  std::string one(Connection& connection, const std::string& sql) {
    const auto rows = connection.query(sql);
    if (!rows) return "failed: " + rows.error().message;
    return rows->rows.at(0).at(0).value_or("NULL");
  }
  static inline PostgresServer* server_ = nullptr;
};

TEST_F(ConnectionPg, QueryWithParametersAndNulls) {
  auto connection = open();
  const auto rows = connection->query("SELECT $1::int + 1 AS a, $2::text AS b, 'x'", {"41", std::nullopt});
  ASSERT_TRUE(rows) << rows.error().message;
  EXPECT_EQ(rows->columns, (std::vector<std::string>{"a", "b", "?column?"}));
  ASSERT_EQ(rows->rows.size(), 1u);
  EXPECT_EQ(rows->rows[0], (std::vector<std::optional<std::string>>{"42", std::nullopt, "x"}));
  EXPECT_EQ(connection->server_version() / 10000,
            std::stoi(server_->psql("SELECT current_setting('server_version_num')::int / 10000")));
}

TEST_F(ConnectionPg, TextSettingsArePinnedWhateverTheServersDefaults) {
  server_->psql(
      "ALTER ROLE postgres SET DateStyle = 'German'; ALTER ROLE postgres SET TimeZone = 'Asia/Kolkata'; "
      "ALTER ROLE postgres SET IntervalStyle = 'sql_standard'; ALTER ROLE postgres SET bytea_output = 'escape'; "
      "ALTER ROLE postgres SET extra_float_digits = 0");
  for (const bool replication : {false, true}) {
    auto connection = open(replication);
    EXPECT_EQ(one(*connection, "SELECT '2026-08-01 10:00:00.5+05:30'::timestamptz"), "2026-08-01 04:30:00.5+00");
    EXPECT_EQ(one(*connection, "SELECT '1 day 2 hours'::interval"), "1 day 02:00:00");
    EXPECT_EQ(one(*connection, "SELECT '\\x00ff'::bytea"), "\\x00ff");
    EXPECT_EQ(one(*connection, "SELECT 0.1::float8 + 0.2::float8"), "0.30000000000000004");
  }
  server_->psql("ALTER ROLE postgres RESET ALL");
}

TEST_F(ConnectionPg, AFailingStatementTellsItsSqlstateButNoRow) {
  auto connection = open();
  ASSERT_TRUE(
      connection->execute("CREATE TEMP TABLE t (phone text PRIMARY KEY); INSERT INTO t VALUES ('919800000001')"));
  const auto failed = connection->query("INSERT INTO t VALUES ('919800000001')");
  ASSERT_FALSE(failed);
  EXPECT_EQ(connection->sqlstate(), "23505");
  EXPECT_THAT(failed.error().message, HasSubstr("23505"));
  EXPECT_THAT(failed.error().message, Not(HasSubstr("919800000001")));
  EXPECT_EQ(connection->execute("SELECT * FROM nowhere").error().code, ErrorCode::kNotFound);
  EXPECT_EQ(one(*connection, "SELECT 1"), "1");
}

TEST_F(ConnectionPg, FailuresToConnectSayWhatToDo) {
  server_->psql("CREATE ROLE reader LOGIN");
  const auto code = [](const std::string& url, bool replication = false) {
    const auto opened = Connection::open(url, replication);
    return opened ? ErrorCode::kInternal : opened.error().code;
  };
  EXPECT_EQ(code("postgresql://asha:ge%heim@127.0.0.1/x"), ErrorCode::kInvalid);
  EXPECT_EQ(code("postgresql://postgres@127.0.0.1:1/postgres"), ErrorCode::kUnavailable);
  EXPECT_EQ(code(server_->url("no_such_database")), ErrorCode::kNotFound);
  EXPECT_EQ(code(server_->url("postgres", "reader"), true), ErrorCode::kPermission);
}

TEST_F(ConnectionPg, CopyKeepsEveryValueAsItIs) {
  auto connection = open();
  ASSERT_TRUE(connection->execute(
      R"(CREATE TEMP TABLE t (n int, v text); INSERT INTO t VALUES (1, E'tab\tnew\nline\r\\N back\\slash'), (2, NULL), (3, ''), (4, '\N'), (5, 'आशा'))"));
  std::vector<std::optional<std::string>> values;
  const Status copied = connection->copy_out("COPY (SELECT v FROM t ORDER BY n) TO STDOUT", [&](const auto& row) {
    EXPECT_EQ(row.size(), 1u);
    values.push_back(row[0] ? std::optional(std::string(*row[0])) : std::nullopt);
    return true;
  });
  ASSERT_TRUE(copied) << copied.error().message;
  EXPECT_EQ(values, (std::vector<std::optional<std::string>>{"tab\tnew\nline\r\\N back\\slash", std::nullopt, "", "\\N",
                                                             "आशा"}));
}

TEST_F(ConnectionPg, CopyCanBeStoppedAndTheConnectionGoesOn) {
  auto connection = open();
  int rows = 0;
  const Status copied =
      connection->copy_out("COPY (SELECT repeat('x', 1000) FROM generate_series(1, 5000000)) TO STDOUT",
                           [&](const auto&) { return ++rows < 10; });
  EXPECT_TRUE(copied) << copied.error().message;
  EXPECT_EQ(rows, 10);
  EXPECT_EQ(one(*connection, "SELECT 1"), "1");
}

TEST_F(ConnectionPg, CopyThatFailsOnTheWaySaysSo) {
  auto connection = open();
  int rows = 0;
  const Status copied = connection->copy_out("COPY (SELECT 1 / (10000 - n) FROM generate_series(1, 20000) n) TO STDOUT",
                                             [&](const auto&) { return ++rows > 0; });
  ASSERT_FALSE(copied);
  EXPECT_EQ(connection->sqlstate(), "22012");
  EXPECT_GT(rows, 0);
  EXPECT_FALSE(connection->copy_out("COPY (SELECT nothing) TO STDOUT", [](const auto&) { return true; }));
  EXPECT_EQ(one(*connection, "SELECT 1"), "1");
}

TEST_F(ConnectionPg, ABrokenConnectionIsNotAlive) {
  auto connection = open();
  EXPECT_TRUE(connection->alive());
  auto killer = open();
  ASSERT_TRUE(
      killer->query("SELECT pg_terminate_backend($1::int, 10000)", {one(*connection, "SELECT pg_backend_pid()")}));
  const auto failed = connection->query("SELECT 1");
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().code, ErrorCode::kUnavailable);
  EXPECT_FALSE(connection->alive());
}

TEST_F(ConnectionPg, AVerifierStandsForThePassword) {
  auto connection = open();
  const auto verifier = connection->password_verifier("someone", "geheim");
  ASSERT_TRUE(verifier);
  EXPECT_THAT(*verifier, HasSubstr("SCRAM-SHA-256$"));
  EXPECT_TRUE(connection->execute("CREATE ROLE someone LOGIN PASSWORD " + quote_literal(*verifier)));
  EXPECT_EQ(one(*connection,
                "SELECT rolpassword = " + quote_literal(*verifier) + " FROM pg_authid WHERE rolname = 'someone'"),
            "t");
}

}  // namespace
}  // namespace rowledger::postgres
