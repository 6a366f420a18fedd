#pragma once
// What a person does with an installation's keys as a whole: backing them up, and changing the master key, while the
// ring is in use. Any thread.
#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "privacy/key_ring.h"

namespace rowledger::privacy {

// Opens the ring with the master key in the file; or, when a change of the master key was broken off by a crash, with
// the new one beside it, in "<file>.new".
Result<std::unique_ptr<KeyRing>> open_ring(const std::filesystem::path& directory,
                                           const std::filesystem::path& master_key_file);
// The same for the one who writes: he also ends that change, or takes back what was never used.
Result<std::unique_ptr<KeyRing>> open_ring_to_write(const std::filesystem::path& directory,
                                                    const std::filesystem::path& master_key_file);

// The key in the file, and the one beside it: one of them is the present one, if any can be read.
std::vector<MasterKey> present_master_keys(const std::filesystem::path& file);

// Puts the key, which must be the ring's, in the file's place, or makes the file; what was there is overwritten. A
// crash leaves one of the two.
Status put_master_key(const std::filesystem::path& file, const MasterKey& key);

class KeyKeeper {
 public:
  // master_key_file: empty when a command gives the master key.
  KeyKeeper(KeyRing& ring, std::filesystem::path master_key_file)
      : ring_(ring), master_key_file_(std::move(master_key_file)) {}

  KeyRingStatus status() const { return ring_.status(); }
  bool has_file() const { return !master_key_file_.empty(); }

  // kConflict when there is such a file.
  Status backup(const std::filesystem::path& file, const RecoveryKey& recovery) { return ring_.backup(file, recovery); }

  // Draws a new master key and puts it in the file's place; the old one is overwritten. kInvalid without a file. After
  // another error either of the two keys may be in use, and lies in the file or beside it: do it again.
  Status rotate();
  // To a key that is safe already where the command takes it from. kInvalid with a file.
  Status rotate_to(const MasterKey& next);

 private:
  KeyRing& ring_;
  const std::filesystem::path master_key_file_;
  std::mutex rotating_;  // another would take the new key, which the ring has already and the file not yet, for unused
};

}  // namespace rowledger::privacy
