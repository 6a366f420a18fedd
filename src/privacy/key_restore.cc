#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "base/check.h"
#include "privacy/key_backup.h"
#include "privacy/slot_file.h"

namespace rowledger::privacy {
namespace {

constexpr uint64_t kPieceSlots = 16'384;
// An empty file beside the keys, while a restore is unfinished.
constexpr char kMarkName[] = "keys.restoring";

// A key file as it is there, however damaged: slots are judged one by one.
struct Present {
  std::optional<PrivateFile> file;
  std::optional<KeyFileHeader> header;
  uint64_t slots = 0;    // that are there, or were used
  uint64_t durable = 0;  // below it, a slot that is no slot is a loss

  Status read(KeyFileKind kind, uint64_t first, uint64_t count, std::string& out) const {
    out.assign(count * slot_bytes(kind), '\0');
    if (!file) return {};
    RL_ASSIGN(const uint64_t size, file->size());
    const uint64_t in_file = (size - std::min<uint64_t>(size, kHeaderBytes)) / slot_bytes(kind);
    const uint64_t there = std::min(count, in_file - std::min(first, in_file));
    if (there == 0) return {};
    return file->read_at(kHeaderBytes + first * slot_bytes(kind), out.data(), there * slot_bytes(kind));
  }
};

std::filesystem::path path_to(const std::filesystem::path& dir, KeyFileKind kind, const char* suffix = "") {
  return dir / (std::string(file_name(kind)) + suffix);
}

Result<Present> look_at(const std::filesystem::path& dir, KeyFileKind kind, const RingId& ring, uint64_t used) {
  Present out{.slots = used, .durable = used};
  auto file = PrivateFile::open(path_to(dir, kind));
  if (!file && file.error().code == ErrorCode::kNotFound) return out;
  if (!file) return fail(std::move(file.error()));
  RL_ASSIGN(const uint64_t size, file->size());
  std::string header(std::min<uint64_t>(size, kHeaderBytes), '\0');
  RL_TRY(file->read_at(0, header.data(), header.size()));
  const uint64_t in_file = (size - header.size()) / slot_bytes(kind);
  out.slots = std::max(in_file, used);
  out.durable = out.slots;
  out.file = std::move(*file);
  if (auto parsed = decode_header(kind, header)) {
    if (parsed->ring_id != ring) {
      return fail(ErrorCode::kInvalid, fmt::format("the backup is of other keys than those in {}", dir.string()));
    }
    out.header = *parsed;
    out.durable = std::max(durable_slots(kind, ring, header).value_or(in_file), used);
  }
  return out;
}

Status set_mark(const std::filesystem::path& dir) {
  if (restore_is_unfinished(dir)) return sync_directory(dir);
  RL_ASSIGN(PrivateFile file, PrivateFile::create(dir / kMarkName));
  RL_TRY(file.sync());
  return sync_directory(dir);
}

// What becomes of one slot of which there are two copies.
enum class Fate { kKept, kRestored, kDestroyed, kLost, kNeverWas };

class Restore {
 public:
  Restore(std::filesystem::path dir, BackupReader reader, const RestoreOptions& options)
      : dir_(std::move(dir)), reader_(std::move(reader)), options_(options) {}

  Result<RestoreReport> run() {
    RL_ASSIGN(const BackupPart first, reader_.next());
    manifest_ = first.manifest;
    report_.made_at = manifest_.made_at;
    RL_ASSIGN(present_tenants_, look_at(dir_, KeyFileKind::kTenants, manifest_.ring_id, options_.used_tenants));
    RL_ASSIGN(present_subjects_, look_at(dir_, KeyFileKind::kSubjects, manifest_.ring_id, options_.used_subjects));
    report_.merged = present_subjects_.file.has_value() && present_tenants_.file.has_value();
    RL_TRY(choose_master());
    RL_TRY(merge_tenants());
    RL_TRY(merge_subjects());
    if (report_.lost > 0 && !options_.give_up_lost) {
      return fail(ErrorCode::kConflict,
                  fmt::format("{} keys are neither in the backup of {} nor readable here: give the present master key, "
                              "or a newer backup, or agree to lose them",
                              report_.lost, manifest_.made_at.to_string()));
    }
    RL_TRY(set_mark(dir_));
    for (const KeyFileKind kind : {KeyFileKind::kSubjects, KeyFileKind::kTenants}) {
      RL_TRY(replace_file(path_to(dir_, kind)));
      RL_TRY(finish_replacing(path_to(dir_, kind)));
    }
    return report_;
  }

