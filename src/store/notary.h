#pragma once
// Signs what the log has become: a checkpoint after what is durable, never one that contradicts an earlier one
// (docs/format/checkpoint.md). The last one is also kept outside the data directory, so that an old copy of the
// directory put back in its place is noticed.
#include <atomic>
#include <condition_variable>
#include <filesystem>
#include <mutex>
#include <thread>

#include "base/result.h"
#include "base/time.h"
#include "ledger/checkpoint.h"
#include "ledger/note_key.h"
#include "store/store.h"

namespace rowledger::store {

struct NotaryOptions {
  std::filesystem::path second_place;  // a file; empty: none
  int shortest_interval_ms = 200;      // between two checkpoints
};

// That the log holds everything that was ever signed: in it, and at the second place. kCorrupt, saying what to do: the
// log is shorter, or it is another. Changes nothing.
Status check_against_signed(const Store& store, const ledger::VerifierKey& key,
                            const std::filesystem::path& second_place);

// Owns one thread, from construction to destruction; that signs what is durable by then.
class Notary {
 public:
  // The store has passed check_against_signed. Both outlive the notary.
  Notary(Store& store, const ledger::SigningKey& key, NotaryOptions options);
  ~Notary();
  Notary(const Notary&) = delete;
  Notary& operator=(const Notary&) = delete;

  // Signs now, unless there is nothing new. Any thread.
  Status sign();

 private:
  void run();
  Status write_second_place(std::string_view note) const;

  Store& store_;
  const ledger::SigningKey& key_;
  const NotaryOptions options_;
  std::mutex mutex_;  // one signature at a time
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

// The last signed checkpoint of a log, opened; nothing when none was signed yet.
Result<std::optional<ledger::SignedCheckpoint>> last_checkpoint(const Store& store, const ledger::VerifierKey& key);

}  // namespace rowledger::store
