#pragma once
// The newest entries as somebody has read them, so that all who follow the log share the work of decoding and unsealing
// them. Any thread.
#include <array>
#include <cstdint>
#include <memory>
#include <mutex>

#include "base/ids.h"
#include "record/entry.h"

namespace rowledger::store {

class RecentEntries {
 public:
  // So many; 16 KB each at most, and mostly less than one.
  static constexpr uint64_t kEntries = 512;
  static constexpr size_t kMostBytes = 16 << 10;

  using Shared = std::shared_ptr<const record::OwnedEntry>;

  // Null when it is not here.
  Shared find(Seq seq) const {
    const std::lock_guard lock(mutex_);
    const Shared& found = slots_[seq.value % kEntries];
    return found != nullptr && found->header().seq == seq ? found : nullptr;
  }

  // Changes with forget_all(). What was begun to be read before it is not kept after it.
  uint64_t generation() const {
    const std::lock_guard lock(mutex_);
    return generation_;
  }
  void keep(Shared entry, uint64_t generation) {
    if (entry->body_bytes().size() > kMostBytes || entry->values() == record::Values::kLocked) return;
    const std::lock_guard lock(mutex_);
    if (generation == generation_) slots_[entry->header().seq.value % kEntries] = std::move(entry);
  }

  // Values have been erased.
  void forget_all() {
    const std::lock_guard lock(mutex_);
    ++generation_;
    slots_.fill(nullptr);
  }

 private:
  mutable std::mutex mutex_;
  std::array<Shared, kEntries> slots_;
  uint64_t generation_ = 0;
};

}  // namespace rowledger::store
