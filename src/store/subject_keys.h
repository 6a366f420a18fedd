#pragma once
// Which key seals what (docs/format/keys.md): a subject's own; for what is nobody's, one of the tenant's for each
// period, kept like those of a subject without a name; for what is about the log itself, the tenant's. The key ring
// holds keys without names; this is where the names are, as keyed hashes, in the same atomic write as the entries that
// use them.
#include <array>
#include <cstdint>
#include <future>
#include <string>
#include <string_view>
#include <vector>

#include "base/crypto.h"
#include "base/result.h"
#include "base/time.h"
#include "privacy/key_ring.h"
#include "store/database.h"
#include "store/key_days.h"
#include "store/store.h"

namespace rowledger::store {

// One of a subject's keys, in the order in which they were taken into use.
struct HeldKey {
  privacy::KeyId key;
  uint32_t since_day = 0;  // since 1970-01-01, UTC
};

class SubjectKeys {
 public:
  using Name = std::array<unsigned char, 16>;

  // period_days: after so many, a subject gets another key, so that old values can be destroyed by themselves.
  SubjectKeys(const Database& database, privacy::KeyRing* ring, const ShortHashKey& name_key, uint32_t period_days)
      : database_(database),
        ring_(ring),
        name_key_(name_key),
        period_days_(period_days),
        longest_period_days_(period_days) {}

  // The writer, before the others: begins to take the keys in use into memory, as many as have room, on a thread of its
  // own. A subject that is not there is read when it comes, which costs many times as much as all else that an entry
  // needs.
  Status load();
  // The writer, before any of prefetch(), key_for(), new_key_for(), destroy() and forget(): waits until that is done.
  Status loaded();

  // Any thread. Of a tenant and a subject; either may be empty.
  Name name_of(std::string_view tenant, std::string_view subject) const;
  static std::string hex(const Name& name);
  // The writer. Brings the place of a name that is about to be looked for into the processor's cache.
  void prefetch(const Name& name) const { __builtin_prefetch(&slots_[place_of(name)]); }
  // The writer. What seals an entry of that tenant and subject's name received then; made when there is none. Not to be
  // kept before write() and privacy::KeyRing::sync().
  Result<privacy::KeyId> key_for(std::string_view tenant, const Name& name, Timestamp now);
  // The same where that key turned out to be lost (privacy::restore_keys): another one.
  Result<privacy::KeyId> new_key_for(std::string_view tenant, std::string_view subject, Timestamp now);
  // The writer. The one that never changes, and wraps the others.
  Result<privacy::KeyId> key_of_tenant(std::string_view tenant);
  // Puts what is new into the write, again with each try, until written() says that one succeeded.
  void write(rocksdb::WriteBatch& out) const;
  void written();

  // Any thread. How many slots what is written uses.
  Result<Store::KeySlots> stored_slots() const;
  // Any thread. All keys of a subject that are in use or were, of those that written() was told of: the others seal
  // nothing yet.
  Result<std::vector<HeldKey>> keys_of(std::string_view tenant, std::string_view subject) const;
  // Those of a subject's keys that are as old as the rules say, the oldest ones, and what it has besides.
  struct Expired {
    Name name;
    std::vector<HeldKey> expired, left;
  };
  // The writer. Of so many keys, or a few more (Store::destroy_expired()).
  Result<std::vector<Expired>> expired(const RetentionRules& rules, uint32_t today, size_t at_most) const;
  // When they were in use.
  void add_days(const Expired& keys, KeyDays& days) const;
  // The writer.
  Result<std::vector<privacy::KeyId>> destroy(const std::vector<Expired>& keys);
  // The writer, durable when it returns: the next entry of the subject begins with a new key.
  Status forget(std::string_view tenant, std::string_view subject);

 private:
  struct Cached {
    Name name{};
    privacy::KeyId key;  // of a slot in use: nothing when the subject's keys were forgotten
    uint32_t since_day = 0;
    bool used = false;
  };
  static constexpr size_t kMinSlots = size_t{1} << 14, kMaxSlots = size_t{1} << 21;  // 512 KB to 64 MB

  size_t place_of(const Name& name) const;
  Result<std::vector<HeldKey>> read_stored(const Name& name) const;  // any thread
  Result<std::vector<HeldKey>> read(const Name& name) const;         // the writer: with what is not written yet
  size_t slot_of(const Name& name) const;
  void remember(const Name& name, const HeldKey& held);
  void use(privacy::KeyId key);
  Status load_longest_period();
  Status load_names(uint64_t count);
  Result<privacy::KeyId> add_key(std::string_view tenant, const Name& name, std::vector<HeldKey> keys, uint32_t today);

  const Database& database_;
  privacy::KeyRing* const ring_;
  const ShortHashKey name_key_;
  const uint32_t period_days_;
  uint32_t longest_period_days_;  // that the log was ever written with
  std::vector<Cached> slots_ = std::vector<Cached>(
      kMinSlots);  // a power of two of them; a name stands at its hash or behind it, before the next gap
  size_t used_slots_ = 0;
  bool has_all_ = true;  // a name that is not in slots_ has no key
  std::vector<std::pair<Name, std::vector<HeldKey>>> unwritten_;
  Store::KeySlots used_, written_;
  std::string last_tenant_;
  privacy::KeyId last_tenant_key_;
  Status loaded_;
  std::future<Status> loading_;  // last: its end waits for the thread
};

}  // namespace rowledger::store
