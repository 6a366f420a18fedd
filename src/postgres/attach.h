#pragma once
// Making PostgreSQL ready for capture, and leaving it without a trace.
#include <functional>
#include <string>
#include <vector>

#include "base/result.h"
#include "postgres/connection.h"

namespace rowledger::postgres {

struct AttachPlanInput {
  std::vector<std::string> tables;  // "public.contacts"
  std::string role = "rowledger";   // LOGIN REPLICATION, made with role_password unless it exists
  std::string role_password;
  std::string publication = "rowledger";
  std::string slot = "rowledger";
  bool make_trigger = true;
};

// One thing found before anything is changed. A refusal stops attach.
struct Finding {
  bool refusal = false;
  std::string what, remedy;
};

// Checks what capture needs: wal_level, free slots and senders, what identifies rows (on each partition),
// unlogged and temporary tables, privileges of the connected role, a pooler in between (a replication
// connection is tried), server version, max_slot_wal_keep_size, replica identity FULL where not needed.
Result<std::vector<Finding>> preflight(Connection& admin, const std::string& conninfo, const AttachPlanInput& input);

// The SQL in order, each statement with the reason for it. Idempotent: what is right already is left
// out. The slot is not here: the program makes it with its snapshot (snapshot.h). The publication is
// made with publish_via_partition_root and all operations. The schema `rowledger` holds the trigger
// function and the secret that lets capture tell the trigger's messages from imitations.
struct PlannedStatement {
  std::string why, sql;
  bool secret = false;  // contains the role's password or the stamp's secret: show it masked
};
Result<std::vector<PlannedStatement>> plan_attach(Connection& admin, const AttachPlanInput& input);
// What attach made, which it marks with comments, and the slot; kConflict while the slot is in use.
// A role or publication that was there before attach stays, with what attach granted or added to it.
Result<std::vector<PlannedStatement>> plan_detach(Connection& admin, const AttachPlanInput& input);

// The secret of the trigger's messages, 32 raw bytes, readable by the capture role. Empty when there is
// no trigger.
Result<std::string> read_stamp_secret(Connection& connection);

// The prefix of all logical messages that concern Rowledger.
inline constexpr char kMessagePrefix[] = "rowledger";

}  // namespace rowledger::postgres
