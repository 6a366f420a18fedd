#pragma once
// The keys of all subjects and tenants: made, found, destroyed, backed up. Three levels, each wrapped by the one above
// (docs/format/keys.md):
//
//   master key -> a tenant's key -> a subject's key
//
// The two key files stand in one directory, which one process at a time may open. Any thread may call any function;
// find() takes no lock that a writer holds for long.
#include <array>
#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "privacy/key_backup.h"
#include "privacy/key_cache.h"
#include "privacy/key_file.h"
#include "privacy/key_id.h"
#include "privacy/seal.h"
#include "privacy/secret.h"
#include "privacy/slot_file.h"

namespace rowledger::privacy {

struct KeyRingOptions {
  size_t cache_bytes = 64 << 20;  // about 600,000 keys
};

enum class KeyState : uint8_t { kLive, kDestroyed };

struct KeyRingStatus {
  uint64_t subjects_live = 0;
  uint64_t subjects_destroyed = 0;  // with those whose tenant's key was destroyed
  uint64_t tenants_live = 0;
  uint64_t tenants_destroyed = 0;
};

class KeyRing {
 public:
  // A new ring in a directory that exists. kConflict when there are key files.
  static Result<std::unique_ptr<KeyRing>> create(const std::filesystem::path& dir, const MasterKey& master,
                                                 KeyRingOptions options = {});
  // kNotFound: no key files here. kPermission: another master key than this one wraps them. kCorrupt: damaged.
  // kConflict: another process has them open. kInvalid: others may read them, or a later version wrote them.
  // Reads both files once: about 0.1 s for a million subjects.
  static Result<std::unique_ptr<KeyRing>> open(const std::filesystem::path& dir, const MasterKey& master,
                                               KeyRingOptions options = {});
  ~KeyRing();  // keys that were not synced are lost
  KeyRing(const KeyRing&) = delete;
  KeyRing& operator=(const KeyRing&) = delete;

  // The tenant's key, made durable at once when it is new. "" is the installation's own tenant. After a tenant's key
  // was destroyed, the same name gets a new one.
  Result<KeyId> tenant_key(std::string_view tenant);
  // Nothing when there is none.
  std::optional<KeyId> find_tenant(std::string_view tenant) const;

  // A new subject's key under a tenant's. It can be used at once; nothing that it sealed may be kept before sync() has
  // returned. kConflict when the tenant's key was destroyed, kInvalid when `tenant` is no tenant's key.
  Result<KeyId> new_subject_key(KeyId tenant);
  Result<KeyId> new_subject_key(KeyId tenant, SubjectKey& out);
  // Makes all new keys durable. Costs nothing when there are none.
  Status sync();

  // Fills `out` when the key is live. kCorrupt: there never was such a key, or its slot is damaged.
  Result<KeyState> find(KeyId id, SubjectKey& out) const;

  // Takes keys that find() is about to be asked for into memory, neighbours in the file with one read. What cannot be
  // had is left to find() to say.
  void fetch(const std::vector<KeyId>& ids) const;
  void prefetch(KeyId id) const { cache_.prefetch(id); }

  // The tenant's key that a live subject's key is wrapped with. kCorrupt as find().
  Result<KeyId> tenant_of(KeyId subject) const;

  // For the log's owner, after open(): kCorrupt when `highest_used`, which something was sealed with, is not there. It
  // tells a last batch that was damaged from one that was never finished (slot_file.h).
  Status reaches(KeyId highest_used) const;

  // The key's bytes are overwritten on the device, and gone from memory, when it returns. Of a tenant's key: no key of
  // its subjects can be unwrapped any more. Doing it again changes nothing.
  Status destroy(KeyId id);

  // Wraps the tenants' keys anew, in a new file that takes the old one's place in one step; the old one is overwritten.
  // Nothing else changes, and find() goes on meanwhile. Keep the new master key safe before: after a crash, open()
  // answers kPermission to the one of the two that does not fit; after an error, ask is_wrapped_with().
  Status rotate_master(const MasterKey& next);

  // Whether this is the master key that the tenants' keys are wrapped with. If so, they durably are when it returns.
  Result<bool> is_wrapped_with(const MasterKey& key);

  // Writes a new file with all live keys and the master key, sealed by the recovery key, and reads it back. New keys
  // and destructions go on meanwhile. restore_keys() (key_backup.h) reads it.
  Status backup(const std::filesystem::path& path, const RecoveryKey& recovery);

  KeyRingStatus status() const;

 private:
  struct Tenant {
    SlotState state = SlotState::kEmpty;
    Digest name{};
    uint64_t live_subjects = 0;
    WrapKey wrap_key;
    SubjectKey key;
  };

  // A slot that is not in the cache, and what the cache said of it.
  struct Missed {
    uint64_t slot;
    KeyCache::Epoch epoch;
  };

  KeyRing(std::filesystem::path dir, const MasterKey& master, PrivateFile lock, SlotFile tenants, SlotFile subjects,
          KeyRingOptions options);
  Status recover();
  Status recover_tenant(uint64_t slot, SlotState state, std::string_view bytes);
  Status recover_subject(uint64_t slot, SlotState state, std::string_view bytes);
  Result<KeyId> add_tenant(std::string_view tenant, const Digest& name);
  Status write_pending();
  Status sync_locked();
  void fetch_run(const Missed* begin, const Missed* end) const;
  Result<KeyState> find_tenant_key(KeyId id, SubjectKey& out) const;
  Result<KeyState> find_subject_key(KeyId id, KeyCache::Epoch epoch, SubjectKey& out) const;
  std::optional<KeyState> unwrap_slot(uint64_t slot, std::string_view bytes, SubjectKey& out) const;
  Status destroy_tenant(uint64_t slot);
  Status destroy_subject(uint64_t slot);
  Status add_slots(BackupWriter& writer, PartKind kind, uint64_t first, uint64_t count) const;
  void take_random(char* out, size_t n);
  RingId ring_id() const { return tenants_file_.header().ring_id; }

  const std::filesystem::path dir_;
  const PrivateFile lock_;
  mutable KeyCache cache_;

  // Held by whoever changes a file. Taken before tenants_mutex_.
  mutable std::mutex writer_mutex_;
  MasterKey master_;
  SlotFile tenants_file_, subjects_file_;
  std::string pending_;  // slots behind the end of subjects_file_
  std::array<char, 4096> random_;
  size_t random_left_ = 0;
  uint64_t subjects_live_ = 0, subjects_destroyed_ = 0;

  mutable std::shared_mutex tenants_mutex_;
  std::vector<Tenant> tenants_;
  std::map<std::string, KeyId, std::less<>> by_name_;
  std::map<Digest, uint64_t> by_digest_;  // live tenants' slots
};

}  // namespace rowledger::privacy
