// Destroying keys, and changing the master key.
#include <fmt/format.h>

#include <algorithm>

#include "base/check.h"
#include "privacy/key_ring.h"

namespace rowledger::privacy {

Status KeyRing::destroy(KeyId id) {
  const std::lock_guard writer(writer_mutex_);
  RL_TRY(sync_locked());
  const SlotFile& file = is_tenant_key(id) ? tenants_file_ : subjects_file_;
  if (id.value == 0 || slot_of(id) >= file.slots()) {
    return fail(ErrorCode::kNotFound, fmt::format("no key has the number {}", id.value));
  }
  return is_tenant_key(id) ? destroy_tenant(slot_of(id)) : destroy_subject(slot_of(id));
}

// The file first, the cache after: a reader that misses meanwhile reads zeros, or read the key before and finds the
// epoch changed.
Status KeyRing::destroy_subject(uint64_t slot) {
  std::string bytes(slot_bytes(KeyFileKind::kSubjects), '\0');
  RL_TRY(subjects_file_.read(slot, bytes.data()));
  const auto parsed = decode_subject_slot(bytes);
  const bool was_destroyed = state_of_slot(bytes) == SlotState::kDestroyed;
  auto destroyed = was_destroyed ? Status() : subjects_file_.destroy(slot);
  cache_.drop(subject_key_id(slot));  // in any case: after a failure the key shall not be used either
  if (!destroyed || was_destroyed) return destroyed;
  if (parsed && parsed->tenant < tenants_.size() && tenants_[parsed->tenant].state == SlotState::kDestroyed) return {};
  --subjects_live_;
  ++subjects_destroyed_;
  if (parsed && parsed->tenant < tenants_.size()) --tenants_[parsed->tenant].live_subjects;
  return {};
}

// Its subjects' slots stay as they are: nothing can unwrap them, and find() calls them destroyed.
Status KeyRing::destroy_tenant(uint64_t slot) {
  if (tenants_[slot].state == SlotState::kDestroyed) return {};
  RL_TRY(tenants_file_.destroy(slot));
  {
    const std::unique_lock lock(tenants_mutex_);
    Tenant& tenant = tenants_[slot];
    by_digest_.erase(tenant.name);
    std::erase_if(by_name_, [&](const auto& entry) { return entry.second == tenant_key_id(slot); });
    subjects_live_ -= tenant.live_subjects;
    subjects_destroyed_ += tenant.live_subjects;
    tenant = Tenant{.state = SlotState::kDestroyed};
  }
  cache_.drop_all();
  return {};
}

Status KeyRing::rotate_master(const MasterKey& next) {
  const std::lock_guard writer(writer_mutex_);
  const auto path = dir_ / file_name(KeyFileKind::kTenants);
  auto next_path = path;
  next_path += ".new";
  RL_TRY(finish_replacing(path));
  RL_TRY(tenants_file_.sync());

  KeyFileHeader header = tenants_file_.header();
  header.key_check = make_key_check(next, header.ring_id);
  RL_ASSIGN(SlotFile file, SlotFile::create(next_path, KeyFileKind::kTenants, header));
  std::string old_slots, slots;
  RL_TRY(tenants_file_.read(0, tenants_file_.slots(), old_slots));
  const size_t n = slot_bytes(KeyFileKind::kTenants);
  for (uint64_t number = 0; number < tenants_file_.slots(); ++number) {
    const auto bytes = std::string_view(old_slots).substr(number * n, n);
    if (state_of_slot(bytes) == SlotState::kDestroyed) {
      slots += bytes;
      continue;
    }
    auto slot = decode_tenant_slot(bytes);
    DataKey secret;
    if (!slot || !unwrap(*slot, number, header.ring_id, master_, secret)) {
      return fail(ErrorCode::kCorrupt, fmt::format("slot {} of {} is damaged: restore the keys from their backup; the "
                                                   "master key was not changed",
                                                   number, path.string()));
    }
    wrap(*slot, number, header.ring_id, next, random_bytes(kNonceBytes), secret);
    DataKey check;
    CHECK(unwrap(*slot, number, header.ring_id, next, check) && check.view() == secret.view());
    encode_slot(*slot, slots);
  }
  RL_TRY(file.append(slots));
  RL_TRY(file.close_cleanly());
  std::string written;
  RL_TRY(file.read(0, file.slots(), written));
  if (written != slots) {
    return fail(ErrorCode::kIo, fmt::format("{} does not hold what was written to it; the master key was not changed",
                                            next_path.string()));
  }
  RL_TRY(replace_file(path));
  // From here on it is the new master key that opens the file, whatever fails.
  file.file().set_path(path);
  tenants_file_ = std::move(file);
  master_ = next;
  return finish_replacing(path);
}

Result<bool> KeyRing::is_wrapped_with(const MasterKey& key) {
  const std::lock_guard writer(writer_mutex_);
  if (master_.view() != key.view()) return false;
  RL_TRY(finish_replacing(dir_ / file_name(KeyFileKind::kTenants)));
  return true;
}

}  // namespace rowledger::privacy
