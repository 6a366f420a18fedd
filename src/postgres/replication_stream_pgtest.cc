#include "postgres/replication_stream.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>
#include <functional>
#include <future>
#include <map>
#include <string>

#include "postgres/pgoutput.h"
#include "support/postgres_server.h"

namespace rowledger::postgres {
namespace {

using ::rowledger::testing::PostgresServer;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

constexpr size_t kMegabyte = 1 << 20;
constexpr auto kPatience = std::chrono::seconds(60);

PostgresServer& server() {
  static const auto started = PostgresServer::start(
      {.settings = {"max_replication_slots = 40", "max_wal_senders = 40", "logical_decoding_work_mem = 64kB"}});
  return *started;
}

// Messages as lines: "update t: K 1|~ -> 2|x", with ~ for NULL or absent and ^ for unchanged TOAST.
class Narrator {
 public:
  std::string operator()(const Begin&) { return "begin"; }
  std::string operator()(const Commit& m) {
    last_end_lsn_ = m.end_lsn;
    return "commit";
  }
  std::string operator()(const Origin& m) { return fmt::format("origin {}", m.name); }
  std::string operator()(const Relation& m) {
    names_[m.oid] = m.name;
    std::string columns;
    for (const auto& c : m.columns)
      columns += fmt::format("{}{}{}", columns.empty() ? "" : ",", c.name, c.is_key ? "*" : "");
    return fmt::format("relation {}.{}({}) {}", m.schema, m.name, columns, m.replica_identity);
  }
  std::string operator()(const Type& m) { return fmt::format("type {}.{}", m.schema, m.name); }
  std::string operator()(const Insert& m) { return fmt::format("insert {}: {}", names_[m.relation], row(m.after)); }
  std::string operator()(const Update& m) {
    const std::string before = m.before_kind == Update::Before::kNone
                                   ? ""
                                   : fmt::format("{} {} -> ", static_cast<char>(m.before_kind), row(m.before));
    return fmt::format("update {}: {}{}", names_[m.relation], before, row(m.after));
  }
  std::string operator()(const Delete& m) {
    return fmt::format("delete {}: {} {}", names_[m.relation], m.full ? 'O' : 'K', row(m.before));
  }
  std::string operator()(const Truncate& m) {
    std::string out = "truncate";
    for (const uint32_t oid : m.relations) out += " " + names_[oid];
    return out + (m.cascade ? " cascade" : "") + (m.restart_identity ? " restart" : "");
  }
  std::string operator()(const LogicalMessage& m) {
    return fmt::format("message {} {}={}", m.transactional ? "in tx" : "at once", m.prefix, m.content);
  }
  std::string operator()(const StreamStart& m) {
    return fmt::format("stream start{}", m.first_segment ? " first" : "");
  }
  std::string operator()(const StreamStop&) { return "stream stop"; }
  std::string operator()(const StreamCommit& m) {
    last_end_lsn_ = m.end_lsn;
    return "stream commit";
  }
  std::string operator()(const StreamAbort& m) { return m.xid == m.subxid ? "stream abort" : "stream abort of a part"; }

  Lsn last_end_lsn() const { return last_end_lsn_; }

 private:
  static std::string row(const Tuple& tuple) {
    std::string out;
    tuple.for_each([&](size_t index, TupleColumn column) {
      if (index > 0) out += '|';
      switch (column.kind) {
        case TupleColumn::Kind::kNull: out += '~'; break;
        case TupleColumn::Kind::kUnchangedToast: out += '^'; break;
        default: out += column.bytes;
      }
    });
    return out;
  }
  std::map<uint32_t, std::string> names_;
  Lsn last_end_lsn_;
};

class ReplicationStreamTest : public ::testing::Test {
 protected:
  // The tables first, then the publication and the slot, both named as the database.
  void prepare(const std::string& tables) {
    sql(tables);
    sql(fmt::format("CREATE PUBLICATION {0} FOR ALL TABLES WITH (publish_via_partition_root)", database_));
    sql(fmt::format("SELECT pg_create_logical_replication_slot('{}', 'pgoutput')", database_));
  }
  std::string sql(const std::string& text) { return server().psql(text, database_); }

