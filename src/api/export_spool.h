#pragma once
// Exports on their way to a file and, for a while, the finished files: the directory `exports` of the data directory,
// which only its owner may enter, because what stands there is in clear.
//
// One export is written at a time, by a thread of its own, with flat memory. A finished one stays, also over a restart
// of the program, until it expires or discard_all(); one that was not finished ends with the program.
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>

#include "api/export_format.h"
#include "base/ids.h"
#include "base/result.h"
#include "base/time.h"

namespace rowledger::api {

// What was ordered, and by whom.
struct ExportOrder {
  ExportFormat format = ExportFormat::kNdjson;
  std::string query;
  bool all = false, images = false;
  std::string reader_id;    // only he may see it
  std::string reader_name;  // for people, in the manifest
  std::string reader_role;
  std::string tenant;           // empty: the whole installation
  Seq end;                      // entries before it: fixed, whatever is written meanwhile
  std::string idempotency_key;  // of the request; empty: none
};

struct ExportState {
  enum class Phase { kWaiting, kRunning, kDone, kFailed } phase = Phase::kWaiting;
  std::string id;
  ExportOrder order;
  Timestamp created_at, expires_at;
  uint64_t entries = 0, bytes = 0;
  std::optional<Seq> first, last;
  std::string sha256;    // hexadecimal, of the finished file
  double progress = 0;   // of the log's entries that are to be looked at, 0 to 1
  std::string problem;   // why it failed
  std::string manifest;  // the signed note, once it is done
};
std::string_view to_string(ExportState::Phase phase);  // "waiting"

// Calls visit with each entry that the order's reader asked for and may see, ascending, until it returns false.
using ExportEntries = std::function<Status(const std::function<bool(Seq seq, std::string_view entry_json)>& visit)>;
// The signed list of what was exported, for a state that is whole but for it.
using SignManifest = std::function<Result<std::string>(const ExportState& done)>;

struct ExportSpoolOptions {
  std::filesystem::path directory;
  int64_t keep_s = 24 * 3'600;  // after it is finished
  size_t most_waiting = 16;     // that are not finished
  size_t most_kept = 200;
  uint64_t spare_disk_bytes = uint64_t{1} << 30;  // the log needs the disk more: an export ends before it is full
};

// Any thread may call any function.
class ExportSpool {
 public:
  // Makes the directory; takes in what is finished there and removes the rest.
  static Result<std::unique_ptr<ExportSpool>> open(ExportSpoolOptions options, SignManifest sign);
  ~ExportSpool();  // breaks off what is not finished
  ExportSpool(const ExportSpool&) = delete;
  ExportSpool& operator=(const ExportSpool&) = delete;

  // The export's state; the one that the same reader began with the same idempotency key, if there is one. kUnavailable
  // when too many wait.
  Result<ExportState> add(ExportOrder order, ExportEntries entries);
  // Nothing when there is no such export, or it is another reader's.
  std::optional<ExportState> find(std::string_view id, std::string_view reader_id) const;
  // Of a finished export. Opened once: what is being read stays readable when it is removed.
  Result<int> open_data(const std::string& id) const;

  // Breaks off what is not finished, then removes every export: a person in them is being erased. Nothing of them is
  // on the disk when it returns. What is asked for meanwhile is begun after it.
  Status discard_all();

 private:
  struct Job {
    std::string id;
    ExportEntries entries;
    uint64_t generation = 0;
  };
  class Writer;

  ExportSpool(ExportSpoolOptions options, SignManifest sign);
  Status take_in();
  void run();
  void write(const Job& job);
  Status write_data(const Job& job, ExportState& state);
  bool broken_off(uint64_t generation) const;
  void publish(const ExportState& state);
  void remove_expired();
  void remove_files(const std::string& id) const;
  std::filesystem::path file(std::string_view id, std::string_view ending) const;

  const ExportSpoolOptions options_;
  const SignManifest sign_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::map<std::string, ExportState, std::less<>> exports_;
  std::deque<Job> waiting_;
  bool running_ = false, stopping_ = false;
  uint64_t generation_ = 0;  // of discard_all: what began before the last one is broken off
  int discarding_ = 0;       // how many of them are under way: nothing begins
  std::thread thread_;
};

}  // namespace rowledger::api
