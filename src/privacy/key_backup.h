#pragma once
// A backup of the keys: one file that holds the master key and both key files' slots, sealed by a recovery key, and is
// of use without anything else (docs/format/keys.md). KeyRing::backup() writes one, restore_keys() reads it.
//
// What was destroyed stays destroyed: restoring merges. A slot that is destroyed in the key files that are there, or in
// the backup, is destroyed afterwards. Only a slot that is lost or damaged itself comes from the backup, and only such
// a slot may have been destroyed after the backup was made without anything here telling so. Hence: after a restore,
// the caller destroys again what the log's erase entries name; until it says so, also after a crash, the ring counts as
// unfinished and nobody else may use it. And a backup must not be kept longer than an erased value may live.
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "privacy/key_file.h"
#include "privacy/private_file.h"

namespace rowledger::privacy {

struct RestoreOptions {
  // The master key of the key files that are there, when it is not lost. Then it stays the master key. Two where a
  // change of it was broken off: the one that fits is taken.
  std::vector<MasterKey> present_masters;
  // Keys that are neither in the backup nor readable here are lost: agree to count them as destroyed.
  bool give_up_lost = false;
  // How many slots the log is known to use of each file: what there is not of them is lost, too. A number of a lost key
  // is never given to another.
  uint64_t used_tenants = 0, used_subjects = 0;
};

// When the backup was made. kPermission, kCorrupt as restore_keys().
Result<Timestamp> backup_made_at(const std::filesystem::path& backup, const RecoveryKey& recovery);

struct RestoreReport {
  MasterKey master;  // opens the ring from now on
  Timestamp made_at;
  bool merged = false;  // there were key files
  // Slots of both files: as they were here; out of the backup; destroyed before; given up.
  uint64_t kept = 0, restored = 0, destroyed = 0, lost = 0;
};

// No ring may be open in `dir` (kConflict). kPermission: the recovery key does not open the backup, or none of
// present_masters fits (nor the backup's, where a restore that broke off has put it). kCorrupt: the backup is damaged.
// kInvalid: it is of another installation. kConflict: keys would be lost, and give_up_lost was not set; nothing was
// changed. May be repeated, as long as restore_is_unfinished().
Result<RestoreReport> restore_keys(const std::filesystem::path& dir, const std::filesystem::path& backup,
                                   const RecoveryKey& recovery, const RestoreOptions& options = {});

// From before restore_keys() puts the first file in place, until finish_restore(): what was erased since the backup was
// made may be readable again.
bool restore_is_unfinished(const std::filesystem::path& dir);
Status finish_restore(const std::filesystem::path& dir);

// ---- The format ----

inline constexpr uint8_t kBackupVersion = 1;
inline constexpr size_t kBackupHeaderBytes = 64;
inline constexpr size_t kMaxPartBytes = (1 << 20) + 64;  // a part's plain text

enum class PartKind : uint8_t { kManifest = 1, kTenants = 2, kSubjects = 3, kEnd = 4 };

struct BackupManifest {
  RingId ring_id{};
  MasterKey master;
  Timestamp made_at;
  uint64_t tenants = 0, subjects = 0;  // slots that follow
};

struct BackupPart {
  PartKind kind = PartKind::kEnd;
  BackupManifest manifest;  // of kManifest
  uint64_t first_slot = 0;  // of kTenants, kSubjects
  std::string_view slots;   // views the part's bytes
};
std::string encode_part(const BackupPart& part);
Result<BackupPart> decode_part(std::string_view bytes);

class BackupWriter {
 public:
  // A new file of mode 0600.
  static Result<BackupWriter> create(const std::filesystem::path& path, const RecoveryKey& recovery);
  // The manifest first, then the slots of both files in ascending order.
  Status add(const BackupPart& part);
  // Adds the end, syncs, reads all of it back and compares.
  Status finish(const RecoveryKey& recovery);

 private:
  BackupWriter(PrivateFile file, std::string header, const WrapKey& key);
  PrivateFile file_;
  std::string header_;
  WrapKey key_;
  uint64_t parts_ = 0, offset_ = 0;
  Digest digest_{};  // of all parts so far
};

class BackupReader {
 public:
  // Reads n bytes, or fewer at the end.
  using Source = std::function<Result<std::string>(size_t n)>;
  static Result<BackupReader> open(Source source, const RecoveryKey& recovery);
  static Result<BackupReader> open(const std::filesystem::path& path, const RecoveryKey& recovery);
  // The next part; it is valid until the next call. After kEnd there is nothing more. kPermission for the first part
  // that does not open, kCorrupt for later ones, for parts out of order, and when the end is missing.
  Result<BackupPart> next();
  const Digest& digest() const { return digest_; }

 private:
  BackupReader(Source source, std::string header, const WrapKey& key);
  Source source_;
  std::string header_;
  WrapKey key_;
  std::string part_;
  uint64_t parts_ = 0;
  uint64_t next_tenant_ = 0, next_subject_ = 0;
  BackupManifest manifest_;
  Digest digest_{};
};

}  // namespace rowledger::privacy
