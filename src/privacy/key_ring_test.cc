#include "privacy/key_ring.h"

#include <atomic>
#include <thread>

#include "privacy/privacy_testing.h"

namespace rowledger::privacy {
namespace {

class KeyRingTest : public testing::Test {
 protected:
  std::unique_ptr<KeyRing> create() {
    auto ring = KeyRing::create(dir.path, master);
    EXPECT_TRUE(ring) << error_of(ring);
    return std::move(*ring);
  }
  std::unique_ptr<KeyRing> open(KeyRingOptions options = {}) {
    auto ring = KeyRing::open(dir.path, master, options);
    EXPECT_TRUE(ring) << error_of(ring);
    return ring ? std::move(*ring) : nullptr;
  }
  static std::string sealed(const SubjectKey& key) {
    std::string out;
    key.seal(Nonce{}, "", "value", out);
    return out;
  }
  // What the key seals "value" to, or what find() answered else.
  static std::string look(const KeyRing& ring, KeyId id) {
    SubjectKey key;
    const auto state = ring.find(id, key);
    if (!state) return std::string(to_string(state.error().code));
    return *state == KeyState::kDestroyed ? "destroyed" : sealed(key);
  }
  bool directory_contains(std::string_view bytes) const {
    for (const auto& entry : std::filesystem::recursive_directory_iterator(dir.path)) {
      if (read_all(entry.path()).find(bytes) != std::string::npos) return true;
    }
    return false;
  }
  std::string slot_bytes_of(KeyId id) const {
    const KeyFileKind kind = is_tenant_key(id) ? KeyFileKind::kTenants : KeyFileKind::kSubjects;
    return read_all(dir / file_name(kind)).substr(kHeaderBytes + slot_of(id) * slot_bytes(kind), slot_bytes(kind));
  }