 private:
  struct Tenant {
    bool live = false;
    WrapKey wrap_key;
  };

  Status choose_master() {
    std::vector<MasterKey> keys = options_.present_masters;
    report_.master = keys.empty() ? manifest_.master : keys.front();
    if (keys.empty() || !present_tenants_.header) return {};
    if (restore_is_unfinished(dir_)) keys.push_back(manifest_.master);
    const auto fitting = std::ranges::find_if(keys, [this](const MasterKey& key) {
      return passes_key_check(present_tenants_.header->key_check, key, manifest_.ring_id);
    });
    if (fitting != keys.end()) {
      report_.master = *fitting;
      return {};
    }
    return fail(ErrorCode::kPermission,
                fmt::format("the master key given is not that of the keys in {}", dir_.string()));
  }

  // Destroyed in one copy is destroyed.
  template <class Genuine>
  Fate decide(const Present& there, uint64_t number, std::string_view here, std::string_view saved, Genuine genuine) {
    if (state_of_slot(here) == SlotState::kDestroyed || state_of_slot(saved) == SlotState::kDestroyed) {
      return Fate::kDestroyed;
    }
    if (genuine(here)) return Fate::kKept;
    if (genuine(saved)) return Fate::kRestored;
    return number >= there.durable && saved.empty() ? Fate::kNeverWas : Fate::kLost;
  }

  void count(Fate fate) {
    switch (fate) {
      case Fate::kKept: ++report_.kept; break;
      case Fate::kRestored: ++report_.restored; break;
      case Fate::kDestroyed: ++report_.destroyed; break;
      case Fate::kLost: ++report_.lost; break;
      case Fate::kNeverWas: break;
    }
  }

  // Reads the tenants' parts; pending_ is the part behind them.
  Result<std::string> saved_tenants() {
    std::string out;
    for (;;) {
      RL_ASSIGN(pending_, reader_.next());
      if (pending_.kind != PartKind::kTenants) return out;
      out += pending_.slots;
    }
  }

  bool unwrap_tenant(std::string_view bytes, uint64_t number, TenantSlot& slot, DataKey& secret) const {
    const auto parsed = decode_tenant_slot(bytes);
    if (!parsed) return false;
    slot = *parsed;
    const auto fits = [&](const MasterKey& key) { return unwrap(slot, number, manifest_.ring_id, key, secret); };
    return std::ranges::any_of(options_.present_masters, fits) || fits(manifest_.master);
  }

  Status merge_tenants() {
    constexpr KeyFileKind kKind = KeyFileKind::kTenants;
    constexpr size_t kBytes = slot_bytes(kKind);
    RL_ASSIGN(const std::string saved, saved_tenants());
    std::string here, merged;
    RL_TRY(present_tenants_.read(kKind, 0, present_tenants_.slots, here));
    const uint64_t count_all = std::max(saved.size(), here.size()) / kBytes;
    for (uint64_t number = 0; number < count_all; ++number) {
      const auto piece = [&](std::string_view all) {
        return all.substr(std::min(number * kBytes, all.size()), kBytes);
      };
      TenantSlot slot;
      DataKey secret;
      const Fate fate = decide(present_tenants_, number, piece(here), piece(saved),
                               [&](std::string_view bytes) { return unwrap_tenant(bytes, number, slot, secret); });
      count(fate);
      if (fate == Fate::kNeverWas) break;
      Tenant tenant{.live = fate == Fate::kKept || fate == Fate::kRestored};
      if (tenant.live) {
        tenant.wrap_key = wrap_key_of(secret);
        wrap(slot, number, manifest_.ring_id, report_.master, random_bytes(kNonceBytes), secret);
        encode_slot(slot, merged);
      } else {
        merged += destroyed_slot(kKind);
      }
      tenants_.push_back(tenant);
    }
    KeyFileHeader header{.ring_id = manifest_.ring_id};
    header.key_check = make_key_check(report_.master, header.ring_id);
    RL_ASSIGN(SlotFile file, SlotFile::create(path_to(dir_, kKind, ".new"), kKind, header));
    RL_TRY(file.append(merged));
    return file.close_cleanly();
  }

