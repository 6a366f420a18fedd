#pragma once
// The one way into the log: numbers entries, gathers them into batches, and appends the batches on a
// thread of its own, so that the next batch is built while the disk syncs the last.
//
// lock() first; every function marked "locked" needs it held. Building takes the lock for a buffer of
// the stream at a time; control entries from other threads come in between.
#include <array>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <unordered_map>

#include "base/bounded_queue.h"
#include "base/crypto.h"
#include "capture/settings.h"
#include "store/store.h"

namespace rowledger::capture {

// Where the log stands, as published after each durable append.
struct Durable {
  Lsn captured;           // everything committed in the source before it is durable here
  Lsn confirmable;        // as stored in the cursor: what the source may forget
  uint64_t restarts = 0;  // how often `captured` began anew: positions from before one say nothing about those after it
  uint64_t batches = 0;
};

// A meta record that stands while capture's position is not to be believed: somebody else wrote it.
inline constexpr char kPositionAltered[] = "capture.position_altered";

class EntryWriter {
 public:
  EntryWriter(const Settings& settings, store::Store& store);
  ~EntryWriter();  // appends what was handed over, then ends the thread

  using Lock = std::unique_lock<std::recursive_timed_mutex>;
  Lock lock() { return Lock(mutex_); }
  // The same for one who is waited for and needs it shortly: the builder lets him go first. Not held when the time is
  // over: while the disk is full the builder keeps it.
  Lock lock_until(std::chrono::steady_clock::time_point deadline);
  // The builder, before it takes the lock again: a mutex alone would let it have it time after time.
  void let_others_in() const;

  // Locked. Gives the entry its seq, source, tenant_seq, received_at (unless set), row_ref (from table
  // and key, unless key is empty), actor_ref and commitment, and adds it to the batch.
  Seq add(record::Entry& entry, std::string_view key = {});
  // Locked. A control entry: kind, table (may be empty), and a JSON object saying what happened.
  Seq add_control(record::EntryKind kind, std::string_view table, std::string_view detail,
                  const std::optional<record::TxIdentity>& tx = {});

  Seq next_seq() const { return next_seq_; }   // locked: the next entry's
  store::Batch& batch() { return batch_; }     // locked: for state, schemas, meta
  store::Cursor& cursor() { return cursor_; }  // locked: stored with the next batch that has entries
  // Locked. Everything committed before it is in the batches made so far.
  void set_captured(Lsn lsn);
  // Locked. The same for a new slot, which may begin before the old one's end: on a source that was put back.
  void restart_captured(Lsn lsn) {
    captured_ = lsn;
    ++restarts_;
  }
  // Locked. Stores the cursor with the next flush though there are no entries.
  void keep_cursor() { cursor_due_ = true; }

  // Locked.
  bool batch_is_large() const;
  bool has_unflushed() const;
  // Nothing is being appended, and the disk had its rest since the last sync: one that is slow, and that the source or
  // another program may sync to as well, is not kept busy by us alone.
  bool committer_is_ready() const;
  // Locked. The number that the batch under construction will have; durable when
  // durable().batches >= it.
  uint64_t batch_number() const { return next_batch_; }

  // Locked. Hands the batch to the appending thread; waits while two are under way.
  void flush();
  // Any thread, without the lock or with it. Returns when all that was added is durable.
  Status flush_and_wait();
  // Any thread. Waits for a batch of that number; kUnavailable at the timeout (negative: none).
  Status wait_for_batch(uint64_t number, int timeout_ms = -1);
  // Any thread. True when, after so many restarts or more, everything committed before lsn became durable within the
  // timeout.
  bool wait_for_captured(Lsn lsn, uint64_t restarts, int timeout_ms);

  Durable durable() const;
  uint64_t gap_count() const { return gap_count_.load(); }
  // Since this writer was made, durable or on the way there. Any thread.
  uint64_t added(record::EntryKind kind) const { return added_[static_cast<uint8_t>(kind)].load(); }
  // Batches handed over and not appended yet, the one being appended included. Any thread.
  int batches_waiting() const { return in_flight_.load(); }
  // The error after which nothing is appended any more. Until the program starts again every flush fails with it.
  Status failure() const;
  // Any thread. The program ends: a disk that is full is waited for no longer than this, nor is anything captured.
  void close_within(int timeout_ms);
  // What keeps the appending thread from going on ("disk full ..."); empty when nothing does.
  std::string problem() const;
  void set_on_durable(std::function<void()> on_durable);  // called on the appending thread

 private:
  struct Pending {
    store::Batch batch;
    Lsn captured;
    uint64_t restarts = 0;
    uint64_t number = 0;
    bool store = false;
  };
  void run();
  Status append_until_done(const store::Batch& batch);

  const Settings& settings_;
  store::Store& store_;
  const HmacSha256 ref_hmac_;

  std::recursive_timed_mutex mutex_;
  std::atomic<int> waiting_{0};
  store::Batch batch_;
  store::Cursor cursor_;
  bool cursor_due_ = false;
  Lsn captured_;
  uint64_t restarts_ = 0;
  Seq next_seq_;
  uint64_t next_batch_ = 1;
  std::unordered_map<std::string, uint64_t> tenant_seqs_;
  std::string last_actor_id_;  // consecutive entries mostly have one actor
  record::Ref last_actor_ref_{};
  std::string ref_input_;
  std::atomic<uint64_t> gap_count_{0};
  std::array<std::atomic<uint64_t>, 256> added_{};  // by the kind's number
  std::atomic<int> in_flight_{0};
  std::atomic<std::chrono::steady_clock::time_point> rest_until_{};  // set before in_flight_ is counted down

  mutable std::mutex durable_mutex_;
  mutable std::condition_variable durable_changed_;
  Durable durable_;
  std::string problem_;
  Status failed_;
  std::function<void()> on_durable_;
  std::atomic<bool> stopping_{false};
  bool closing_ = false;
  std::chrono::steady_clock::time_point give_up_at_ = std::chrono::steady_clock::time_point::max();

  BoundedQueue<std::unique_ptr<Pending>> queue_{2};
  BoundedQueue<store::Batch> spare_{2};
  std::thread thread_;
};

}  // namespace rowledger::capture
