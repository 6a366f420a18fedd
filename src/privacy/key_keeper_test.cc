#include "privacy/key_keeper.h"

#include <thread>
#include <vector>

#include "privacy/master_key.h"
#include "privacy/privacy_testing.h"

namespace rowledger::privacy {
namespace {

TEST(KeyKeeper, RotationsThatAreAskedForAtOnceComeOneAfterTheOther) {
  const TempDir dir;
  const auto file = dir / "master.key";
  const MasterKey first = generate_master_key(file).value();
  std::filesystem::create_directory(dir / "keys");
  {
    const auto ring = KeyRing::create(dir / "keys", first).value();
    ASSERT_TRUE(ring->tenant_key("7"));
    KeyKeeper keeper(*ring, file);
    std::vector<std::thread> all;
    all.reserve(4);
    for (int i = 0; i < 4; ++i) {
      all.emplace_back([&] {
        for (int turn = 0; turn < 10; ++turn) {
          const Status done = keeper.rotate();
          EXPECT_TRUE(done) << error_of(done);
        }
      });
    }
    for (std::thread& each : all) each.join();
  }
  EXPECT_FALSE(std::filesystem::exists(dir / "master.key.new"));
  const auto last = read_master_key(file);
  ASSERT_TRUE(last) << error_of(last);
  const auto ring = KeyRing::open(dir / "keys", *last);
  EXPECT_TRUE(ring) << error_of(ring);
}

class MasterKeyExchange : public testing::Test {
 protected:
  void SetUp() override {
    std::filesystem::create_directory(keys);
    first = generate_master_key(file).value();
    KeyRing::create(keys, first).value()->tenant_key("7").value();
  }
  std::filesystem::path beside(const char* ending) const { return file.string() + ending; }
  void expect_settled(const MasterKey& key) const {
    EXPECT_EQ(read_master_key(file).value().view(), key.view());
    EXPECT_FALSE(std::filesystem::exists(beside(".new")) || std::filesystem::exists(beside(".old")));
    const auto ring = KeyRing::open(keys, key);
    EXPECT_TRUE(ring) << error_of(ring);
  }

  const TempDir dir;
  const std::filesystem::path file = dir / "master.key", keys = dir / "keys";
  MasterKey first;
};

TEST_F(MasterKeyExchange, AChangeThatFailedAfterTheRingTookTheKeyIsEndedByTheNext) {
  using std::filesystem::perms;
  MasterKey in_use;
  {
    const auto ring = KeyRing::open(keys, first).value();
    KeyKeeper keeper(*ring, file);
    // What overwrites the former file refuses one that others may read.
    std::filesystem::permissions(keys / "tenants.keys", perms::others_read, std::filesystem::perm_options::add);
    EXPECT_FALSE(keeper.rotate());
    in_use = read_master_key(beside(".new")).value();
    EXPECT_FALSE(keeper.rotate());
    EXPECT_EQ(read_master_key(beside(".new")).value().view(), in_use.view()) << "the only place where it is";
    std::filesystem::permissions(keys / "tenants.keys.old", perms::owner_read | perms::owner_write);
    const Status done = keeper.rotate();
    EXPECT_TRUE(done) << error_of(done);
  }
  const MasterKey last = read_master_key(file).value();
  EXPECT_NE(last.view(), in_use.view());
  expect_settled(last);
}

TEST_F(MasterKeyExchange, AKeyThatTheRingDidNotTakeIsRemoved) {
  generate_master_key(beside(".new")).value();
  {
    const auto ring = KeyRing::open(keys, first).value();
    EXPECT_TRUE(KeyKeeper(*ring, file).rotate());
  }
  expect_settled(read_master_key(file).value());
  write_all(beside(".new"), "half a k");
  {
    const auto ring = KeyRing::open(keys, read_master_key(file).value()).value();
    EXPECT_TRUE(KeyKeeper(*ring, file).rotate());
  }
  expect_settled(read_master_key(file).value());
}

TEST_F(MasterKeyExchange, AnExchangeThatEndedBetweenItsLinkAndItsRenameIsEnded) {
  for (const bool old_is_another_file : {false, true}) {
    const MasterKey present = read_master_key(file).value(), next = generate_master_key(beside(".new")).value();
    ASSERT_TRUE(KeyRing::open(keys, present).value()->rotate_master(next));
    if (old_is_another_file) {
      write_all(beside(".old"), "of an exchange before");
    } else {
      std::filesystem::create_hard_link(file, beside(".old"));
    }
    const auto ring = open_ring_to_write(keys, file);
    EXPECT_TRUE(ring) << error_of(ring);
  }
  expect_settled(read_master_key(file).value());
}

TEST_F(MasterKeyExchange, ARestoreFindsTheKeyThatAChangeLeft) {
  const RecoveryKey recovery = RecoveryKey::generate();
  const MasterKey next = generate_master_key(beside(".new")).value();
  {
    const auto ring = KeyRing::open(keys, first).value();
    ASSERT_TRUE(ring->backup(dir / "backup", recovery));
    ASSERT_TRUE(ring->rotate_master(next));
  }
  std::filesystem::create_hard_link(file, beside(".old"));
  const auto restored = restore_keys(keys, dir / "backup", recovery, {.present_masters = present_master_keys(file)});
  ASSERT_TRUE(restored) << error_of(restored);
  EXPECT_EQ(restored->master.view(), next.view());
  ASSERT_TRUE(put_master_key(file, restored->master));
  expect_settled(next);
}

}  // namespace
}  // namespace rowledger::privacy
