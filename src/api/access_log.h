#pragma once
// The log about the log: whoever reads values leaves an entry of kind `access`, which is durable before the first byte
// of an answer leaves. Without it there is no answer.
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/searched_values.h"
#include "base/result.h"
#include "capture/capture.h"
#include "http/http.h"
#include "people/principal.h"

namespace rowledger::api {

// What was read. Members that do not apply are empty, and left out of the entry.
struct Access {
  std::string route;                  // "entries", "row.history", "evidence", ...
  std::string search;                 // in the words of the search grammar; its values are not recorded as they are
  std::string query;                  // what else was asked: the moment, the entry's number
  std::string table, key;             // of one row
  bool is_known = true;               // false: no such row was found, and the key is what somebody wrote
  std::optional<uint64_t> entries;    // how many were shown
  std::vector<std::string> unmasked;  // fields shown in clear that are masked otherwise
  std::string reason;                 // why, as the reader wrote it
};

// The entry's detail: {"reader":{...},"route":...}. at: when, if it was not just now.
std::string to_json(const people::Principal& reader, const Access& access, const SearchedValues& values,
                    const std::optional<Timestamp>& at = std::nullopt);

// Who is at the Unix socket, or, in this process, at the data directory itself. Whoever may open one of them may see
// everything; the file's permissions are the permission.
people::Principal owner_at(const http::Peer& peer);

class AccessLog {
 public:
  virtual ~AccessLog() = default;
  // Durable on success; on an error nothing may be shown (kUnavailable: the log cannot be written just now). Any
  // thread.
  virtual Status record(const people::Principal& reader, const Access& access) = 0;
};

// The daemon's: entries of the log itself. Those who read at the same time share one write.
std::unique_ptr<AccessLog> make_access_log(capture::Capture& capture, SearchedValues values);

// For verbs that open the log without a daemon, and so cannot append to it: lines in a file (mode 0600, its owner that
// of its directory) that the daemon takes over when it next starts. Whoever can read the log without the daemon can
// also alter this file, or not write it: it is a note by the honest, not evidence.
std::unique_ptr<AccessLog> make_offline_access_log(std::filesystem::path file, SearchedValues values);

// Notes in the same file what else was done without the daemon. detail: of the control entry that it becomes, a JSON
// object with event, at, and by (entry_of.h). Durable on success.
Status note_offline_event(const std::filesystem::path& file, std::string_view detail);

// Appends what the file has to the log and removes it. A crash in between can record a line twice, but not lose it.
// While the log is open for writing nobody writes to the file.
Status take_over_offline_access(const std::filesystem::path& file, capture::Capture& capture, int timeout_ms);

}  // namespace rowledger::api
