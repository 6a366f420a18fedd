#include "privacy/key_ring.h"

#include <fmt/format.h>
#include <sodium.h>

#include "base/check.h"
#include "base/log.h"

namespace rowledger::privacy {
namespace {

// New keys are kept in memory up to this size, then written, though not synced.
constexpr size_t kMaxPendingBytes = 1 << 20;

std::filesystem::path path_of(const std::filesystem::path& dir, KeyFileKind kind) { return dir / file_name(kind); }

// create() makes subjects.keys first: without tenants.keys, and without a slot, it is what a crash left.
Status remove_unfinished(const std::filesystem::path& dir) {
  std::error_code error;
  const auto subjects = path_of(dir, KeyFileKind::kSubjects);
  if (std::filesystem::exists(path_of(dir, KeyFileKind::kTenants), error)) return {};
  const auto size = std::filesystem::file_size(subjects, error);
  if (error || size > kHeaderBytes) return {};
  if (!std::filesystem::remove(subjects, error)) return os_error("remove", subjects);
  return {};
}

}  // namespace

KeyRing::KeyRing(std::filesystem::path dir, const MasterKey& master, PrivateFile lock, SlotFile tenants,
                 SlotFile subjects, KeyRingOptions options)
    : dir_(std::move(dir)),
      lock_(std::move(lock)),
      cache_(options.cache_bytes),
      master_(master),
      tenants_file_(std::move(tenants)),
      subjects_file_(std::move(subjects)) {}

KeyRing::~KeyRing() {
  sodium_memzero(random_.data(), random_.size());
  for (SlotFile* const file : {&tenants_file_, &subjects_file_}) {
    // Only spares the next start a look at the last batch.
    if (const auto closed = file->close_cleanly(); !closed) log::warning("{}", closed.error().message);
  }
}

Result<std::unique_ptr<KeyRing>> KeyRing::create(const std::filesystem::path& dir, const MasterKey& master,
                                                 KeyRingOptions options) {
  RL_ASSIGN(PrivateFile lock, PrivateFile::lock(dir / kKeyLockName));
  RL_TRY(remove_unfinished(dir));
  KeyFileHeader header;
  random_bytes(header.ring_id.data(), header.ring_id.size());
  RL_ASSIGN(SlotFile subjects, SlotFile::create(path_of(dir, KeyFileKind::kSubjects), KeyFileKind::kSubjects, header));
  header.key_check = make_key_check(master, header.ring_id);
  RL_ASSIGN(SlotFile tenants, SlotFile::create(path_of(dir, KeyFileKind::kTenants), KeyFileKind::kTenants, header));
  RL_TRY(sync_directory(dir));
  return std::unique_ptr<KeyRing>(
      new KeyRing(dir, master, std::move(lock), std::move(tenants), std::move(subjects), options));
}

Result<std::unique_ptr<KeyRing>> KeyRing::open(const std::filesystem::path& dir, const MasterKey& master,
                                               KeyRingOptions options) {
  RL_ASSIGN(PrivateFile lock, PrivateFile::lock(dir / kKeyLockName));
  for (const KeyFileKind kind : {KeyFileKind::kTenants, KeyFileKind::kSubjects}) {
    RL_TRY(finish_replacing(path_of(dir, kind)));
  }
  RL_ASSIGN(SlotFile subjects, SlotFile::open(path_of(dir, KeyFileKind::kSubjects), KeyFileKind::kSubjects));
  RL_ASSIGN(SlotFile tenants, SlotFile::open(path_of(dir, KeyFileKind::kTenants), KeyFileKind::kTenants));
  const RingId& ring = tenants.header().ring_id;
  if (ring != subjects.header().ring_id) {
    return fail(ErrorCode::kCorrupt, fmt::format("the key files in {} do not belong together: restore both from one "
                                                 "backup",
                                                 dir.string()));
  }
  if (!passes_key_check(tenants.header().key_check, master, ring)) {
    return fail(ErrorCode::kPermission, fmt::format("the master key is not the one that the keys in {} are wrapped "
                                                    "with: give the right one; nothing is damaged",
                                                    dir.string()));
  }
  std::unique_ptr<KeyRing> out(
      new KeyRing(dir, master, std::move(lock), std::move(tenants), std::move(subjects), options));
  RL_TRY(out->recover());
  return out;
}

Status KeyRing::recover() {
  const auto genuine_tenant = [this](uint64_t slot, std::string_view bytes) {
    const auto parsed = decode_tenant_slot(bytes);
    DataKey secret;
    return parsed && unwrap(*parsed, slot, ring_id(), master_, secret);
  };
  RL_TRY(tenants_file_.recover(genuine_tenant, [this](uint64_t slot, SlotState state, std::string_view bytes) {
    return recover_tenant(slot, state, bytes);
  }));
  const auto genuine_subject = [this](uint64_t slot, std::string_view bytes) {
    const auto parsed = decode_subject_slot(bytes);
    DataKey secret;
    if (!parsed || parsed->tenant >= tenants_.size()) return false;
    const Tenant& tenant = tenants_[parsed->tenant];
    return tenant.state == SlotState::kDestroyed || unwrap(*parsed, slot, ring_id(), tenant.wrap_key, secret);
  };
  return subjects_file_.recover(genuine_subject, [this](uint64_t slot, SlotState state, std::string_view bytes) {
    return recover_subject(slot, state, bytes);
  });
}

Status KeyRing::recover_tenant(uint64_t slot, SlotState state, std::string_view bytes) {
  CHECK(slot == tenants_.size());
  Tenant tenant;
  tenant.state = state;
  if (state == SlotState::kLive) {
    const auto parsed = decode_tenant_slot(bytes);
    DataKey secret;
    if (!parsed || !unwrap(*parsed, slot, ring_id(), master_, secret)) {
      return fail(ErrorCode::kCorrupt, fmt::format("slot {} of {} is damaged: restore the keys from their backup", slot,
                                                   path_of(dir_, KeyFileKind::kTenants).string()));
    }
    tenant.name = parsed->name;
    tenant.wrap_key = wrap_key_of(secret);
    tenant.key = SubjectKey(secret);
    by_digest_[tenant.name] = slot;
  }
  tenants_.push_back(tenant);
  return {};
}

Status KeyRing::recover_subject(uint64_t slot, SlotState state, std::string_view bytes) {
  if (state == SlotState::kDestroyed) {
    ++subjects_destroyed_;
    return {};
  }
  const auto parsed = decode_subject_slot(bytes);
  if (!parsed || parsed->tenant >= tenants_.size()) {
    return fail(ErrorCode::kCorrupt, fmt::format("slot {} of {} is damaged: restore the keys from their backup", slot,
                                                 path_of(dir_, KeyFileKind::kSubjects).string()));
  }
  Tenant& tenant = tenants_[parsed->tenant];
  if (tenant.state == SlotState::kDestroyed) {
    ++subjects_destroyed_;
  } else {
    ++subjects_live_;
    ++tenant.live_subjects;
  }
  return {};
}

std::optional<KeyId> KeyRing::find_tenant(std::string_view tenant) const {
  {
    const std::shared_lock lock(tenants_mutex_);
    if (const auto at = by_name_.find(tenant); at != by_name_.end()) return at->second;
  }
  const Digest name = sha256(tenant);
  const std::shared_lock lock(tenants_mutex_);
  const auto at = by_digest_.find(name);
  if (at == by_digest_.end()) return std::nullopt;
  return tenant_key_id(at->second);
}

Result<KeyId> KeyRing::tenant_key(std::string_view tenant) {
  {
    const std::shared_lock lock(tenants_mutex_);
    if (const auto at = by_name_.find(tenant); at != by_name_.end()) return at->second;
  }
  const std::lock_guard writer(writer_mutex_);
  const Digest name = sha256(tenant);
  if (const auto at = by_digest_.find(name); at != by_digest_.end()) {  // only writers change it
    const std::unique_lock lock(tenants_mutex_);
    return by_name_[std::string(tenant)] = tenant_key_id(at->second);
  }
  return add_tenant(tenant, name);
}

Result<KeyId> KeyRing::add_tenant(std::string_view tenant, const Digest& name) {
  const uint64_t number = tenants_file_.slots();
  if (number >= kMaxTenants) {
    return fail(ErrorCode::kInvalid, fmt::format("there are {} tenants already, and no more can be made: is the column "
                                                 "that is configured as the tenant the right one?",
                                                 number));
  }
  const DataKey secret = DataKey::generate();
  TenantSlot slot{.name = name};
  wrap(slot, number, ring_id(), master_, random_bytes(kNonceBytes), secret);
  std::string bytes;
  encode_slot(slot, bytes);
  RL_TRY(tenants_file_.append(bytes));
  RL_TRY(tenants_file_.sync());
  const std::unique_lock lock(tenants_mutex_);
  CHECK(number == tenants_.size());
  tenants_.push_back(
      {.state = SlotState::kLive, .name = name, .wrap_key = wrap_key_of(secret), .key = SubjectKey(secret)});
  by_digest_[name] = number;
  return by_name_[std::string(tenant)] = tenant_key_id(number);
}

// Drawn in bulk, since the fixed cost of a draw is that of wrapping a key.
void KeyRing::take_random(char* out, size_t n) {
  if (random_left_ < n) {
    random_bytes(random_.data(), random_.size());
    random_left_ = random_.size();
  }
  random_left_ -= n;
  std::memcpy(out, random_.data() + random_left_, n);
  sodium_memzero(random_.data() + random_left_, n);
}

Result<KeyId> KeyRing::new_subject_key(KeyId tenant) {
  SubjectKey ignored;
  return new_subject_key(tenant, ignored);
}

Result<KeyId> KeyRing::new_subject_key(KeyId tenant, SubjectKey& out) {
  const std::lock_guard writer(writer_mutex_);
  if (!is_tenant_key(tenant) || slot_of(tenant) >= tenants_.size()) {
    return fail(ErrorCode::kInvalid, fmt::format("the number {} is no tenant's key", tenant.value));
  }
  Tenant& owner = tenants_[slot_of(tenant)];  // only writers change tenants_
  if (owner.state != SlotState::kLive) {
    return fail(ErrorCode::kConflict,
                "the tenant's key was destroyed: ask for the tenant's key again, it gets a new one");
  }
  if (pending_.size() >= kMaxPendingBytes) RL_TRY(write_pending());
  const uint64_t number = subjects_file_.slots() + pending_.size() / kSubjectSlotBytes;
  CHECK(number < kMaxSubjects);
  DataKey secret;
  take_random(secret.data(), kKeyBytes);
  std::array<char, kNonceBytes> nonce;
  take_random(nonce.data(), nonce.size());
  SubjectSlot slot{.tenant = static_cast<uint32_t>(slot_of(tenant))};
  wrap(slot, number, ring_id(), owner.wrap_key, {nonce.data(), nonce.size()}, secret);
  encode_slot(slot, pending_);
  out = SubjectKey(secret);
  const KeyId id = subject_key_id(number);
  cache_.put(id, out);
  ++subjects_live_;
  ++owner.live_subjects;
  return id;
}

Status KeyRing::write_pending() {
  RL_TRY(subjects_file_.append(pending_));
  pending_.clear();
  return {};
}

Status KeyRing::sync() {
  const std::lock_guard writer(writer_mutex_);
  return sync_locked();
}

Status KeyRing::sync_locked() {
  if (!pending_.empty()) RL_TRY(write_pending());
  return subjects_file_.sync();
}

KeyRingStatus KeyRing::status() const {
  const std::lock_guard writer(writer_mutex_);
  KeyRingStatus out{.subjects_live = subjects_live_, .subjects_destroyed = subjects_destroyed_};
  for (const Tenant& tenant : tenants_) {
    ++(tenant.state == SlotState::kLive ? out.tenants_live : out.tenants_destroyed);
  }
  return out;
}

}  // namespace rowledger::privacy
