#include "privacy/key_cache.h"

#include <sys/mman.h>

#include <algorithm>
#include <new>

#include "base/check.h"

namespace rowledger::privacy {
namespace {

void* map_zeros(size_t bytes) {
  void* const memory = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  CHECK(memory != MAP_FAILED);
  ::madvise(memory, bytes, MADV_DONTDUMP);
  ::madvise(memory, bytes, MADV_HUGEPAGE);  // taken page by page, 4 KiB each, filling it costs as much as the keys do
  return memory;
}

}  // namespace

KeyCache::KeyCache(size_t max_bytes)
    : set_count_(std::max<size_t>(max_bytes / sizeof(Set), 1)),
      sets_(static_cast<Set*>(map_zeros(set_count_ * sizeof(Set)))) {}

KeyCache::~KeyCache() {
  drop_all();
  ::munmap(sets_, set_count_ * sizeof(Set));
}

// Keys that were made one after the other are often used so: they stand in one set, and their sets side by side.
size_t KeyCache::set_of(KeyId id) const { return static_cast<size_t>(slot_of(id) / kWays % set_count_); }

bool KeyCache::find(KeyId id, SubjectKey& out, Epoch& epoch) {
  const size_t number = set_of(id);
  Set& set = sets_[number];
  Shard& shard = shard_of(number);
  const std::lock_guard lock(shard.mutex);
  for (size_t way = 0; way < kWays; ++way) {
    if (set.ids[way] != id.value) continue;
    set.used = static_cast<uint8_t>(set.used | 1 << way);
    out = set.keys[way];
    return true;
  }
  epoch = shard.epoch;
  return false;
}

bool KeyCache::misses(KeyId id, Epoch& epoch) {
  const size_t number = set_of(id);
  Shard& shard = shard_of(number);
  const std::lock_guard lock(shard.mutex);
  epoch = shard.epoch;
  const auto& ids = sets_[number].ids;
  return std::find(ids.begin(), ids.end(), id.value) == ids.end();
}

void KeyCache::prefetch(KeyId id) const { __builtin_prefetch(&sets_[set_of(id)]); }

void KeyCache::put(KeyId id, const SubjectKey& key, Epoch epoch) {
  const size_t number = set_of(id);
  Shard& shard = shard_of(number);
  const std::lock_guard lock(shard.mutex);
  if (shard.epoch == epoch) put_locked(sets_[number], id, key);
}

void KeyCache::put(KeyId id, const SubjectKey& key) {
  const size_t number = set_of(id);
  const std::lock_guard lock(shard_of(number).mutex);
  put_locked(sets_[number], id, key);
}

void KeyCache::put_locked(Set& set, KeyId id, const SubjectKey& key) {
  CHECK(id.value != 0);
  size_t way = kWays;
  for (size_t i = 0; i < kWays; ++i) {
    if (set.ids[i] == id.value) return;  // another reader was here first
    if (set.ids[i] == 0) way = i;
  }
  while (way == kWays) {
    const size_t at = set.hand++ % kWays;
    if ((set.used >> at & 1) == 0) way = at;
    set.used = static_cast<uint8_t>(set.used & ~(1 << at));
  }
  if (set.ids[way] != 0) wipe(set, way);
  new (&set.keys[way]) SubjectKey(key);
  set.ids[way] = id.value;
}

void KeyCache::wipe(Set& set, size_t way) {
  set.keys[way].~SubjectKey();  // wipes itself
  set.ids[way] = 0;
}

void KeyCache::drop(KeyId id) {
  const size_t number = set_of(id);
  Set& set = sets_[number];
  Shard& shard = shard_of(number);
  const std::lock_guard lock(shard.mutex);
  ++shard.epoch;
  for (size_t way = 0; way < kWays; ++way) {
    if (set.ids[way] == id.value) wipe(set, way);
  }
}

void KeyCache::drop_all() {
  for (size_t first = 0; first < kShards; ++first) {
    const std::lock_guard lock(shards_[first].mutex);
    ++shards_[first].epoch;
    for (size_t number = first; number < set_count_; number += kShards) {
      Set& set = sets_[number];
      for (size_t way = 0; way < kWays; ++way) {
        if (set.ids[way] != 0) wipe(set, way);
      }
    }
  }
}

}  // namespace rowledger::privacy
