#pragma once
// A line of the file in which it is noted what was read and done without a daemon (access_log.h).
#include <string>
#include <string_view>

#include "record/entry.h"

namespace rowledger::api {

// The parts of the entry that it becomes: its own words if it is what to_json() or note_offline_event() wrote, else a
// note that something stood there that cannot be read.
struct OfflineLine {
  record::EntryKind kind = record::EntryKind::kAccess;
  std::string actor_id, actor_name;
  std::string detail;  // always a JSON object
};
OfflineLine parse_offline_line(std::string_view line);

}  // namespace rowledger::api
