// tests/golden/keys: a ring and its backup as format 1 wrote them. They must be read for as long as format 1 is.
// Made once with ROWLEDGER_MAKE_GOLDEN_KEYS=1.
#include <cstdlib>

#include "privacy/key_backup.h"
#include "privacy/key_ring.h"
#include "privacy/master_key.h"
#include "privacy/privacy_testing.h"

namespace rowledger::privacy {
namespace {

const std::filesystem::path kGolden = "tests/golden/keys";
const std::string kRecoveryHex(64, '7');

std::string salt_of(const KeyRing& ring, KeyId id) {
  SubjectKey key;
  const auto state = ring.find(id, key);
  if (!state) return error_of(state);
  return *state == KeyState::kDestroyed ? "destroyed" : to_hex(as_view(key.salt(Seq{42})));
}

// Every key's id and its salt for entry 42, a line each.
std::string describe(const KeyRing& ring) {
  std::string out;
  for (uint64_t slot = 0; slot < 3; ++slot) {
    const KeyId id = tenant_key_id(slot);
    out += std::to_string(id.value) + " " + salt_of(ring, id) + "\n";
  }
  for (uint64_t slot = 0; slot < 6; ++slot) {
    const KeyId id = subject_key_id(slot);
    out += std::to_string(id.value) + " " + salt_of(ring, id) + "\n";
  }
  return out;
}

void make_golden() {
  std::filesystem::create_directories(kGolden);
  auto ring = KeyRing::create(kGolden, master_of('m')).value();
  for (const char* tenant : {"", "7", "gone"}) {
    const KeyId owner = ring->tenant_key(tenant).value();
    ring->new_subject_key(owner).value();
    ring->new_subject_key(owner).value();
  }
  ASSERT_TRUE(ring->destroy(subject_key_id(1)));
  ASSERT_TRUE(ring->destroy(tenant_key_id(2)));
  ASSERT_TRUE(ring->backup(kGolden / "keys.backup", parse_recovery_key(kRecoveryHex).value()));
  write_all(kGolden / "salts.txt", describe(*ring));
  ring.reset();
  std::filesystem::remove(kGolden / kKeyLockName);
}

TEST(KeyGolden, FilesOfFormat1AreRead) {
  if (std::getenv("ROWLEDGER_MAKE_GOLDEN_KEYS") != nullptr) make_golden();
  TempDir dir;
  for (const KeyFileKind kind : {KeyFileKind::kTenants, KeyFileKind::kSubjects}) {
    write_all(dir / file_name(kind), read_all(kGolden / file_name(kind)));
  }
  const auto ring = KeyRing::open(dir.path, master_of('m'));
  ASSERT_TRUE(ring) << error_of(ring);
  EXPECT_EQ(describe(**ring), read_all(kGolden / "salts.txt"));
  EXPECT_EQ((*ring)->find_tenant("7"), tenant_key_id(1));
}

TEST(KeyGolden, FilesOfFormat1AreWrittenAsTheyWere) {
  for (const KeyFileKind kind : {KeyFileKind::kTenants, KeyFileKind::kSubjects}) {
    const std::string bytes = read_all(kGolden / file_name(kind));
    const KeyFileHeader header = decode_header(kind, bytes).value();
    std::string again = encode_header(kind, header);
    for (const size_t at : kMarkOffsets) again.replace(at, kMarkBytes, bytes, at, kMarkBytes);
    for (size_t at = kHeaderBytes; at < bytes.size(); at += slot_bytes(kind)) {
      const std::string slot = bytes.substr(at, slot_bytes(kind));
      if (state_of_slot(slot) == SlotState::kDestroyed) {
        again += destroyed_slot(kind);
      } else if (kind == KeyFileKind::kTenants) {
        encode_slot(decode_tenant_slot(slot).value(), again);
      } else {
        encode_slot(decode_subject_slot(slot).value(), again);
      }
    }
    EXPECT_EQ(again, bytes);
  }
}

TEST(KeyGolden, BackupOfFormat1IsRestored) {
  TempDir dir;
  const auto report = restore_keys(dir.path, kGolden / "keys.backup", parse_recovery_key(kRecoveryHex).value());
  ASSERT_TRUE(report) << error_of(report);
  const auto ring = KeyRing::open(dir.path, report->master).value();
  EXPECT_EQ(describe(*ring), read_all(kGolden / "salts.txt"));
}

}  // namespace
}  // namespace rowledger::privacy
