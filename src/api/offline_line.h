#pragma once
// A line of the file in which reads without a daemon are noted (access_log.h).
#include <string>
#include <string_view>

namespace rowledger::api {

// The parts of the entry that it becomes: its own words if it is what to_json() wrote, else a note that something stood
// there that cannot be read.
struct OfflineLine {
  std::string reader_id, reader_name;
  std::string detail;  // always a JSON object
};
OfflineLine parse_offline_line(std::string_view line);

}  // namespace rowledger::api
