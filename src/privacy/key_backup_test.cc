#include "privacy/key_backup.h"

#include "privacy/key_ring.h"
#include "privacy/privacy_testing.h"

namespace rowledger::privacy {
namespace {

class KeyBackupTest : public testing::Test {
 protected:
  void SetUp() override {
    auto ring = KeyRing::create(dir.path, master).value();
    a = ring->tenant_key("a").value();
    b = ring->tenant_key("b").value();
    for (int i = 0; i < 40; ++i) ids.push_back(ring->new_subject_key(i % 2 == 0 ? a : b).value());
    ASSERT_TRUE(ring->sync());
    ASSERT_TRUE(ring->destroy(ids[0]));
    const auto written = ring->backup(backup, recovery);
    ASSERT_TRUE(written) << error_of(written);
    for (const KeyId id : ids) expected.push_back(look(*ring, id));
  }

  static std::string look(const KeyRing& ring, KeyId id) {
    SubjectKey key;
    const auto state = ring.find(id, key);
    if (!state) return std::string(to_string(state.error().code));
    if (*state == KeyState::kDestroyed) return "destroyed";
    std::string out;
    key.seal(Nonce{}, "", "value", out);
    return out;
  }
  std::unique_ptr<KeyRing> open(const MasterKey& with) {
    auto ring = KeyRing::open(dir.path, with);
    EXPECT_TRUE(ring) << error_of(ring);
    return ring ? std::move(*ring) : nullptr;
  }
  Result<RestoreReport> restore(const RestoreOptions& options = {}) {
    return restore_keys(dir.path, backup, recovery, options);
  }
  // Reads a backup's bytes from beginning to end.
  Status read_through(std::string_view bytes) const {
    const auto source = [bytes](size_t n) mutable -> Result<std::string> {
      std::string out(bytes.substr(0, n));
      bytes.remove_prefix(out.size());
      return out;
    };
    RL_ASSIGN(BackupReader reader, BackupReader::open(source, recovery));
    for (;;) {
      RL_ASSIGN(const BackupPart part, reader.next());
      if (part.kind == PartKind::kEnd) return {};
    }
  }
  void damage(const std::filesystem::path& path, size_t at) {
    std::string bytes = read_all(path);
    bytes[at] = static_cast<char>(bytes[at] ^ 1);
    write_all(path, bytes);
  }