  bool unwrap_subject(std::string_view bytes, uint64_t number) const {
    const auto slot = decode_subject_slot(bytes);
    if (!slot || slot->tenant >= tenants_.size()) return false;
    DataKey secret;
    const Tenant& tenant = tenants_[slot->tenant];
    return !tenant.live || unwrap(*slot, number, manifest_.ring_id, tenant.wrap_key, secret);
  }

  Status merge_subjects() {
    constexpr KeyFileKind kKind = KeyFileKind::kSubjects;
    RL_ASSIGN(SlotFile file, SlotFile::create(path_to(dir_, kKind, ".new"), kKind, {.ring_id = manifest_.ring_id}));
    bool ended = false;
    while (pending_.kind != PartKind::kEnd) {
      CHECK(pending_.kind == PartKind::kSubjects && pending_.first_slot == file.slots());
      RL_TRY(merge_piece(pending_.slots.size() / slot_bytes(kKind), pending_.slots, file, ended));
      RL_ASSIGN(pending_, reader_.next());
    }
    while (file.slots() < present_subjects_.slots && !ended) {
      RL_TRY(merge_piece(std::min(kPieceSlots, present_subjects_.slots - file.slots()), {}, file, ended));
    }
    return file.close_cleanly();
  }

  Status merge_piece(uint64_t slots, std::string_view saved, SlotFile& file, bool& ended) {
    constexpr size_t kBytes = slot_bytes(KeyFileKind::kSubjects);
    std::string all_here, merged;
    const uint64_t first = file.slots();
    RL_TRY(present_subjects_.read(KeyFileKind::kSubjects, first, slots, all_here));
    for (uint64_t i = 0; i < slots && !ended; ++i) {
      const auto here = std::string_view(all_here).substr(i * kBytes, kBytes);
      const auto there = saved.substr(std::min(i * kBytes, saved.size()), kBytes);
      const Fate fate = decide(present_subjects_, first + i, here, there,
                               [&](std::string_view bytes) { return unwrap_subject(bytes, first + i); });
      count(fate);
      ended = fate == Fate::kNeverWas;
      if (fate == Fate::kKept || fate == Fate::kRestored) merged += fate == Fate::kKept ? here : there;
      if (fate == Fate::kDestroyed || fate == Fate::kLost) merged += destroyed_slot(KeyFileKind::kSubjects);
    }
    return file.append(merged);
  }

  const std::filesystem::path dir_;
  BackupReader reader_;
  const RestoreOptions& options_;
  RestoreReport report_;
  BackupManifest manifest_;
  Present present_tenants_, present_subjects_;
  BackupPart pending_;  // views reader_'s part
  std::vector<Tenant> tenants_;
};

}  // namespace

Result<Timestamp> backup_made_at(const std::filesystem::path& backup, const RecoveryKey& recovery) {
  RL_ASSIGN(BackupReader reader, BackupReader::open(backup, recovery));
  RL_ASSIGN(const BackupPart first, reader.next());
  return first.manifest.made_at;
}

Result<RestoreReport> restore_keys(const std::filesystem::path& dir, const std::filesystem::path& backup,
                                   const RecoveryKey& recovery, const RestoreOptions& options) {
  RL_ASSIGN(const PrivateFile lock, PrivateFile::lock(dir / kKeyLockName));
  for (const KeyFileKind kind : {KeyFileKind::kTenants, KeyFileKind::kSubjects}) {
    RL_TRY(finish_replacing(path_to(dir, kind)));
  }
  RL_ASSIGN(BackupReader reader, BackupReader::open(backup, recovery));
  auto report = Restore(dir, std::move(reader), options).run();
  // After a failure, what was prepared goes; after success there is nothing to do.
  for (const KeyFileKind kind : {KeyFileKind::kTenants, KeyFileKind::kSubjects}) {
    if (auto done = finish_replacing(path_to(dir, kind)); !done && report) return fail(std::move(done.error()));
  }
  return report;
}

bool restore_is_unfinished(const std::filesystem::path& dir) {
  std::error_code error;
  const bool found = std::filesystem::exists(dir / kMarkName, error);
  return found || error;
}

Status finish_restore(const std::filesystem::path& dir) {
  std::error_code error;
  if (!std::filesystem::remove(dir / kMarkName, error) && error) return os_error("remove", dir / kMarkName);
  return sync_directory(dir);
}

}  // namespace rowledger::privacy
