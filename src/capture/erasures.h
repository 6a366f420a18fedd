#pragma once
// Erasing people's values: the order of things, and what is made up for after a crash.
//
// The log says it first: an entry of kind `erase` with who ordered it and why is durable before a key is destroyed, and
// in the same write the store's meta remembers that it is to be carried out. Then, with the builder held still:
// everything built is written, the keys are destroyed, what is cached of rows is forgotten. From then on the values are
// erased. Last, and beside capture, the index forgets what found them. After a crash finish_open() does again what may
// not have been done, also of retention. Copies of the values that were made before, in files, are removed by whoever
// has made them: the store's meta remembers that this is owed until remove_copies() is through.
#include <atomic>
#include <functional>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "capture/entry_writer.h"
#include "capture/owners.h"
#include "capture/state_view.h"
#include "store/store.h"

namespace rowledger::capture {

class Erasures {
 public:
  Erasures(store::Store& store, EntryWriter& writer, StateView& state)
      : store_(store), writer_(writer), state_(state) {}

  // Before anything is captured. Any error: what was ordered is not done, and nothing may go on as if it were.
  Status finish_open();

  // Any thread, one at a time. entry: of kind erase; its detail names the owners (owners_of), and gets the numbers of
  // their keys. Returns its seq when the values are erased for good.
  Result<Seq> carry_out(const record::Entry& entry);

  // Any thread. Retention (capture.h).
  using Held = std::function<Result<store::HeldValues>()>;
  Result<uint64_t> expire(store::RetentionRules rules, uint32_t today, const Held& held, const std::atomic<bool>& stop);

  // Any thread. Calls `remove`, which removes the copies that there are, if anything was erased since that was last
  // done.
  Status remove_copies(const std::function<Status()>& remove);

 private:
  // How far an erasure has come, as the store's meta keeps it: "<seq>:<stage>" in lines.
  enum class Stage : char { kKeys = 'k', kTokens = 't' };
  struct Open {
    Seq seq;
    Stage stage = Stage::kKeys;
  };
  Status remember();                               // locked
  void owe_copies(Seq seq);                        // locked
  Result<uint64_t> tell_expired(size_t at_least);  // locked
  // In entries, with which the list of them that the store keeps is at its end. why: what their details begin with, up
  // to the number of keys. Locked.
  Status tell(std::string_view why, std::span<const privacy::KeyId> keys, std::string_view list);
  Result<std::string> with_keys(std::string_view detail, const std::vector<store::Owner>& owners) const;
  Status give_up(Seq seq);
  Status destroy_keys(Seq seq, const std::vector<store::Owner>& owners);
  Status drop_tokens(Seq seq, const std::vector<store::Owner>& owners);

  store::Store& store_;
  EntryWriter& writer_;
  StateView& state_;
  std::mutex one_at_a_time_;
  std::vector<Open> open_;
};

}  // namespace rowledger::capture
