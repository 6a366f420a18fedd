#pragma once
// One connection's worth of capture: verify that the source is the one known and that nothing was lost since,
// bring tables whose baseline is due up to date, then stream until something ends it.
//
// run() is called on the supervising thread, which becomes the receive thread; it starts and joins the build and
// watch threads.
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/bounded_queue.h"
#include "capture/assembler.h"
#include "capture/attribution.h"
#include "capture/baseline.h"
#include "capture/capture.h"
#include "capture/entry_writer.h"
#include "capture/state_view.h"
#include "capture/tables.h"
#include "capture/watch.h"
#include "postgres/catalogue.h"
#include "postgres/replication_stream.h"
#include "postgres/snapshot.h"

namespace rowledger::capture {

// What a session leaves to the next one. One session's threads at a time.
struct SessionMemory {
  int comparison_wait_ms = 2'000;  // how long the stream may stand still for a comparison's snapshot
  std::string comparison_waits;    // why one that is due was put off; empty: none was
};

// What the sessions of one capture share and keep.
struct SessionParts {
  const Settings& settings;
  const store::Store& store;
  EntryWriter& writer;
  Tables& tables;
  StateView& state;
  Watch& watch;
  SessionMemory& memory;
  std::function<void(const std::function<void(Report&)>&)> update_report;  // any thread
};

// Makes a new slot in place of the one that is lost (or the first one) and brings the state to where it begins.
// reason: why the old one cannot serve; empty when there was none. The log says it first: making the slot can take
// as long as the longest transaction that is open in the source. The slot is dropped again on failure.
// ended: asked several times a second; true gives up.
Status begin_anew(const SessionParts& parts, std::string_view reason, const std::function<bool(uint64_t)>& progress,
                  const std::function<bool()>& ended);

class Session {
 public:
  explicit Session(const SessionParts& parts) : parts_(parts) {}

  // Returns why streaming ended; success when it was asked to, or when it must start again at once.
  Status run();
  // Any thread: ends a waiting run soon.
  void wake();

 private:
  Status prepare();
  Result<std::string> reason_for_new_slot(const postgres::SystemIdentity& system, const Look& look);
  Status plan_barrier(const std::vector<std::string>& tables);
  Result<std::vector<std::string>> tables_due();
  Status open_stream();
  Status receive();
  void gather_until(std::chrono::steady_clock::time_point end) const;
  Status hand_over(postgres::StreamBuffer& buffer);
  bool report_baseline(uint64_t rows);
  Status confirm_if_due();
  void build();
  void watch();
  void note_look(const Look& look);
  void note_progress();
  Result<std::optional<postgres::TableDefinition>> definition_of(const std::string& table);
  void start_again();
  void end(Status why);  // any thread: the first one counts
  bool ended() const;

  const SessionParts parts_;
  std::unique_ptr<postgres::Connection> connection_;
  std::unique_ptr<postgres::Connection> build_connection_;  // the builder's looks at the catalogue
  std::unique_ptr<postgres::ReplicationStream> stream_;
  std::unique_ptr<Attributor> attributor_;
  std::optional<TransactionSpool> spool_;
  std::unique_ptr<Assembler> assembler_;
  std::unique_ptr<postgres::SlotSnapshot> barrier_snapshot_;
  bool restart_ = false;
  // A problem is over when something was captured again, or everything that was there when this session began.
  bool after_problem_ = false;
  Lsn source_lsn_at_start_;

  BoundedQueue<postgres::StreamBuffer> filled_{4};
  BoundedQueue<postgres::StreamBuffer> empty_{6};
  std::thread build_thread_, watch_thread_;
  std::atomic<uint64_t> received_wal_end_{0};
  Lsn confirmed_;
  int64_t confirmed_at_us_ = 0;

  mutable std::mutex mutex_;
  std::condition_variable ended_changed_;
  bool ended_ = false;
  Status why_;
};

}  // namespace rowledger::capture
