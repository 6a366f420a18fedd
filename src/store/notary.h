#pragma once
// Signs what the log has become: a checkpoint after what is durable, never one that contradicts an earlier one
// (docs/format/checkpoint.md). The last one is also kept outside the data directory, so that an old copy of the
// directory put back in its place is noticed.
#include <atomic>
#include <condition_variable>
#include <filesystem>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "base/result.h"
#include "base/time.h"
#include "ledger/checkpoint.h"
#include "ledger/note_key.h"
#include "ledger/tile_tree.h"
#include "store/store.h"

namespace rowledger::store {

struct NotaryOptions {
  std::filesystem::path second_place;  // a file; empty: none
  int shortest_interval_ms = 200;      // between two checkpoints
};

// What is kept at the second place; nothing when there is no such file, or the path is empty.
Result<std::optional<std::string>> read_second_place(const std::filesystem::path& second_place);

enum class MissingSecondPlace { kRefused, kAccepted };

// That the log holds everything that was ever signed: in it, and at the second place. kCorrupt, saying what to do: the
// log is shorter, or it is another. kNotFound: something was signed, but the second place has nothing of it, so that an
// old copy cannot be told from the newest one. Changes nothing.
Status check_against_signed(const Store& store, const ledger::VerifierKey& key,
                            const std::filesystem::path& second_place,
                            MissingSecondPlace missing = MissingSecondPlace::kRefused);

// Owns one thread, from construction to destruction; that signs what is durable by then.
class Notary {
 public:
  // The store has passed check_against_signed. Both outlive the notary.
  Notary(Store& store, const ledger::SigningKey& key, NotaryOptions options);
  ~Notary();
  Notary(const Notary&) = delete;
  Notary& operator=(const Notary&) = delete;

  // Signs now, unless there is nothing new. Nothing is signed in the log that the second place does not hold: what
  // fails there is tried again with the next call, and the log's checkpoint stays as old as that one. Any thread.
  Status sign();

 private:
  void run();
  Status write_second_place(const std::string& note, const ledger::TileTree& tree);

  Store& store_;
  const ledger::SigningKey& key_;
  const NotaryOptions options_;
  std::mutex mutex_;         // one signature at a time
  std::string second_note_;  // what this notary has written to the second place
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

// The last signed checkpoint of a log, opened; nothing when none was signed yet.
Result<std::optional<ledger::SignedCheckpoint>> last_checkpoint(const Store& store, const ledger::VerifierKey& key);

}  // namespace rowledger::store
