// Finding keys: the readers' side.
#include <fmt/format.h>

#include <algorithm>

#include "base/check.h"
#include "privacy/key_ring.h"

namespace rowledger::privacy {
namespace {

tl::unexpected<Error> unknown_key(KeyId id) {
  return fail(ErrorCode::kCorrupt,
              fmt::format("no key has the number {}: the log is of another installation than the key files, or the key "
                          "files are older than the log",
                          id.value));
}

}  // namespace

Result<KeyState> KeyRing::find(KeyId id, SubjectKey& out) const {
  if (is_tenant_key(id)) return find_tenant_key(id, out);
  KeyCache::Epoch epoch = 0;
  if (id.value != 0 && cache_.find(id, out, epoch)) return KeyState::kLive;
  return find_subject_key(id, epoch, out);
}

void KeyRing::fetch(const std::vector<KeyId>& ids) const {
  // Slots that lie between two wanted ones and are read along: cheaper than another read.
  constexpr uint64_t kMaxGap = 16;
  thread_local std::vector<Missed> missed;
  missed.clear();
  for (const KeyId id : ids) {
    KeyCache::Epoch epoch = 0;
    if (id.value == 0 || is_tenant_key(id) || slot_of(id) >= subjects_file_.slots() || !cache_.misses(id, epoch))
      continue;
    missed.push_back({slot_of(id), epoch});
  }
  std::sort(missed.begin(), missed.end(), [](const Missed& a, const Missed& b) { return a.slot < b.slot; });
  const Missed* const end = missed.data() + missed.size();
  for (const Missed* at = missed.data(); at != end;) {
    const Missed* last = at;
    while (last + 1 != end && last[1].slot - last->slot <= kMaxGap) ++last;
    fetch_run(at, last + 1);
    at = last + 1;
  }
}

void KeyRing::fetch_run(const Missed* begin, const Missed* end) const {
  thread_local std::string bytes;
  const uint64_t first = begin->slot;
  if (!subjects_file_.read(first, end[-1].slot - first + 1, bytes)) return;
  SubjectKey key;
  for (; begin != end; ++begin) {
    const auto slot = std::string_view(bytes).substr((begin->slot - first) * kSubjectSlotBytes, kSubjectSlotBytes);
    if (unwrap_slot(begin->slot, slot, key) == KeyState::kLive)
      cache_.put(subject_key_id(begin->slot), key, begin->epoch);
  }
}

Result<KeyId> KeyRing::tenant_of(KeyId id) const {
  const uint64_t slot = slot_of(id);
  std::array<char, kSubjectSlotBytes> bytes;
  const std::lock_guard writer(writer_mutex_);
  const uint64_t written = subjects_file_.slots();
  if (id.value == 0 || is_tenant_key(id) || slot >= written + pending_.size() / kSubjectSlotBytes)
    return unknown_key(id);
  if (slot >= written) {
    pending_.copy(bytes.data(), bytes.size(), (slot - written) * kSubjectSlotBytes);
  } else {
    RL_TRY(subjects_file_.read(slot, bytes.data()));
  }
  const auto parsed = decode_subject_slot({bytes.data(), bytes.size()});
  // A destroyed slot names nobody any more: it counts as the installation's.
  return tenant_key_id(parsed ? parsed->tenant : 0);
}

Result<KeyState> KeyRing::find_tenant_key(KeyId id, SubjectKey& out) const {
  const std::shared_lock lock(tenants_mutex_);
  if (slot_of(id) >= tenants_.size()) return unknown_key(id);
  const Tenant& tenant = tenants_[slot_of(id)];
  if (tenant.state == SlotState::kDestroyed) return KeyState::kDestroyed;
  out = tenant.key;
  return KeyState::kLive;
}

Result<KeyState> KeyRing::find_subject_key(KeyId id, KeyCache::Epoch epoch, SubjectKey& out) const {
  if (id.value == 0) return unknown_key(id);
  const uint64_t slot = slot_of(id);
  std::array<char, kSubjectSlotBytes> bytes;
  const std::string_view view(bytes.data(), bytes.size());
  std::optional<KeyState> state;
  if (slot < subjects_file_.slots()) {
    RL_TRY(subjects_file_.read(slot, bytes.data()));
    state = unwrap_slot(slot, view, out);
  }
  if (!state) {
    // Not written yet, or read while it was being overwritten: the writer knows.
    const std::lock_guard writer(writer_mutex_);
    const uint64_t written = subjects_file_.slots();
    if (slot >= written + pending_.size() / kSubjectSlotBytes) return unknown_key(id);
    if (slot >= written) {
      pending_.copy(bytes.data(), bytes.size(), (slot - written) * kSubjectSlotBytes);
    } else {
      RL_TRY(subjects_file_.read(slot, bytes.data()));
    }
    state = unwrap_slot(slot, view, out);
  }
  if (!state) {
    return fail(ErrorCode::kCorrupt, fmt::format("slot {} of {} is damaged: restore the keys from their backup", slot,
                                                 (dir_ / file_name(KeyFileKind::kSubjects)).string()));
  }
  if (*state == KeyState::kLive) cache_.put(id, out, epoch);
  return *state;
}

// Nothing when the bytes are no slot.
std::optional<KeyState> KeyRing::unwrap_slot(uint64_t slot, std::string_view bytes, SubjectKey& out) const {
  if (state_of_slot(bytes) == SlotState::kDestroyed) return KeyState::kDestroyed;
  const auto parsed = decode_subject_slot(bytes);
  if (!parsed) return std::nullopt;
  DataKey secret;
  {
    const std::shared_lock lock(tenants_mutex_);
    if (parsed->tenant >= tenants_.size()) return std::nullopt;
    const Tenant& tenant = tenants_[parsed->tenant];
    if (tenant.state == SlotState::kDestroyed) return KeyState::kDestroyed;
    if (!unwrap(*parsed, slot, subjects_file_.header().ring_id, tenant.wrap_key, secret)) return std::nullopt;
  }
  out = SubjectKey(secret);
  return KeyState::kLive;
}

Status KeyRing::reaches(KeyId highest_used) const {
  if (highest_used.value == 0) return {};
  const std::lock_guard writer(writer_mutex_);
  const SlotFile& file = is_tenant_key(highest_used) ? tenants_file_ : subjects_file_;
  if (slot_of(highest_used) < file.slots()) return {};
  return unknown_key(highest_used);
}

}  // namespace rowledger::privacy