  TempDir dir;
  MasterKey master = master_of('m');
};

TEST_F(KeyRingTest, WhatIsFetchedIsWhatWouldBeFound) {
  std::vector<KeyId> ids;
  std::vector<std::string> expected;
  {
    auto ring = create();
    const KeyId owner = ring->tenant_key("7").value(), other = ring->tenant_key("8").value();
    for (int i = 0; i < 200; ++i) {
      ids.push_back(ring->new_subject_key(i % 3 == 0 ? other : owner).value());
      expected.push_back(look(*ring, ids.back()));
    }
    ASSERT_TRUE(ring->sync());
    for (const size_t destroyed : {0, 17, 18, 199}) {
      ASSERT_TRUE(ring->destroy(ids[destroyed]));
      expected[destroyed] = "destroyed";
    }
  }
  const auto ring = open();
  // Near each other and far, out of order, twice; a tenant's, none, one that there never was.
  ring->fetch({ids[199], ids[17], ids[16], ids[16], ids[0], ids[90], ids[40], ids[56], ids[57],
               ring->find_tenant("7").value(), KeyId{}, subject_key_id(5'000)});
  for (size_t i = 0; i < ids.size(); ++i) EXPECT_EQ(look(*ring, ids[i]), expected[i]) << i;
  ASSERT_TRUE(ring->destroy(ids[16]));
  ring->fetch({ids[15], ids[16]});
  EXPECT_EQ(look(*ring, ids[16]), "destroyed");
  EXPECT_EQ(look(*ring, ids[15]), expected[15]);
}

TEST_F(KeyRingTest, KeysAreTheSameAfterReopening) {
  std::vector<KeyId> ids;
  std::vector<std::string> expected;
  {
    auto ring = create();
    for (const char* tenant : {"", "7", "8"}) {
      const KeyId owner = ring->tenant_key(tenant).value();
      EXPECT_TRUE(is_tenant_key(owner));
      EXPECT_EQ(ring->tenant_key(tenant).value(), owner);
      EXPECT_EQ(ring->find_tenant(tenant), owner);
      ids.push_back(owner);
      for (int i = 0; i < 50; ++i) ids.push_back(ring->new_subject_key(owner).value());
      ASSERT_TRUE(ring->sync());
    }
    for (const KeyId id : ids) expected.emplace_back(look(*ring, id));
  }
  for (const size_t cache_bytes : {size_t{0}, size_t{1} << 20}) {
    auto ring = open({.cache_bytes = cache_bytes});
    for (int twice = 0; twice < 2; ++twice) {
      for (size_t i = 0; i < ids.size(); ++i) EXPECT_EQ(look(*ring, ids[i]), expected[i]) << i;
    }
    EXPECT_EQ(ring->find_tenant("7"), ids[51]);
    EXPECT_EQ(ring->find_tenant("9"), std::nullopt);
    const KeyRingStatus status = ring->status();
    EXPECT_EQ(status.subjects_live, 150U);
    EXPECT_EQ(status.tenants_live, 3U);
    EXPECT_TRUE(ring->reaches(ids.back()));
    EXPECT_TRUE(ring->reaches(KeyId{}));
    EXPECT_EQ(ring->reaches(KeyId{ids.back().value + 2}).error().code, ErrorCode::kCorrupt);
  }
}

TEST_F(KeyRingTest, NewKeysCanBeUsedBeforeTheyAreSynced) {
  auto ring = create();
  const KeyId owner = ring->tenant_key("7").value();
  ring.reset();
  ring = open({.cache_bytes = 0});  // the cache holds eight
  SubjectKey key;
  std::vector<std::pair<KeyId, std::string>> made;
  for (int i = 0; i < 20'000; ++i) {  // more than are kept in memory before they are written
    const KeyId id = ring->new_subject_key(owner, key).value();
    if (i % 100 == 0) made.emplace_back(id, sealed(key));
  }
  for (const auto& [id, expected] : made) EXPECT_EQ(look(*ring, id), expected);
  ASSERT_TRUE(ring->sync());
  for (const auto& [id, expected] : made) EXPECT_EQ(look(*ring, id), expected);
}

TEST_F(KeyRingTest, UnknownKeysAreCorrupt) {
  auto ring = create();
  const KeyId owner = ring->tenant_key("").value();
  for (const uint64_t value : {0ULL, 2ULL, 3ULL, 1'000'000ULL, ~0ULL, ~0ULL - 1}) {
    EXPECT_EQ(look(*ring, KeyId{value}), "corrupt") << value;
  }
  EXPECT_EQ(ring->new_subject_key(KeyId{2}).error().code, ErrorCode::kInvalid);
  EXPECT_EQ(ring->new_subject_key(KeyId{owner.value + 2}).error().code, ErrorCode::kInvalid);
  EXPECT_EQ(ring->destroy(KeyId{2}).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(ring->destroy(KeyId{}).error().code, ErrorCode::kNotFound);
}

TEST_F(KeyRingTest, DestroyedKeysAreNowhereInTheDirectory) {
  auto ring = create();
  const KeyId owner = ring->tenant_key("7").value();
  std::vector<KeyId> ids;
  ids.reserve(10);
  for (int i = 0; i < 10; ++i) ids.push_back(ring->new_subject_key(owner).value());
  ASSERT_TRUE(ring->sync());

  const std::string header = read_all(dir / "tenants.keys").substr(0, kHeaderBytes);
  const RingId ring_id = decode_header(KeyFileKind::kTenants, header).value().ring_id;
  DataKey tenant_secret, secret;
  ASSERT_TRUE(unwrap(decode_tenant_slot(slot_bytes_of(owner)).value(), slot_of(owner), ring_id, master, tenant_secret));
  const SubjectSlot slot = decode_subject_slot(slot_bytes_of(ids[4])).value();
  ASSERT_TRUE(unwrap(slot, slot_of(ids[4]), ring_id, wrap_key_of(tenant_secret), secret));
  const std::string wrapped(slot.key.data() + kNonceBytes, kKeyBytes);
  EXPECT_TRUE(directory_contains(wrapped));

  ASSERT_TRUE(ring->destroy(ids[4]));
  EXPECT_EQ(look(*ring, ids[4]), "destroyed");
  EXPECT_FALSE(directory_contains(wrapped));
  EXPECT_FALSE(directory_contains(std::string_view(wrapped).substr(0, 8)));
  EXPECT_FALSE(directory_contains(std::string_view(wrapped).substr(24)));
  EXPECT_FALSE(directory_contains(secret.view()));
  EXPECT_EQ(slot_bytes_of(ids[4]), destroyed_slot(KeyFileKind::kSubjects));
  EXPECT_TRUE(ring->destroy(ids[4]));
  EXPECT_EQ(ring->status().subjects_live, 9U);
  EXPECT_EQ(ring->status().subjects_destroyed, 1U);

  const std::string neighbour = look(*ring, ids[5]);
  ring.reset();
  ring = open();
  EXPECT_EQ(look(*ring, ids[4]), "destroyed");
  EXPECT_EQ(look(*ring, ids[5]), neighbour);
  EXPECT_EQ(ring->status().subjects_destroyed, 1U);
  // Its place is not given out again.
  EXPECT_EQ(ring->new_subject_key(owner).value(), subject_key_id(10));
}

TEST_F(KeyRingTest, DestroyingAKeyThatIsNotSyncedYet) {
  auto ring = create();
  const KeyId id = ring->new_subject_key(ring->tenant_key("").value()).value();
  ASSERT_TRUE(ring->destroy(id));
  EXPECT_EQ(look(*ring, id), "destroyed");
  ring.reset();
  EXPECT_EQ(look(*open(), id), "destroyed");
}

TEST_F(KeyRingTest, DestroyingATenantDestroysItsSubjects) {
  auto ring = create();
  const KeyId a = ring->tenant_key("a").value(), b = ring->tenant_key("b").value();
  const KeyId of_a = ring->new_subject_key(a).value(), of_b = ring->new_subject_key(b).value();
  ASSERT_TRUE(ring->sync());
  const std::string kept = look(*ring, of_b), wrapped = slot_bytes_of(a).substr(48, 32);
  ASSERT_TRUE(ring->destroy(a));
  for (int twice = 0; twice < 2; ++twice) {
    EXPECT_EQ(look(*ring, a), "destroyed");
    EXPECT_EQ(look(*ring, of_a), "destroyed");
    EXPECT_EQ(look(*ring, of_b), kept);
    EXPECT_EQ(ring->find_tenant("a"), std::nullopt);
    EXPECT_EQ(ring->new_subject_key(a).error().code, ErrorCode::kConflict);
    EXPECT_EQ(ring->status().subjects_live, 1U);
    EXPECT_EQ(ring->status().subjects_destroyed, 1U);
    EXPECT_EQ(ring->status().tenants_destroyed, 1U);
    EXPECT_FALSE(directory_contains(wrapped));
    ring.reset();
    ring = open();
  }
  EXPECT_TRUE(ring->destroy(a));
  EXPECT_TRUE(ring->destroy(of_a));
  EXPECT_EQ(ring->status().subjects_destroyed, 1U);
  const KeyId again = ring->tenant_key("a").value();
  EXPECT_NE(again, a);
  EXPECT_EQ(look(*ring, of_a), "destroyed");
}

TEST_F(KeyRingTest, WrongMasterKeyIsToldFromDamage) {
  create()->tenant_key("7").value();
  EXPECT_EQ(KeyRing::open(dir.path, master_of('n')).error().code, ErrorCode::kPermission);
  TempDir empty;
  EXPECT_EQ(KeyRing::open(empty.path, master).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(KeyRing::create(dir.path, master).error().code, ErrorCode::kConflict);

  const std::string tenants = read_all(dir / "tenants.keys");
  std::string damaged = tenants;
  damaged[40] = static_cast<char>(damaged[40] ^ 1);
  write_all(dir / "tenants.keys", damaged);
  EXPECT_EQ(KeyRing::open(dir.path, master).error().code, ErrorCode::kCorrupt);
  damaged = tenants;
  damaged[kHeaderBytes + 60] = static_cast<char>(damaged[kHeaderBytes + 60] ^ 1);
  write_all(dir / "tenants.keys", damaged);
  EXPECT_EQ(KeyRing::open(dir.path, master).error().code, ErrorCode::kCorrupt);
  // Looking at it has not made it worse.
  write_all(dir / "tenants.keys", tenants);
  EXPECT_TRUE(open());
}

TEST_F(KeyRingTest, ADamagedSlotConcernsItsKeyOnly) {
  KeyId first, second;
  {
    auto ring = create();
    const KeyId owner = ring->tenant_key("7").value();
    first = ring->new_subject_key(owner).value();
    second = ring->new_subject_key(owner).value();
    ASSERT_TRUE(ring->sync());
  }
  std::string bytes = read_all(dir / "subjects.keys");
  bytes[kHeaderBytes + 30] = static_cast<char>(bytes[kHeaderBytes + 30] ^ 1);
  write_all(dir / "subjects.keys", bytes);
  auto ring = open();
  EXPECT_EQ(look(*ring, first), "corrupt");
  EXPECT_NE(look(*ring, second), "corrupt");
}

TEST_F(KeyRingTest, OneProcessAtATime) {
  auto ring = create();
  EXPECT_EQ(KeyRing::open(dir.path, master).error().code, ErrorCode::kConflict);
  ring.reset();
  EXPECT_TRUE(open());
}

TEST_F(KeyRingTest, FilesOfTwoRingsDoNotMix) {
  create();
  TempDir other;
  KeyRing::create(other.path, master).value();
  write_all(dir / "subjects.keys", read_all(other / "subjects.keys"));
  EXPECT_EQ(KeyRing::open(dir.path, master).error().code, ErrorCode::kCorrupt);
}

TEST_F(KeyRingTest, ACreationThatBrokeOffCanBeRepeated) {
  create();
  std::filesystem::remove(dir / "tenants.keys");
  EXPECT_TRUE(create());
}

TEST_F(KeyRingTest, RotationChangesTheMasterKeyAndNothingElse) {
  auto ring = create();
  const KeyId a = ring->tenant_key("a").value(), b = ring->tenant_key("b").value();
  const KeyId of_a = ring->new_subject_key(a).value();
  ASSERT_TRUE(ring->sync());
  ASSERT_TRUE(ring->destroy(b));
  const std::string expected = look(*ring, of_a), subjects = read_all(dir / "subjects.keys");
  const std::string old_wrapped = slot_bytes_of(a).substr(48, 32);
  std::filesystem::create_hard_link(dir / "tenants.keys", dir / "witness");

  const MasterKey next = master_of('n');
  ASSERT_TRUE(ring->rotate_master(next));
  EXPECT_EQ(read_all(dir / "subjects.keys"), subjects);
  EXPECT_EQ(read_all(dir / "witness"), std::string(std::filesystem::file_size(dir / "witness"), '\0'));
  EXPECT_FALSE(directory_contains(old_wrapped));
  EXPECT_FALSE(std::filesystem::exists(dir / "tenants.keys.old") || std::filesystem::exists(dir / "tenants.keys.new"));
  const KeyId c = ring->tenant_key("c").value();  // goes on under the new key
  ring.reset();

  EXPECT_EQ(KeyRing::open(dir.path, master).error().code, ErrorCode::kPermission);
  master = next;
  ring = open();
  EXPECT_EQ(look(*ring, of_a), expected);
  EXPECT_EQ(look(*ring, b), "destroyed");
  EXPECT_EQ(ring->find_tenant("c"), c);
}

TEST_F(KeyRingTest, ReadersGoOnDuringEverything) {
  auto ring = create();
  const KeyId owner = ring->tenant_key("a").value();
  std::vector<KeyId> ids;
  ids.reserve(200);
  for (int i = 0; i < 200; ++i) ids.push_back(ring->new_subject_key(owner).value());
  ASSERT_TRUE(ring->sync());
  ring.reset();
  ring = open({.cache_bytes = 20'000});  // most lookups miss
  std::vector<std::string> expected;
  expected.reserve(ids.size());
  for (const KeyId id : ids) expected.push_back(look(*ring, id));

  std::atomic<bool> stop = false;
  std::atomic<uint64_t> looks = 0;
  std::vector<std::thread> readers;
  for (size_t reader = 0; reader < 3; ++reader) {
    readers.emplace_back([&, reader] {
      for (size_t i = reader; !stop; i = (i + 7) % ids.size()) {
        const std::string seen = look(*ring, ids[i]);
        EXPECT_TRUE(seen == expected[i] || (i % 10 == 0 && seen == "destroyed")) << seen;
        EXPECT_TRUE(ring->find_tenant("a"));
        ++looks;
      }
    });
  }
  for (int round = 0; round < 20; ++round) {
    ASSERT_TRUE(ring->rotate_master(master_of(static_cast<char>('A' + round))));
    ASSERT_TRUE(ring->destroy(ids[static_cast<size_t>(round) * 10]));
    EXPECT_EQ(look(*ring, ids[static_cast<size_t>(round) * 10]), "destroyed");
    ASSERT_TRUE(ring->new_subject_key(owner));
    ASSERT_TRUE(ring->sync());
    ASSERT_TRUE(ring->tenant_key("new " + std::to_string(round)));
    for (const uint64_t seen = looks; looks < seen + 20;) std::this_thread::yield();
  }
  stop = true;
  for (auto& reader : readers) reader.join();
  for (size_t i = 0; i < ids.size(); i += 10) EXPECT_EQ(look(*ring, ids[i]), "destroyed");
}

}  // namespace
}  // namespace rowledger::privacy
