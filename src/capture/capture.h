#pragma once
// Capture of one source: from the replication stream to durable entries.
//
//   receive thread   drains the socket into buffers, confirms what is durable
//   build thread     decodes, assembles transactions, attributes, compares with the state, encodes
//   commit thread    appends to the store (one synced write for a group of transactions)
//   watch thread     compares the catalogue with what capture relies on, every watch_interval_ms
//
// between them bounded queues. On any trouble with the source the threads are stopped, the trouble is
// said in report(), and capture starts again with back-off from the store's cursor.
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "base/time.h"
#include "capture/settings.h"
#include "store/store.h"

namespace rowledger::capture {

// How capture stands, for status, metrics and sync.
struct Report {
  enum class Phase { kStarting, kBaseline, kStreaming, kWaiting, kLocked, kStopped } phase = Phase::kStarting;
  std::string problem;  // empty when all is well; else what is wrong and what to do
  Lsn captured_lsn;     // everything committed before it is durable in the log
  Lsn source_lsn;       // the source's newest known WAL position
  int64_t lag_bytes = 0;
  // Age of the newest change that is not captured yet, 0 when none is known; while nothing can be captured, the time
  // since everything was.
  double lag_seconds = 0;
  Timestamp caught_up_at;  // when the log last had all that had been received
  uint64_t baseline_rows = 0;
  uint64_t gaps = 0;  // gap entries that say changes may have been missed, since the log began
  // Slot, as last looked at.
  bool slot_exists = false, slot_active = false;
  std::string slot_wal_status;
  int64_t slot_retained_bytes = 0;
  std::optional<int64_t> slot_safe_bytes;
  std::vector<std::string> warnings;  // things to mend that do not stop capture
  bool log_writable = true;           // false: the log takes nothing, because its disk is full or it has failed
  std::map<record::EntryKind, uint64_t> added;  // entries by kind, since the program started; each kind is there
  // What waits between the threads.
  uint64_t buffers_waiting = 0, batches_waiting = 0;
};
std::string_view to_string(Report::Phase phase);

class Capture {
 public:
  // Takes the store as its one writer.
  static std::unique_ptr<Capture> create(const Settings& settings, store::Store& store);
  virtual ~Capture() = default;  // stops

  virtual void start() = 0;
  // Ends the threads, after what has been received is durable if that takes no more than a second: statements that run
  // in the source are cancelled, and a disk that is full is not waited for. Control entries can still be appended.
  virtual void stop() = 0;

  virtual Report report() const = 0;

  // Returns when everything committed in the source before the call is durable in the log; where the source was put
  // back or replaced, after capture has begun anew there.
  // kUnavailable at the timeout or when capture cannot go on.
  virtual Status sync(int timeout_ms) = 0;

  // Appends control entries (kinds control, access, erase, ...), durable on return, all or none. Who calls at the same
  // time shares one write. kUnavailable at once while the disk is full, and at the timeout (negative: none): then they
  // are still to be written. seq, source, time and references are filled in.
  virtual Status append(std::span<const record::Entry> entries, int timeout_ms = -1) = 0;
  // One such entry, and small values of the store's meta in the same write: what `also` makes of its seq. Returns that.
  using Meta = std::vector<std::pair<std::string, std::string>>;
  virtual Result<Seq> append_with(const record::Entry& entry, const std::function<Meta(Seq)>& also) = 0;

  // Erases what the entry (kind erase) names in its detail (erasures.h); the entry's seq when it is done.
  virtual Result<Seq> erase(const record::Entry& entry) = 0;
  // Carries out retention: destroys what the rules say, turn by turn, with capture going on in between, and tells in
  // entries (kind erase) which keys they were, those of a turn that was broken off too. held: asked before each turn
  // whose values stay nevertheless, with nothing being appended until the turn is over; it may read the log, no more.
  // Returns how many. kCancelled when stop() came.
  using Held = std::function<Result<store::HeldValues>()>;
  virtual Result<uint64_t> expire(const store::RetentionRules& rules, uint32_t today, const Held& held) = 0;
  // Before start(): carries out what was ordered, and tells what retention did, when the program ended. An error: do
  // not start.
  virtual Status finish_erasures() = 0;
  // What was exported before an erasure may hold what is to be gone: after finish_erasures(), erase() and expire() call
  // this. It calls `remove`, which removes all that was exported, if anything was erased since that was last done.
  virtual Status remove_copies(const std::function<Status()>& remove) = 0;
};

// Makes the slot and records the baseline, in the foreground, for `attach`; progress(rows so far).
// When the state is not empty (a slot was lost), rows are compared with it, and every difference
// becomes a gap entry. Ends with the cursor at the slot's consistent point.
Status take_baseline(const Settings& settings, store::Store& store, std::string_view reason,
                     const std::function<void(uint64_t rows)>& progress);

}  // namespace rowledger::capture
