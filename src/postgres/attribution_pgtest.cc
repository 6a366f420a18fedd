#include <fmt/format.h>

#include <sstream>

#include "base/crypto.h"
#include "postgres/attach_pgtest.h"
#include "postgres/attribution_sql.h"
#include "postgres/pgoutput.h"

namespace rowledger::postgres {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

// What the slot would send, each transaction's messages as one word or, for the trigger's, as the body
// when its stamp is right and "FORGED " + body otherwise.
class AttributionPg : public AttachFixture {
 protected:
  void SetUp() override {
    AttachFixture::SetUp();
    input_.tables = {"public.contacts", "public.messages"};
    attach();
    make_slot();
    secret_ = read_stamp_secret(*admin_).value();
    run(*admin_, "CREATE ROLE app_" + database_ +
                     " LOGIN; GRANT SELECT, INSERT, UPDATE, DELETE, TRUNCATE ON ALL TABLES IN SCHEMA public TO app_" +
                     database_);
    app_ = open(server_->url(database_, "app_" + database_));
  }

  // Takes them from the slot.
  std::vector<std::string> sent() {
    const auto rows = admin_->query(
        "SELECT encode(data, 'hex') FROM pg_logical_slot_peek_binary_changes($1, NULL, NULL, "
        "'proto_version', '1', 'publication_names', 'rowledger', 'messages', 'true')",
        {input_.slot});
    EXPECT_TRUE(rows) << (rows ? "" : rows.error().message);
    std::vector<std::string> out;
    if (!rows) return out;
    for (const auto& row : rows->rows) {
      const std::string bytes = from_hex(*row[0]).value();
      const auto message = decode_pgoutput(bytes, false);
      EXPECT_TRUE(message);
      if (message) describe(*message, out);
    }
    run(*admin_, "SELECT pg_replication_slot_advance('" + input_.slot + "', pg_current_wal_lsn())");
    return out;
  }
  void describe(const Message& message, std::vector<std::string>& out) {
    if (std::holds_alternative<Insert>(message)) out.push_back("insert");
    if (std::holds_alternative<Update>(message)) out.push_back("update");
    if (std::holds_alternative<Delete>(message)) out.push_back("delete");
    if (std::holds_alternative<Truncate>(message)) out.push_back("truncate");
    if (std::holds_alternative<Commit>(message)) out.push_back("commit");
    const auto* logical = std::get_if<LogicalMessage>(&message);
    if (!logical || logical->prefix != kMessagePrefix) return;
    EXPECT_TRUE(logical->transactional);
    const std::string_view stamp = logical->content.substr(0, 64), body = logical->content.substr(64);
    const bool right = to_base64(sha384(secret_, body)) == stamp;
    std::vector<std::string> line;
    std::istringstream lines{std::string(body)};
    for (std::string text; line.size() < 7 && std::getline(lines, text);) line.push_back(text);
    ASSERT_EQ(line.size(), 7u) << body;
    const std::string context{std::istreambuf_iterator<char>(lines), {}};
    out.push_back(fmt::format("{}{} context=<{}> application={} role={} session={} xid={}", right ? "" : "FORGED ",
                              line[4].empty() ? "direct" : "trigger, " + line[4], context, line[5], line[6], line[0],
                              line[1]));
  }
  std::string secret_;
  std::unique_ptr<Connection> app_;
};

const std::string kDirect = "direct context=<>", kNested = "trigger, all ";

TEST_F(AttributionPg, SaysWhoOncePerTransaction) {
  run(*app_, "SET application_name = 'say \"hi\"'");
  const std::string pid = one(*app_, "SELECT pg_backend_pid()");
  run(*app_, "BEGIN");
  run(*app_, "INSERT INTO contacts VALUES (1, 'Asha', '91')");
  run(*app_, "UPDATE contacts SET name = 'A'");
  run(*app_, "DELETE FROM contacts");
  const std::string xid = one(*app_, "SELECT pg_current_xact_id()");
  run(*app_, "COMMIT");
  EXPECT_THAT(sent(), ElementsAre(kDirect + " application=say \"hi\" role=app_" + database_ +
                                      " session=rowledger 2 127.0.0.1 " + pid + " xid=" + xid,
                                  "insert", "update", "delete", "commit"));
}

TEST_F(AttributionPg, EachTransactionOfASession) {
  run(*app_, "INSERT INTO contacts VALUES (1, 'Asha', '91')");
  run(*app_, "UPDATE contacts SET name = 'A'");
  EXPECT_THAT(sent(), ElementsAre(HasSubstr(kDirect), "insert", "commit", HasSubstr(kDirect), "update", "commit"));
}

TEST_F(AttributionPg, ContextsApplyFromWhereTheyStand) {
  run(*app_, R"(BEGIN; INSERT INTO contacts VALUES (1, 'Asha', '91');
                SELECT set_config('rowledger.context', '{"actor_id":"42"}', true); UPDATE contacts SET updates = 1; UPDATE contacts SET updates = 2;
                SELECT set_config('rowledger.context', '', true); UPDATE contacts SET updates = 3; COMMIT)");
  run(*app_, "UPDATE contacts SET updates = 4");
  EXPECT_THAT(sent(),
              ElementsAre(HasSubstr(kDirect), "insert", HasSubstr(R"(direct context=<{"actor_id":"42"}>)"), "update",
                          "update", HasSubstr(kDirect), "update", "commit", HasSubstr(kDirect), "update", "commit"));
}

TEST_F(AttributionPg, IsRightAfterRollbackToSavepoint) {
  run(*app_,
      "BEGIN; SAVEPOINT s; INSERT INTO contacts VALUES (1, 'Asha', '91'); ROLLBACK TO s;"
      "INSERT INTO contacts VALUES (2, 'Ravi', '92'); SAVEPOINT s; INSERT INTO contacts VALUES (3, 'Mira', '93'); "
      "RELEASE s;"
      "UPDATE contacts SET updates = 1 WHERE id = 2; COMMIT");
  EXPECT_THAT(sent(), ElementsAre(HasSubstr(kDirect), "insert", "insert", "update", "commit"));
}

TEST_F(AttributionPg, AContextOfARolledBackPartIsForgotten) {
  run(*app_,
      "BEGIN; INSERT INTO contacts VALUES (1, 'Asha', '91'); SAVEPOINT s; SELECT set_config('rowledger.context', 'x', "
      "true);"
      "UPDATE contacts SET updates = 1; ROLLBACK TO s; UPDATE contacts SET updates = 2; COMMIT");
  EXPECT_THAT(sent(), ElementsAre(HasSubstr(kDirect), "insert", "update", "commit"));
}

TEST_F(AttributionPg, ARolledBackTransactionSaysNothing) {
  run(*app_, "BEGIN; INSERT INTO contacts VALUES (1, 'Asha', '91'); ROLLBACK");
  EXPECT_THAT(sent(), IsEmpty());
}

TEST_F(AttributionPg, CopyTruncateAndReplicaRoleFireIt) {
  server_->psql("COPY contacts FROM STDIN;\n1\tAsha\t91\t0\n2\tRavi\t92\t0\n\\.\n", database_);
  server_->psql("SET session_replication_role = replica; UPDATE contacts SET updates = 1 WHERE id = 1", database_);
  server_->psql("TRUNCATE contacts, messages", database_);
  EXPECT_THAT(sent(), ElementsAre(HasSubstr(kDirect), "insert", "insert", "commit", HasSubstr(kDirect), "update",
                                  "commit", HasSubstr(kDirect), "truncate", "commit"));
}

TEST_F(AttributionPg, OtherWaysToChangeRows) {
  run(*app_, "INSERT INTO contacts VALUES (1, 'Asha', '91') ON CONFLICT (id) DO UPDATE SET updates = 1");
  run(*app_, "WITH gone AS (DELETE FROM contacts RETURNING *) SELECT count(*) FROM gone");
  run(*app_,
      "MERGE INTO contacts c USING (VALUES (5)) v(id) ON c.id = v.id WHEN NOT MATCHED THEN INSERT VALUES (v.id, "
      "'Mira', '93')");
  run(*app_, "PREPARE p AS UPDATE contacts SET updates = updates + 1; EXECUTE p");
  EXPECT_THAT(sent(), ElementsAre(HasSubstr(kDirect), "insert", "commit", HasSubstr(kDirect), "delete", "commit",
                                  HasSubstr(kDirect), "insert", "commit", HasSubstr(kDirect), "update", "commit"));
}

TEST_F(AttributionPg, AChangeMadeByATriggerIsNested) {
  run(*admin_,
      "CREATE FUNCTION count_message() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
      "UPDATE contacts SET updates = updates + 1 WHERE id = NEW.contact_id; RETURN NULL; END $$;"
      "CREATE TRIGGER count AFTER INSERT ON messages FOR EACH ROW EXECUTE FUNCTION count_message();"
      "INSERT INTO contacts VALUES (1, 'Asha', '91')");
  (void)sent();
  run(*app_,
      "BEGIN; INSERT INTO messages VALUES (1, 1, 'hello'), (2, 1, 'again'); UPDATE contacts SET name = 'A'; COMMIT");
  EXPECT_THAT(sent(), ElementsAre(HasSubstr(kDirect), "insert", "insert", HasSubstr(kNested), "update", "update",
                                  HasSubstr(kDirect), "update", "commit"));
}

TEST_F(AttributionPg, ACascadeIsNested) {
  run(*admin_,
      "ALTER TABLE messages ADD FOREIGN KEY (contact_id) REFERENCES contacts ON DELETE CASCADE;"
      "INSERT INTO contacts VALUES (1, 'Asha', '91'); INSERT INTO messages VALUES (1, 1, 'hello')");
  (void)sent();
  run(*app_, "DELETE FROM contacts");
  EXPECT_THAT(sent(), ElementsAre(HasSubstr(kDirect), "delete", HasSubstr(kNested), "delete", "commit"));
}

constexpr char kRowTrigger[] =
    "CREATE FUNCTION row_trigger() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {} RETURN NEW; END $$;"
    "CREATE TRIGGER row_trigger BEFORE UPDATE ON contacts FOR EACH ROW WHEN (pg_trigger_depth() = 0) "
    "EXECUTE FUNCTION row_trigger();"
    "INSERT INTO contacts VALUES (1, 'Asha', '91'), (2, 'Ravi', '92')";

TEST_F(AttributionPg, ATriggersStatementNamesItsTable) {
  std::string sql = kRowTrigger;
  run(*admin_, sql.replace(sql.find("{}"), 2, "INSERT INTO messages VALUES (NEW.id, NEW.id, 'changed');"));
  (void)sent();
  run(*app_, "BEGIN; UPDATE contacts SET name = 'A'; UPDATE contacts SET name = 'B' WHERE id = 0; COMMIT");
  const std::string messages = one(*admin_, "SELECT 'messages'::regclass::oid::text");
  EXPECT_THAT(sent(), ElementsAre(HasSubstr(kDirect), HasSubstr(kNested + messages + " "), "insert", "update", "insert",
                                  "update", "commit"));
}

TEST_F(AttributionPg, ATriggersStatementOnTheTableItselfIsNotSure) {
  std::string sql = kRowTrigger;
  run(*admin_, sql.replace(sql.find("{}"), 2, "UPDATE contacts SET updates = 5 WHERE id = 2;"));
  (void)sent();
  run(*app_, "BEGIN; UPDATE contacts SET name = 'A' WHERE id = 1; UPDATE contacts SET name = 'B' WHERE id = 0; COMMIT");
  const std::string contacts = one(*admin_, "SELECT 'contacts'::regclass::oid::text");
  EXPECT_THAT(sent(), ElementsAre(HasSubstr(kDirect), HasSubstr("trigger, perhaps " + contacts + " "), "update",
                                  "update", HasSubstr(kDirect), "commit"));
}

TEST_F(AttributionPg, APartitionIsKnownByAllItsNames) {
  run(*admin_,
      "CREATE TABLE visits (id int PRIMARY KEY) PARTITION BY LIST (id); CREATE TABLE visits_1 PARTITION OF visits FOR "
      "VALUES IN (1);"
      "CREATE FUNCTION visit() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO visits_1 VALUES (1); RETURN "
      "NULL; END $$;"
      "CREATE TRIGGER visit AFTER INSERT ON messages FOR EACH ROW EXECUTE FUNCTION visit()");
  input_.tables.push_back("visits");
  attach();
  (void)sent();
  run(*admin_, "BEGIN; INSERT INTO messages VALUES (1, 1, 'a'); INSERT INTO visits SELECT 1 WHERE false; COMMIT");
  const std::string both = one(*admin_, "SELECT 'visits_1'::regclass::oid || ',' || 'visits'::regclass::oid");
  EXPECT_THAT(sent(), ElementsAre(HasSubstr(kDirect), "insert", HasSubstr(kNested + both + " "), "insert",
                                  HasSubstr(kDirect), "commit"));
}

TEST_F(AttributionPg, PartitionsNamedDirectly) {
  run(*admin_,
      "CREATE TABLE visits (id int PRIMARY KEY) PARTITION BY LIST (id); CREATE TABLE visits_1 PARTITION OF visits FOR "
      "VALUES IN (1);"
      "CREATE TABLE visits_2 PARTITION OF visits FOR VALUES IN (2)");
  input_.tables.push_back("visits");
  attach();
  (void)sent();
  run(*admin_, "INSERT INTO visits_1 VALUES (1)");
  run(*admin_, "INSERT INTO visits VALUES (2)");
  EXPECT_THAT(sent(), ElementsAre(HasSubstr(kDirect), "insert", "commit", HasSubstr(kDirect), "insert", "commit"));
}

TEST_F(AttributionPg, OddContextsNeverStopTheApplication) {
  run(*app_, "INSERT INTO contacts VALUES (1, 'Asha', '91')");
  run(*app_,
      R"(BEGIN; SELECT set_config('rowledger.context', E'not json \\ "\u0001 आशा\n', true); UPDATE contacts SET updates = 1; COMMIT;
                BEGIN; SELECT set_config('rowledger.context', repeat('a', 65536), true); UPDATE contacts SET updates = 2; COMMIT;
                BEGIN; SELECT set_config('rowledger.context', repeat('आ', 90000), true); UPDATE contacts SET updates = 3; COMMIT)");
  const auto all = sent();
  ASSERT_EQ(all.size(), 12u);
  EXPECT_THAT(all[3], HasSubstr("context=<not json \\ \"\x01 आशा\n>"));
  EXPECT_THAT(all[6], HasSubstr("<" + std::string(65536, 'a') + ">"));
  EXPECT_THAT(all[9], HasSubstr("आआआ>"));
  for (const auto& body : all) EXPECT_THAT(body, Not(HasSubstr("FORGED")));
}

TEST_F(AttributionPg, AnImitationHasNoStamp) {
  run(*app_,
      R"(BEGIN; SELECT pg_logical_emit_message(true, 'rowledger', repeat('0', 64) || E'rowledger 2 local 1\n1\n\n\n\npsql\nadmin');
                INSERT INTO contacts VALUES (1, 'Asha', '91'); COMMIT)");
  EXPECT_THAT(sent(), ElementsAre(HasSubstr("FORGED"), HasSubstr(kDirect), "insert", "commit"));
}

TEST_F(AttributionPg, SearchPathAndImitatedFunctionsDoNotMatter) {
  run(*admin_, "CREATE SCHEMA evil; GRANT ALL ON SCHEMA evil TO app_" + database_);
  run(*app_,
      "CREATE FUNCTION evil.replace(text, text, text) RETURNS text LANGUAGE sql AS $$ SELECT 'admin' $$;"
      "CREATE FUNCTION evil.sha384(bytea) RETURNS bytea LANGUAGE sql AS $$ SELECT NULL::bytea $$;"
      "CREATE TEMP TABLE stamp (secret bytea); SET search_path = evil, pg_temp, public, pg_catalog;"
      "INSERT INTO public.contacts VALUES (1, 'Asha', '91')");
  EXPECT_THAT(sent(), ElementsAre(HasSubstr(" role=app_" + database_ + " "), "insert", "commit"));
}

TEST_F(AttributionPg, SessionsThatBeganBeforeAttachStampToo) {
  run_plan(*admin_, plan_detach(*admin_, [&] {
    auto in = input_;
    in.slot = "none";
    return in;
  }()));
  run(*app_, "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM pg_class");
  attach();
  secret_ = read_stamp_secret(*admin_).value();
  // The first plan of this session is made with a snapshot that cannot see the secret.
  run(*app_, "INSERT INTO contacts VALUES (1, 'Asha', '91')");
  run(*app_, "COMMIT");
  run(*app_, "UPDATE contacts SET updates = 1");
  const auto all = sent();
  ASSERT_THAT(all, ElementsAre(HasSubstr(kDirect), "insert", "commit", HasSubstr(kDirect), "update", "commit"));
  EXPECT_THAT(all[3], Not(HasSubstr("FORGED")));
}

TEST_F(AttributionPg, WithoutItsTableTheStatementStillRuns) {
  run(*admin_, "DROP TABLE rowledger.stamp");
  run(*app_, "INSERT INTO contacts VALUES (1, 'Asha', '91')");
  EXPECT_THAT(sent(), ElementsAre(HasSubstr("FORGED"), "insert", "commit"));
  run(*admin_, "DROP SCHEMA rowledger CASCADE");
  run(*app_, "UPDATE contacts SET updates = 1");
  EXPECT_THAT(sent(), ElementsAre("update", "commit"));
}

TEST_F(AttributionPg, AnotherEncodingThanUtf8) {
  const std::string latin = database_ + "_latin";
  server_->psql("CREATE DATABASE " + latin + " ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0");
  auto admin = open(server_->url(latin));
  run(*admin, "CREATE TABLE contacts (id int PRIMARY KEY)");
  auto input = input_;
  input.tables = {"contacts"};
  run_plan(*admin, plan_attach(*admin, input));
  run(*admin, "BEGIN; SELECT set_config('rowledger.context', 'Zoë', true); INSERT INTO contacts VALUES (1); COMMIT");
  run_plan(*admin, plan_detach(*admin, input));
}

}  // namespace
}  // namespace rowledger::postgres
