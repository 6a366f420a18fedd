#include "postgres/attach.h"

#include "postgres/attach_pgtest.h"
#include "postgres/catalogue.h"
#include "postgres/snapshot.h"

namespace rowledger::postgres {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

class AttachPg : public AttachFixture {
 protected:
  // Everything that attach could leave behind, as text.
  std::string traces() {
    return one(
        *admin_,
        "SELECT * FROM (SELECT 'publication ' || pubname FROM pg_publication"
        " UNION ALL SELECT 'role ' || rolname FROM pg_roles"
        " UNION ALL SELECT 'slot ' || slot_name FROM pg_replication_slots"
        " UNION ALL SELECT 'trigger ' || tgname || ' on ' || tgrelid::regclass FROM pg_trigger"
        " UNION ALL SELECT 'function ' || oid::regprocedure FROM pg_proc"
        " UNION ALL SELECT 'schema ' || nspname FROM pg_namespace"
        " UNION ALL SELECT 'relation ' || oid::regclass FROM pg_class"
        " UNION ALL SELECT 'comment ' || description FROM pg_description WHERE description LIKE '%rowledger%'"
        " UNION ALL SELECT 'comment ' || description FROM pg_shdescription WHERE description LIKE '%rowledger%'"
        " UNION ALL SELECT 'grant ' || r.rolname FROM pg_shdepend JOIN pg_roles r ON r.oid = refobjid) t ORDER BY 1");
  }
};

TEST_F(AttachPg, MakesWhatCaptureNeedsAndASecondRunHasNothingToDo) {
  attach();
  const auto again = plan_attach(*admin_, input_);
  ASSERT_TRUE(again) << again.error().message;
  for (const auto& statement : *again) ADD_FAILURE() << "planned again: " << statement.sql;

  const auto table = table_info(*admin_, input_.publication, "public.contacts");
  ASSERT_TRUE(table && *table);
  EXPECT_TRUE((*table)->published);
  EXPECT_TRUE((*table)->trigger_present);
  EXPECT_EQ((*table)->trigger_enabled, 'A');
  const auto publication = publication_info(*admin_, input_.publication);
  ASSERT_TRUE(publication && *publication);
  EXPECT_EQ(**publication, (PublicationInfo{true, true, true, true, true, false}));
}

TEST_F(AttachPg, ThePublicationBelongsToTheDatabasesOwner) {
  run(*admin_, "CREATE ROLE \"owner of " + database_ + "\"; ALTER DATABASE " + database_ + " OWNER TO \"owner of " +
                   database_ + "\"");
  attach();
  EXPECT_EQ(one(*admin_, "SELECT pg_get_userbyid(pubowner) FROM pg_publication"), "owner of " + database_);
}

TEST_F(AttachPg, TheRoleReadsTheCapturedTablesAndNothingElse) {
  attach();
  auto capture = open(server_->url(database_, input_.role));
  ASSERT_TRUE(capture);
  EXPECT_EQ(one(*capture, "SELECT count(*) FROM contacts"), "0");
  EXPECT_THAT(one(*capture, "SELECT count(*) FROM messages"), HasSubstr("42501"));
  EXPECT_THAT(one(*capture, "UPDATE contacts SET name = '' RETURNING 1"), HasSubstr("42501"));
  const auto secret = read_stamp_secret(*capture);
  ASSERT_TRUE(secret) << secret.error().message;
  EXPECT_EQ(secret->size(), 32u);
  EXPECT_EQ(read_stamp_secret(*admin_).value(), *secret);
}

TEST_F(AttachPg, OthersCannotReadTheSecret) {
  attach();
  run(*admin_, "CREATE ROLE app_" + database_ + " LOGIN");
  auto app = open(server_->url(database_, "app_" + database_));
  for (const std::string sql :
       {"SELECT secret FROM rowledger.stamp", "SELECT rowledger.secret()", "SELECT rowledger.tell_late('x')"})
    EXPECT_THAT(one(*app, sql), HasSubstr("42501")) << sql;
  const std::string secret = one(*admin_, "SELECT encode(secret, 'hex') FROM rowledger.stamp");
  EXPECT_EQ(one(*app, "SELECT count(*) FROM pg_proc WHERE prosrc LIKE '%" + secret + "%'"), "0");
}

TEST_F(AttachPg, WithoutTriggerThereIsNoSchemaAndNoSecret) {
  input_.make_trigger = false;
  attach();
  EXPECT_EQ(one(*admin_, "SELECT count(*) FROM pg_namespace WHERE nspname = 'rowledger'"), "0");
  EXPECT_THAT(read_stamp_secret(*admin_).value(), IsEmpty());
}

TEST_F(AttachPg, APlanChangesNothingAndHidesThePassword) {
  const std::string before = traces();
  const auto plan = plan_attach(*admin_, input_);
  ASSERT_TRUE(plan);
  EXPECT_EQ(traces(), before);
  std::string all;
  for (const auto& statement : *plan) {
    all += statement.sql + ";\n";
    EXPECT_EQ(statement.secret, statement.sql.find("PASSWORD") != std::string::npos) << statement.sql;
  }
  EXPECT_THAT(all, Not(HasSubstr("geheim")));
  for (const char* part : {"CREATE ROLE", "GRANT SELECT ON TABLE \"public\".\"contacts\"", "CREATE PUBLICATION",
                           "publish_via_partition_root", "CREATE SCHEMA rowledger", "CREATE TABLE rowledger.stamp",
                           "FUNCTION rowledger.attribute()", "CREATE TRIGGER", "ENABLE ALWAYS TRIGGER"})
    EXPECT_THAT(all, HasSubstr(part));
}

TEST_F(AttachPg, DetachLeavesNothingBehind) {
  const std::string before = traces();
  attach();
  make_slot();
  EXPECT_NE(traces(), before);
  run_plan(*admin_, plan_detach(*admin_, input_));
  EXPECT_EQ(traces(), before);
  const auto again = plan_detach(*admin_, input_);
  ASSERT_TRUE(again);
  EXPECT_THAT(*again, IsEmpty());
}

TEST_F(AttachPg, DetachAndAttachAgainServeTheSessionsThatStayed) {
  attach();
  auto app = open(server_->url(database_));
  run(*app, "INSERT INTO contacts VALUES (1, 'Asha', '91')");
  run_plan(*admin_, plan_detach(*admin_, input_));
  run(*app, "UPDATE contacts SET name = 'Asha D'");
  attach();
  run(*app, "UPDATE contacts SET name = 'Asha K'");
}

TEST_F(AttachPg, WhatWasThereBeforeIsLeftAlone) {
  run(*admin_, "CREATE ROLE " + input_.role +
                   " LOGIN REPLICATION; CREATE PUBLICATION rowledger FOR TABLE messages WITH (publish = 'insert');"
                   "CREATE SCHEMA rowledger; CREATE FUNCTION rowledger.mine() RETURNS int LANGUAGE sql AS 'SELECT 1'");
  attach();
  EXPECT_EQ(one(*admin_,
                "SELECT string_agg(tablename, ' ' ORDER BY tablename) FROM pg_publication_tables WHERE pubname = "
                "'rowledger'"),
            "contacts messages");
  EXPECT_EQ(one(*admin_, "SELECT pubdelete AND pubviaroot FROM pg_publication"), "t");
  run_plan(*admin_, plan_detach(*admin_, input_));
  EXPECT_EQ(one(*admin_, "SELECT count(*) FROM pg_publication"), "1");
  EXPECT_EQ(one(*admin_, "SELECT rowledger.mine()"), "1");
  EXPECT_EQ(one(*admin_, "SELECT count(*) FROM pg_roles WHERE rolname = '" + input_.role + "'"), "1");
  EXPECT_EQ(one(*admin_, "SELECT count(*) FROM pg_trigger WHERE tgname LIKE 'rowledger%'"), "0");
}

TEST_F(AttachPg, DetachRefusesWhileTheSlotIsInUse) {
  attach();
  make_slot();
  auto stream = Connection::open(server_->url(database_), true);
  ASSERT_TRUE(stream);
  // The walsender holds the slot from here on; it answers with CopyBoth, which is no row.
  (void)(*stream)->execute("START_REPLICATION SLOT " + input_.slot +
                           " LOGICAL 0/0 (proto_version '1', publication_names 'rowledger')");
  ASSERT_EQ(one(*admin_, "SELECT active FROM pg_replication_slots WHERE slot_name = '" + input_.slot + "'"), "t");
  const auto plan = plan_detach(*admin_, input_);
  ASSERT_FALSE(plan);
  EXPECT_EQ(plan.error().code, ErrorCode::kConflict);
  EXPECT_EQ(drop_slot(*admin_, input_.slot).error().code, ErrorCode::kConflict);
}

TEST_F(AttachPg, ARoleThatServesAnotherDatabaseStays) {
  attach();
  const std::string other = server_->create_database();
  auto other_admin = open(server_->url(other));
  run(*other_admin, "CREATE TABLE contacts (id int PRIMARY KEY)");
  run_plan(*other_admin, plan_attach(*other_admin, input_));
  run_plan(*admin_, plan_detach(*admin_, input_));
  EXPECT_EQ(one(*admin_, "SELECT count(*) FROM pg_roles WHERE rolname = '" + input_.role + "'"), "1");
  run_plan(*other_admin, plan_detach(*other_admin, input_));
  EXPECT_EQ(one(*admin_, "SELECT count(*) FROM pg_roles WHERE rolname = '" + input_.role + "'"), "0");
}

TEST_F(AttachPg, RepairsADisabledTriggerAndAnOldFunction) {
  attach();
  run(*admin_,
      "ALTER TABLE contacts DISABLE TRIGGER rowledger_attribution;"
      "CREATE OR REPLACE FUNCTION rowledger.attribute() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'");
  EXPECT_EQ(table_info(*admin_, "rowledger", "contacts").value()->trigger_enabled, 'D');
  const auto plan = plan_attach(*admin_, input_);
  ASSERT_TRUE(plan);
  EXPECT_EQ(plan->size(), 2u);
  run_plan(*admin_, plan);
  EXPECT_EQ(table_info(*admin_, "rowledger", "contacts").value()->trigger_enabled, 'A');
  EXPECT_THAT(plan_attach(*admin_, input_).value(), IsEmpty());
}

TEST_F(AttachPg, PartitionedTablesGetTheTriggerOnEachPartition) {
  run(*admin_,
      "CREATE TABLE visits (id bigint, year int, PRIMARY KEY (id, year)) PARTITION BY LIST (year);"
      "CREATE TABLE visits_25 PARTITION OF visits FOR VALUES IN (2025);"
      "CREATE TABLE visits_26 PARTITION OF visits FOR VALUES IN (2026) PARTITION BY LIST (id);"
      "CREATE TABLE visits_26_rest PARTITION OF visits_26 DEFAULT");
  input_.tables = {"visits"};
  attach();
  EXPECT_EQ(one(*admin_,
                "SELECT tgrelid::regclass FROM pg_trigger WHERE tgname = 'rowledger_attribution' AND tgenabled = 'A' "
                "ORDER BY 1"),
            "visits\nvisits_25\nvisits_26\nvisits_26_rest");
  EXPECT_TRUE(table_info(*admin_, "rowledger", "visits").value()->trigger_present);
  run(*admin_, "CREATE TABLE visits_27 PARTITION OF visits FOR VALUES IN (2027)");
  EXPECT_FALSE(table_info(*admin_, "rowledger", "visits").value()->trigger_present);
  EXPECT_EQ(plan_attach(*admin_, input_)->size(), 1u);
}

TEST_F(AttachPg, NamesThatNeedQuotes) {
  run(*admin_,
      "CREATE SCHEMA \"My Schema\"; CREATE TABLE \"My Schema\".\"O'Brien \"\"x\"\"\" (\"the id\" int PRIMARY KEY)");
  input_.tables = {"My Schema.O'Brien \"x\""};
  input_.publication = "My \"publication\"";
  attach();
  EXPECT_THAT(plan_attach(*admin_, input_).value(), IsEmpty());
  run_plan(*admin_, plan_detach(*admin_, input_));
}

}  // namespace
}  // namespace rowledger::postgres
