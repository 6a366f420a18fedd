#pragma once
// What capture is told: the configuration's part that concerns it.
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "record/entry.h"

namespace rowledger::capture {

struct TableSettings {
  std::string table;          // "public.contacts"
  std::string tenant_column;  // empty: no tenant
  // Whose data a row is: empty: nobody's in particular; "self": the row itself is the person;
  // otherwise the person's table, found by subject_column ("contact_id").
  std::string subject;
  std::string subject_column;
  std::vector<std::string> housekeeping;  // columns that change by themselves all the time
  std::string actor_column;               // "updated_by": fills in when nothing better is known
};

// The way in, when no context says it: the first rule that matches role and application.
struct ViaRule {
  std::string role, application;  // empty: any; a trailing * matches a prefix
  record::Via via = record::Via::kUnknown;
};

struct Settings {
  std::string source_name;  // "glific"
  std::string conninfo;     // of the capture role
  std::string slot = "rowledger";
  std::string publication = "rowledger";
  std::vector<TableSettings> tables;
  std::vector<ViaRule> via_rules;  // after the built-in one: application "psql" is sql
  std::string context_hmac_key;    // empty: no context can be verified
  std::string ref_key;             // keys row_ref and actor_ref
  std::filesystem::path spool_directory;
  bool expect_trigger = true;                      // attach made the attribution trigger: its absence is worth an entry
  int64_t warn_retained_bytes = int64_t{1} << 30;  // WAL held by the slot
  int watch_interval_ms = 2'000;                   // how often the catalogue is compared
  // Run at a lower scheduling priority, so that on a shared machine the application goes first.
  bool yield_to_others = true;
};

}  // namespace rowledger::capture
