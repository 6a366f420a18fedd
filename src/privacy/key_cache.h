#pragma once
// Unwrapped keys in memory, a bounded number of them. Any thread may call any function.
//
// Sets of eight keys; a subject's key's id says which set. In a full set the first key that was not used since the hand
// passed it last gives way (CLOCK). Key bytes are wiped when a key gives way, is dropped, and at the end; the memory is
// left out of core dumps.
#include <array>
#include <cstdint>
#include <mutex>

#include "privacy/key_id.h"
#include "privacy/seal.h"

namespace rowledger::privacy {

class KeyCache {
 public:
  explicit KeyCache(size_t max_bytes);
  ~KeyCache();
  KeyCache(const KeyCache&) = delete;
  KeyCache& operator=(const KeyCache&) = delete;

  // What a reader knew when it missed: put() takes its key only if nothing near it was dropped since. Otherwise a
  // reader that had read a slot just before it was destroyed would bring the key back.
  using Epoch = uint64_t;

  // True, and the key copied, when it is there.
  bool find(KeyId id, SubjectKey& out, Epoch& epoch);
  // The same without the key: whether it is not there.
  bool misses(KeyId id, Epoch& epoch);
  // Brings the place of a key that is about to be looked for into the processor's cache.
  void prefetch(KeyId id) const;
  void put(KeyId id, const SubjectKey& key, Epoch epoch);
  // For a key that nobody else can know yet.
  void put(KeyId id, const SubjectKey& key);
  void drop(KeyId id);
  void drop_all();

  size_t capacity() const { return set_count_ * kWays; }

 private:
  static constexpr size_t kWays = 8, kShards = 64;
  struct Set {
    std::array<uint64_t, kWays> ids;
    uint8_t used;  // a bit for each way
    uint8_t hand;
    union {
      std::array<SubjectKey, kWays> keys;
    };
  };
  struct alignas(64) Shard {
    std::mutex mutex;
    Epoch epoch = 0;
  };

  size_t set_of(KeyId id) const;
  Shard& shard_of(size_t set) { return shards_[set % kShards]; }
  void put_locked(Set& set, KeyId id, const SubjectKey& key);
  static void wipe(Set& set, size_t way);

  const size_t set_count_;
  Set* const sets_;  // mapped memory: zeros until used
  std::array<Shard, kShards> shards_;
};

}  // namespace rowledger::privacy
