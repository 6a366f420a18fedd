#pragma once
// Shared by this room's tests: a contacts table in a fresh database, and attach run as a user runs it.
#include <gmock/gmock.h>

#include <memory>
#include <string>
#include <vector>

#include "postgres/attach.h"
#include "support/postgres_server.h"

namespace rowledger::postgres {

class AttachFixture : public ::testing::Test {
 protected:
  static void SetUpTestSuite() { server_ = testing::PostgresServer::start().release(); }
  static void TearDownTestSuite() {
    delete server_;
    server_ = nullptr;
  }

  void SetUp() override {
    database_ = server_->create_database();
    // Slots and roles belong to the whole server.
    input_.slot = "slot_" + database_;
    input_.role = "capture_" + database_;
    input_.role_password = "geheim";
    input_.tables = {"public.contacts"};
    admin_ = open(server_->url(database_));
    run(*admin_,
        "CREATE TABLE contacts (id bigint PRIMARY KEY, name text, phone text NOT NULL, updates int NOT NULL DEFAULT 0);"
        "CREATE TABLE messages (id bigint PRIMARY KEY, contact_id bigint, body text)");
  }
  void TearDown() override {
    run(*admin_,
        "SELECT pg_terminate_backend(active_pid, 10000) FROM pg_replication_slots "
        "WHERE active AND database = current_database()");
    run(*admin_,
        "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE database = current_database()");
  }

  static std::unique_ptr<Connection> open(const std::string& url) {
    auto opened = Connection::open(url);
    if (!opened) ADD_FAILURE() << opened.error().message;
    return opened ? std::move(*opened) : nullptr;
  }
  static void run(Connection& connection, const std::string& sql) {
    const Status done = connection.execute(sql);
    EXPECT_TRUE(done) << sql << "\n" << (done ? "" : done.error().message);
  }
  static std::string one(Connection& connection, const std::string& sql) {
    const auto rows = connection.query(sql);
    if (!rows) return "failed: " + rows.error().message;
    std::string out;
    for (const auto& row : rows->rows) out += (out.empty() ? "" : "\n") + row.at(0).value_or("NULL");
    return out;
  }
  static void run_plan(Connection& connection, const Result<std::vector<PlannedStatement>>& plan) {
    ASSERT_TRUE(plan) << plan.error().message;
    for (const auto& statement : *plan) {
      EXPECT_FALSE(statement.why.empty());
      run(connection, statement.sql);
    }
  }
  void attach() { run_plan(*admin_, plan_attach(*admin_, input_)); }
  void make_slot() { run(*admin_, "SELECT pg_create_logical_replication_slot('" + input_.slot + "', 'pgoutput')"); }

  static inline testing::PostgresServer* server_ = nullptr;
  std::string database_;
  AttachPlanInput input_;
  std::unique_ptr<Connection> admin_;
};

}  // namespace rowledger::postgres