  StreamOptions options() const {
    return {.conninfo = server().url(database_), .slot = database_, .publication = database_, .start_lsn = {}};
  }
  void open() { open(options()); }
  void open(const StreamOptions& options) {
    auto opened = ReplicationStream::open(options);
    ASSERT_TRUE(opened) << opened.error().message;
    stream_ = std::move(*opened);
  }
  static Error open_error(const StreamOptions& options) {
    auto opened = ReplicationStream::open(options);
    if (opened) return {ErrorCode::kInternal, "(no error)"};
    return opened.error();
  }

  // Lines up to and with the last of so many commits; a failing drain gives its error as the last line.
  std::vector<std::string> read_commits(int commits, size_t max_bytes = kMegabyte) {
    std::vector<std::string> lines;
    const auto deadline = std::chrono::steady_clock::now() + kPatience;
    StreamBuffer buffer;
    while (commits > 0 && std::chrono::steady_clock::now() < deadline) {
      buffer.clear();
      const auto drained = stream_->drain(buffer, max_bytes, 1000);
      if (!drained) {
        lines.push_back("error: " + drained.error().message);
        break;
      }
      for (const auto& frame : buffer.frames) {
        if (frame.kind == StreamFrame::Kind::kKeepalive) continue;
        lines.push_back(narrate(buffer.payload(frame)));
        if (lines.back() == "commit" || lines.back() == "stream commit") --commits;
      }
    }
    EXPECT_LE(commits, 0) << "commits missing";
    return lines;
  }

  std::string narrate(std::string_view payload) {
    const auto message = decode_pgoutput(payload, in_stream_);
    if (!message) return "error: " + message.error().message;
    if (std::holds_alternative<StreamStart>(*message)) in_stream_ = true;
    if (std::holds_alternative<StreamStop>(*message)) in_stream_ = false;
    return std::visit(narrator_, *message);
  }