  TempDir dir, elsewhere;
  const MasterKey master = master_of('m');
  const RecoveryKey recovery = RecoveryKey::generate();
  const std::filesystem::path backup = elsewhere / "keys.backup";
  KeyId a, b;
  std::vector<KeyId> ids;
  std::vector<std::string> expected;
};

TEST_F(KeyBackupTest, EverythingIsBackWhenAllWasLost) {
  TempDir fresh;
  const auto report = restore_keys(fresh.path, backup, recovery);
  ASSERT_TRUE(report) << error_of(report);
  EXPECT_FALSE(report->merged);
  EXPECT_EQ(report->restored, 41U);
  EXPECT_EQ(report->destroyed, 1U);
  EXPECT_EQ(report->master.view(), master.view());
  auto ring = KeyRing::open(fresh.path, report->master).value();
  for (size_t i = 0; i < ids.size(); ++i) EXPECT_EQ(look(*ring, ids[i]), expected[i]);
  EXPECT_EQ(ring->find_tenant("a"), a);
  EXPECT_EQ(ring->new_subject_key(a).value(), subject_key_id(40));
}

TEST_F(KeyBackupTest, DestroyedStaysDestroyed) {
  KeyId later;
  {
    auto ring = open(master);
    ASSERT_TRUE(ring->destroy(ids[7]));
    later = ring->new_subject_key(b).value();
    ASSERT_TRUE(ring->destroy(a));
  }
  damage(dir / "subjects.keys", kHeaderBytes + slot_of(ids[9]) * 64 + 30);
  damage(dir / "subjects.keys", kHeaderBytes + slot_of(ids[11]) * 64);
  const auto report = restore();
  ASSERT_TRUE(report) << error_of(report);
  EXPECT_TRUE(report->merged);
  auto ring = open(report->master);
  EXPECT_EQ(look(*ring, ids[7]), "destroyed");
  EXPECT_EQ(look(*ring, a), "destroyed");
  for (size_t i = 1; i < ids.size(); i += 2) {
    EXPECT_EQ(look(*ring, ids[i]), i == 7 ? "destroyed" : expected[i]) << i;
  }
  for (size_t i = 0; i < ids.size(); i += 2) EXPECT_EQ(look(*ring, ids[i]), "destroyed");
  EXPECT_NE(look(*ring, later), "corrupt");  // newer than the backup, and kept
}

TEST_F(KeyBackupTest, DestroyedStaysDestroyedUnderDamagedHeaders) {
  {
    auto ring = open(master);
    ASSERT_TRUE(ring->destroy(ids[7]));
  }
  damage(dir / "subjects.keys", 20);
  damage(dir / "tenants.keys", 20);
  EXPECT_EQ(KeyRing::open(dir.path, master).error().code, ErrorCode::kCorrupt);
  const auto report = restore();
  ASSERT_TRUE(report) << error_of(report);
  auto ring = open(master);
  EXPECT_EQ(look(*ring, ids[7]), "destroyed");
  EXPECT_EQ(look(*ring, ids[8]), expected[8]);
}

TEST_F(KeyBackupTest, ARestoreIsUnfinishedUntilTheCallerIsThroughWithIt) {
  const RestoreOptions wrong{.present_masters = {master_of('x')}};
  EXPECT_EQ(restore(wrong).error().code, ErrorCode::kPermission);
  EXPECT_FALSE(restore_is_unfinished(dir.path));
  for (int twice = 0; twice < 2; ++twice) {
    const auto done = restore();
    ASSERT_TRUE(done) << error_of(done);
    EXPECT_TRUE(restore_is_unfinished(dir.path));
  }
  // The backup's master key may not have come to its place yet.
  const auto again = restore(wrong);
  ASSERT_TRUE(again) << error_of(again);
  EXPECT_EQ(again->master.view(), master.view());
  ASSERT_TRUE(finish_restore(dir.path));
  EXPECT_FALSE(restore_is_unfinished(dir.path));
  EXPECT_TRUE(finish_restore(dir.path));
  EXPECT_EQ(restore(wrong).error().code, ErrorCode::kPermission);
  EXPECT_EQ(look(*open(master), ids[8]), expected[8]);
}

TEST_F(KeyBackupTest, AfterTheMasterKeyWasChangedAndLost) {
  KeyId c, of_c;
  const MasterKey next = master_of('n');
  {
    auto ring = open(master);
    ASSERT_TRUE(ring->rotate_master(next));
    ASSERT_TRUE(ring->destroy(ids[7]));
    c = ring->tenant_key("c").value();
    of_c = ring->new_subject_key(c).value();
    ASSERT_TRUE(ring->sync());
  }
  // Without the new one, what was made under it would be lost: not without being asked.
  const std::string before = read_all(dir / "tenants.keys");
  EXPECT_EQ(restore().error().code, ErrorCode::kConflict);
  EXPECT_EQ(read_all(dir / "tenants.keys"), before);
  EXPECT_FALSE(std::filesystem::exists(dir / "tenants.keys.new"));
  EXPECT_EQ(restore({.present_masters = {master_of('x')}}).error().code, ErrorCode::kPermission);
  // With it, nothing is.
  const auto with = restore({.present_masters = {next}});
  ASSERT_TRUE(with) << error_of(with);
  EXPECT_EQ(with->master.view(), next.view());
  EXPECT_NE(look(*open(next), of_c), "corrupt");
  // Given up.
  const auto report = restore({.give_up_lost = true});
  ASSERT_TRUE(report) << error_of(report);
  EXPECT_EQ(report->lost, 1U);
  auto ring = open(master);
  EXPECT_EQ(look(*ring, ids[7]), "destroyed");
  EXPECT_EQ(look(*ring, ids[8]), expected[8]);
  EXPECT_EQ(look(*ring, of_c), "destroyed");
}

TEST_F(KeyBackupTest, WhatIsNoBackupOrNotOurs) {
  EXPECT_EQ(restore_keys(dir.path, backup, RecoveryKey::generate()).error().code, ErrorCode::kPermission);
  EXPECT_EQ(restore_keys(dir.path, elsewhere / "none", recovery).error().code, ErrorCode::kNotFound);
  {
    auto ring = open(master);
    EXPECT_EQ(restore().error().code, ErrorCode::kConflict);
    EXPECT_EQ(ring->backup(backup, recovery).error().code, ErrorCode::kConflict);
    EXPECT_TRUE(std::filesystem::exists(backup));
  }
  TempDir other;
  KeyRing::create(other.path, master).value();
  EXPECT_EQ(restore_keys(other.path, backup, recovery).error().code, ErrorCode::kInvalid);
}

TEST_F(KeyBackupTest, EveryAlteredOrMissingByteIsNoticed) {
  const std::string whole = read_all(backup), tenants = read_all(dir / "tenants.keys");
  EXPECT_TRUE(read_through(whole));
  for (size_t i = 0; i < whole.size(); i += i < 400 ? 1 : 7) {
    std::string altered = whole;
    altered[i] = static_cast<char>(altered[i] ^ 4);
    EXPECT_FALSE(read_through(altered)) << i;
    EXPECT_FALSE(read_through(std::string_view(whole).substr(0, i))) << i;
    if (i % 1000 != 99) continue;
    write_all(backup, altered);
    EXPECT_FALSE(restore()) << i;
    write_all(backup, whole.substr(0, i));
    EXPECT_FALSE(restore()) << i;
  }
  EXPECT_EQ(read_all(dir / "tenants.keys"), tenants);
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(dir.path), {}), 3);
}

TEST_F(KeyBackupTest, HoldsNothingInTheClear) {
  const std::string bytes = read_all(backup);
  EXPECT_EQ(bytes.find(std::string(8, 'm')), std::string::npos);
  const std::string slots = read_all(dir / "subjects.keys").substr(kHeaderBytes);
  EXPECT_EQ(bytes.find(slots.substr(64 + 4, 16)), std::string::npos);
  EXPECT_EQ(std::filesystem::status(backup).permissions(),
            std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
}

}  // namespace
}  // namespace rowledger::privacy