  const std::string database_ = server().create_database();
  std::unique_ptr<ReplicationStream> stream_;
  Narrator narrator_;
  bool in_stream_ = false;
};

std::vector<std::string> starting_with(std::string_view start, const std::vector<std::string>& lines) {
  std::vector<std::string> out;
  for (const auto& line : lines) {
    if (line.starts_with(start)) out.push_back(line);
  }
  return out;
}

TEST_F(ReplicationStreamTest, RowsOfATableWithAKey) {
  prepare("CREATE TABLE t (id int PRIMARY KEY, name text, note text); ALTER TABLE t ALTER note SET STORAGE EXTERNAL");
  sql("INSERT INTO t VALUES (1, 'Asha', repeat('n', 4000)); UPDATE t SET name = NULL; UPDATE t SET id = 2;"
      "DELETE FROM t");
  open();
  const auto lines = read_commits(4);
  ASSERT_EQ(lines.size(), 13u) << ::testing::PrintToString(lines);
  EXPECT_EQ(lines[0], "begin");
  EXPECT_EQ(lines[1], "relation public.t(id*,name,note) d");
  EXPECT_EQ(lines[2], "insert t: 1|Asha|" + std::string(4000, 'n'));
  EXPECT_EQ(lines[3], "commit");
  EXPECT_EQ(lines[5], "update t: 1|~|^");
  EXPECT_EQ(lines[8], "update t: K 1|~|~ -> 2|~|^");
  EXPECT_EQ(lines[11], "delete t: K 2|~|~");
}

TEST_F(ReplicationStreamTest, ReplicaIdentityFullSendsTheOldRow) {
  prepare("CREATE TABLE t (id int PRIMARY KEY, name text); ALTER TABLE t REPLICA IDENTITY FULL");
  sql("INSERT INTO t VALUES (1, 'Asha'); UPDATE t SET name = 'Mira'; DELETE FROM t");
  open();
  const auto lines = read_commits(3);
  EXPECT_THAT(lines, Contains("relation public.t(id*,name*) f"));
  EXPECT_THAT(lines, Contains("update t: O 1|Asha -> 1|Mira"));
  EXPECT_THAT(lines, Contains("delete t: O 1|Mira"));
}

TEST_F(ReplicationStreamTest, TruncateOfSeveralTablesIsOneMessage) {
  prepare("CREATE TABLE a (id int PRIMARY KEY); CREATE TABLE b (id int PRIMARY KEY, a int REFERENCES a)");
  sql("TRUNCATE a RESTART IDENTITY CASCADE");
  open();
  EXPECT_THAT(read_commits(1), Contains("truncate a b cascade restart"));
}

TEST_F(ReplicationStreamTest, PartitionsArriveAsTheirRoot) {
  prepare(
      "CREATE TABLE m (id int PRIMARY KEY, v text) PARTITION BY RANGE (id);"
      "CREATE TABLE m1 PARTITION OF m FOR VALUES FROM (0) TO (10);"
      "CREATE TABLE m2 PARTITION OF m FOR VALUES FROM (10) TO (20)");
  sql("INSERT INTO m VALUES (1, 'a'), (11, 'b')");
  open();
  EXPECT_THAT(read_commits(1),
              AllOf(Contains("relation public.m(id*,v) d"), Contains("insert m: 1|a"), Contains("insert m: 11|b")));
}

TEST_F(ReplicationStreamTest, TypesOriginsAndLogicalMessages) {
  prepare("CREATE TYPE mood AS ENUM ('calm'); CREATE TABLE t (id int PRIMARY KEY, m mood)");
  sql("BEGIN; SELECT pg_logical_emit_message(true, 'rowledger', 'who'); INSERT INTO t VALUES (1, 'calm'); COMMIT");
  sql("SELECT pg_logical_emit_message(false, 'other', 'now')");
  sql(fmt::format(
      "SELECT pg_replication_origin_create('far_{0}'); SELECT pg_replication_origin_session_setup('far_{0}');"
      "BEGIN; SELECT pg_replication_origin_xact_setup('0/42', now()); INSERT INTO t VALUES (2, NULL); COMMIT",
      database_));
  open();
  EXPECT_THAT(read_commits(2),
              ElementsAre("begin", "message in tx rowledger=who", "type public.mood", "relation public.t(id*,m) d",
                          "insert t: 1|calm", "commit", "message at once other=now", "begin", "origin far_" + database_,
                          "insert t: 2|~", "commit"));
}

TEST_F(ReplicationStreamTest, LargeTransactionsArriveInProgress) {
  prepare("CREATE TABLE t (id int PRIMARY KEY, v text)");
  open();
  sql("BEGIN; INSERT INTO t SELECT i, 'kept' FROM generate_series(1, 2000) i;"
      "SAVEPOINT s; INSERT INTO t SELECT i, 'dropped' FROM generate_series(2001, 4000) i; ROLLBACK TO s;"
      "INSERT INTO t SELECT i, 'later' FROM generate_series(4001, 6000) i; COMMIT");
  sql("BEGIN; INSERT INTO t SELECT i, 'lost' FROM generate_series(7001, 9000) i; ROLLBACK; INSERT INTO t VALUES (0, "
      "'end')");
  const auto lines = read_commits(2);
  EXPECT_EQ(starting_with("stream start first", lines).size(), 2u);
  EXPECT_EQ(starting_with("stream start", lines).size(), starting_with("stream stop", lines).size());
  EXPECT_EQ(starting_with("stream commit", lines).size(), 1u);
  EXPECT_THAT(lines, Contains("stream abort of a part"));
  EXPECT_THAT(lines, Contains("stream abort"));
  EXPECT_THAT(lines, Contains("insert t: 2000|kept"));
  EXPECT_THAT(lines, Contains("insert t: 6000|later"));
  EXPECT_EQ(lines.back(), "commit");
}

TEST_F(ReplicationStreamTest, StreamingCanBeOff) {
  prepare("CREATE TABLE t (id int PRIMARY KEY, v text)");
  sql("INSERT INTO t SELECT i, 'v' FROM generate_series(1, 3000) i");
  auto without = options();
  without.streaming = false;
  open(without);
  const auto lines = read_commits(1);
  EXPECT_EQ(lines.front(), "begin");
  EXPECT_EQ(lines.size(), 3003u);
}

TEST_F(ReplicationStreamTest, SmallLimitsLoseNothing) {
  prepare("CREATE TABLE t (id int PRIMARY KEY, v text)");
  sql("INSERT INTO t SELECT i, repeat('v', 1 + i % 700) FROM generate_series(1, 1000) i");
  open();
  const auto rows = starting_with("insert", read_commits(1, 1000));
  ASSERT_EQ(rows.size(), 1000u);
  EXPECT_THAT(rows.front(), StartsWith("insert t: 1|"));
  EXPECT_THAT(rows.back(), StartsWith("insert t: 1000|"));
}

TEST_F(ReplicationStreamTest, AHugeRowArrivesWhole) {
  prepare("CREATE TABLE t (id int PRIMARY KEY, v text)");
  sql("INSERT INTO t VALUES (1, repeat('0123456789', 3000000)), (2, 'small')");
  open();
  const auto rows = starting_with("insert", read_commits(1));
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_EQ(rows[0].size(), std::string("insert t: 1|").size() + 30'000'000);
  EXPECT_EQ(rows[1], "insert t: 2|small");
}

TEST_F(ReplicationStreamTest, ConfirmAdvancesTheSlot) {
  prepare("CREATE TABLE t (id int PRIMARY KEY)");
  sql("INSERT INTO t VALUES (1); INSERT INTO t VALUES (2)");
  open();
  read_commits(2);
  const Lsn durable = narrator_.last_end_lsn();
  ASSERT_TRUE(stream_->confirm(durable));
  const std::string confirmed =
      fmt::format("SELECT confirmed_flush_lsn >= '{}' FROM pg_replication_slots WHERE slot_name = '{}'",
                  durable.to_string(), database_);
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  std::string answer;
  while (answer != "t" && std::chrono::steady_clock::now() < deadline) answer = sql(confirmed);
  EXPECT_EQ(answer, "t");

  sql("INSERT INTO t VALUES (3)");
  stream_.reset();
  // The server may still be noticing that we went.
  auto again = ReplicationStream::open(options());
  while (!again && std::chrono::steady_clock::now() < deadline) again = ReplicationStream::open(options());
  ASSERT_TRUE(again) << again.error().message;
  stream_ = std::move(*again);
  EXPECT_THAT(read_commits(1), ElementsAre("begin", StartsWith("relation"), "insert t: 3", "commit"));
}

TEST_F(ReplicationStreamTest, WakeEndsAWaitingDrainAndTheNextOne) {
  prepare("");
  open();
  // What the server says at first (keepalives) is out of the way when a drain finds nothing.
  StreamBuffer buffer;
  for (Result<size_t> drained = 1; *drained != 0;) {
    drained = stream_->drain(buffer, kMegabyte, 200);
    ASSERT_TRUE(drained);
  }
  stream_->wake();
  buffer.clear();
  const auto drained = stream_->drain(buffer, kMegabyte, 600'000);
  ASSERT_TRUE(drained);
  EXPECT_EQ(*drained, 0u);

  auto waiting = std::async(std::launch::async, [&] {
    StreamBuffer mine;
    return stream_->drain(mine, kMegabyte, 600'000).has_value();
  });
  stream_->wake();
  ASSERT_EQ(waiting.wait_for(kPatience), std::future_status::ready);
  EXPECT_TRUE(waiting.get());
}

TEST_F(ReplicationStreamTest, KeepalivesTellTheEndOfWal) {
  prepare("");
  open();
  EXPECT_EQ(stream_->sender_timeout_ms(), 60'000);
  sql("CREATE TABLE unread (id int)");
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  StreamBuffer buffer;
  while (buffer.frames.empty() && std::chrono::steady_clock::now() < deadline) {
    ASSERT_TRUE(stream_->drain(buffer, kMegabyte, 1000));
  }
  ASSERT_FALSE(buffer.frames.empty());
  EXPECT_EQ(buffer.frames[0].kind, StreamFrame::Kind::kKeepalive);
  EXPECT_GT(buffer.frames[0].wal_end.value, 0u);
}

TEST_F(ReplicationStreamTest, TextFormsAreOursWhateverOthersSay) {
  prepare("CREATE TABLE t (id int PRIMARY KEY, at timestamptz, span interval, b bytea, f float8)");
  sql(fmt::format("ALTER DATABASE {} SET timezone = 'Asia/Kolkata'", database_));
  sql("INSERT INTO t VALUES (1, '2026-11-23T09:30:00Z', '1 day 2 hours', '\\x00ff', 0.1::float8 + 0.2)");
  setenv("PGTZ", "America/New_York", 1);
  setenv("PGDATESTYLE", "German", 1);
  auto theirs = options();
  theirs.conninfo +=
      "?options=-c%20DateStyle%3DSQL%20-c%20bytea_output%3Descape%20-c%20extra_float_digits%3D-5"
      "%20-c%20IntervalStyle%3Diso_8601&client_encoding=LATIN1";
  open(theirs);
  unsetenv("PGTZ");
  unsetenv("PGDATESTYLE");
  EXPECT_THAT(read_commits(1),
              Contains("insert t: 1|2026-11-23 09:30:00+00|1 day 02:00:00|\\x00ff|0.30000000000000004"));
}

TEST_F(ReplicationStreamTest, MissingSlot) {
  prepare("");
  auto wrong = options();
  wrong.slot = "nobody";
  const Error error = open_error(wrong);
  EXPECT_EQ(error.code, ErrorCode::kNotFound);
  EXPECT_THAT(error.message, AllOf(HasSubstr("no replication slot \"nobody\""), HasSubstr("attach again")));
}

TEST_F(ReplicationStreamTest, SlotInUse) {
  prepare("");
  open();
  const Error error = open_error(options());
  EXPECT_EQ(error.code, ErrorCode::kUnavailable);
  EXPECT_THAT(error.message, AllOf(HasSubstr("in use by another process"), HasSubstr("PID")));
}

TEST_F(ReplicationStreamTest, MissingPublication) {
  prepare("");
  auto wrong = options();
  wrong.publication = "it's \"none\"";
  const Error error = open_error(wrong);
  EXPECT_EQ(error.code, ErrorCode::kNotFound);
  EXPECT_THAT(error.message, HasSubstr("no publication \"it's \"none\"\""));
}

TEST_F(ReplicationStreamTest, PublicationYoungerThanTheSlot) {
  sql(fmt::format("CREATE TABLE t (id int PRIMARY KEY); SELECT pg_create_logical_replication_slot('{}', 'pgoutput')",
                  database_));
  sql("INSERT INTO t VALUES (1)");
  sql(fmt::format("CREATE PUBLICATION {} FOR ALL TABLES", database_));
  open();
  StreamBuffer buffer;
  Result<size_t> drained = 0;
  for (int i = 0; drained && i < 60; ++i) drained = stream_->drain(buffer, kMegabyte, 1000);
  ASSERT_FALSE(drained);
  EXPECT_EQ(drained.error().code, ErrorCode::kNotFound);
  EXPECT_THAT(drained.error().message, HasSubstr("younger than the slot"));
  EXPECT_FALSE(stream_->drain(buffer, kMegabyte, 0)) << "an error ends the stream";
  EXPECT_FALSE(stream_->confirm({}));
}

TEST_F(ReplicationStreamTest, SlotOfAnotherPluginOrDatabase) {
  prepare(fmt::format("SELECT pg_create_logical_replication_slot('{}_other', 'test_decoding')", database_));
  auto wrong = options();
  wrong.slot += "_other";
  EXPECT_EQ(open_error(wrong).code, ErrorCode::kInvalid);
  EXPECT_THAT(open_error(wrong).message, HasSubstr("made for another program"));

  auto elsewhere = options();
  elsewhere.conninfo = server().url(server().psql("CREATE DATABASE elsewhere; SELECT 'elsewhere'"));
  server().psql(fmt::format("CREATE PUBLICATION {} FOR ALL TABLES", database_), "elsewhere");
  EXPECT_EQ(open_error(elsewhere).code, ErrorCode::kInvalid);
  EXPECT_THAT(open_error(elsewhere).message, HasSubstr("Give the database of the slot"));
}

TEST_F(ReplicationStreamTest, RoleWithoutReplication) {
  prepare(fmt::format("CREATE ROLE plain_{} LOGIN", database_));
  auto plain = options();
  plain.conninfo = server().url(database_, "plain_" + database_);
  const Error error = open_error(plain);
  EXPECT_EQ(error.code, ErrorCode::kPermission);
  EXPECT_THAT(error.message, HasSubstr("REPLICATION"));
}

TEST_F(ReplicationStreamTest, NobodyListensOrNoSuchDatabase) {
  auto nowhere = options();
  nowhere.conninfo = "postgresql://someone:sesame@127.0.0.1:1/x";
  const Error error = open_error(nowhere);
  EXPECT_EQ(error.code, ErrorCode::kUnavailable);
  EXPECT_THAT(error.message, Not(HasSubstr("sesame")));
  nowhere.conninfo = server().url("no_such_database");
  EXPECT_EQ(open_error(nowhere).code, ErrorCode::kNotFound);
}

TEST(ReplicationStreamServer, ShutdownEndsTheStreamAndARestartContinuesIt) {
  const auto mine = PostgresServer::start();
  mine->psql(
      "CREATE TABLE t (id int PRIMARY KEY); CREATE PUBLICATION p FOR TABLE t;"
      "SELECT pg_create_logical_replication_slot('s', 'pgoutput')");
  const StreamOptions options{.conninfo = mine->url(), .slot = "s", .publication = "p", .start_lsn = {}};
  for (const bool immediately : {false, true}) {
    auto stream = ReplicationStream::open(options);
    ASSERT_TRUE(stream) << stream.error().message;
    // An orderly shutdown waits until the receiver has confirmed everything.
    const auto stopped = std::async(std::launch::async, [&] { immediately ? mine->stop_immediately() : mine->stop(); });
    StreamBuffer buffer;
    Result<size_t> drained = 0;
    for (int i = 0; drained && i < 600; ++i) {
      buffer.clear();
      drained = (*stream)->drain(buffer, kMegabyte, 100);
      if (!buffer.frames.empty()) (void)(*stream)->confirm(buffer.frames.back().wal_end);
    }
    stopped.wait();
    ASSERT_FALSE(drained);
    EXPECT_EQ(drained.error().code, ErrorCode::kUnavailable) << drained.error().message;
    mine->start_again();
  }
}

TEST(ReplicationStreamServer, InvalidatedSlotAndWrongWalLevel) {
  const auto mine = PostgresServer::start({.settings = {"max_slot_wal_keep_size = 1MB", "max_wal_size = 32MB"}});
  mine->psql(
      "CREATE PUBLICATION p FOR ALL TABLES; SELECT pg_create_logical_replication_slot('s', 'pgoutput');"
      "CREATE TABLE t (id int)");
  for (int i = 0; i < 4; ++i) mine->psql("INSERT INTO t VALUES (1); SELECT pg_switch_wal(); CHECKPOINT");
  const StreamOptions options{.conninfo = mine->url(), .slot = "s", .publication = "p", .start_lsn = {}};
  const auto lost = ReplicationStream::open(options);
  ASSERT_FALSE(lost);
  EXPECT_EQ(lost.error().code, ErrorCode::kInvalid);
  EXPECT_THAT(lost.error().message, AllOf(HasSubstr("invalidated"), HasSubstr("attach again")));

  mine->psql("SELECT pg_drop_replication_slot('s')");
  mine->psql("ALTER SYSTEM SET wal_level = replica");
  mine->stop();
  mine->start_again();
  const auto low = ReplicationStream::open(options);
  ASSERT_FALSE(low);
  EXPECT_EQ(low.error().code, ErrorCode::kInvalid);
  EXPECT_THAT(low.error().message, HasSubstr("Set wal_level = logical"));
}

}  // namespace
}  // namespace rowledger::postgres
