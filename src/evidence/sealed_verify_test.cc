// What a sealed log has beyond one in clear: nobody without the keys puts values of his own into it, or takes some
// away, unnoticed.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/bytes.h"
#include "evidence/evidence_testing.h"
#include "store/bundle.h"
#include "store/compression.h"
#include "store/sealing.h"
#include "store/store_keys.h"

namespace rowledger::evidence {
namespace {

using store::Database;
using store::Family;
using store::testing::Workload;
using ::testing::HasSubstr;
using testing::put;
using testing::records_of;
using testing::TestLog;

class SealedVerifyTest : public ::testing::Test {
 protected:
  void SetUp() override {
    log_.open();
    log_.grow_to(workload_, 600);
  }

  // One that is there.
  const store::RowState& some_row() const {
    return std::ranges::find_if(workload_.rows, [](const auto& row) { return !row.second.deleted; })->second;
  }
  privacy::KeyId key_of(Seq seq) {
    privacy::KeyId out;
    EXPECT_TRUE(log_.store().scan_keys({seq, {seq.value + 1}}, [&](Seq, privacy::KeyId key) { out = key; }));
    return out;
  }
  std::string complaint() { return TestLog::complaint_of(log_.verify()); }

  TestLog log_{true};
  Workload workload_{8, Workload::Options()};
};

TEST_F(SealedVerifyTest, ADestroyedKeyThatNoEntryTellsOf) {
  const Seq seq = some_row().newest;
  const privacy::KeyId key = key_of(seq);
  ASSERT_TRUE(log_.keys()->destroy(key).has_value());
  const VerifyReport report = log_.verify();
  ASSERT_FALSE(report.ok());
  ASSERT_TRUE(report.findings[0].seq.has_value());
  EXPECT_EQ(key_of(*report.findings[0].seq), key);
  EXPECT_THAT(report.findings[0].what, HasSubstr("no entry says that they were erased"));
  EXPECT_EQ(report.findings_total, report.values_erased);

  log_.append_erase_entry(R"({"reason":"retention","keys":[)" + std::to_string(key.value + 1'000) + "]}");
  EXPECT_NE(complaint(), "") << "another key";
  log_.append_erase_entry(R"({"reason":"retention","keys":[5,)" + std::to_string(key.value) + "]}");
  EXPECT_EQ(complaint(), "");
  // The entry comes after those that it is about.
  EXPECT_TRUE(log_.verify({.since = seq}).ok());
}

TEST_F(SealedVerifyTest, ALostKeyIsToldOfByTheStoreUntilTheLogDoes) {
  const privacy::KeyId key = key_of(some_row().newest);
  ASSERT_TRUE(log_.keys()->destroy(key).has_value());
  ASSERT_TRUE(log_.store().note_lost_keys({key}).has_value());
  EXPECT_EQ(log_.store().lost_keys(), std::vector<privacy::KeyId>{key});
  EXPECT_EQ(complaint(), "");
}

// Other columns than those that the newest entry names: only the seal tells that they are as they were.
TEST_F(SealedVerifyTest, ARowInClearIsNotTheOneThatWasSealed) {
  log_.close();
  log_.open();  // what is in memory goes to the database
  std::string stored_key;
  store::RowState row;
  log_.alter([&](Database& database) {
    for (const auto& [at, value] : records_of(database, Family::kState)) {
      if (at == store::kAppliedKey) continue;
      const auto view = store::view_row(value);
      if (view && !view->image.empty()) stored_key = at, row = view->head;
    }
    ASSERT_FALSE(stored_key.empty());
  });
  log_.open();
  const auto known = log_.store().row({ByteReader(stored_key).u32()}, std::string_view(stored_key).substr(4));
  ASSERT_TRUE(known.has_value() && known->has_value());
  row.image = (*known)->image;
  std::string forged(store::max_row_bytes(row), '\0');
  forged.resize(store::encode_row(row, privacy::KeyId{}, forged.data()));
  log_.alter([&](Database& database) { put(database, Family::kState, stored_key, forged); });
  log_.open();
  EXPECT_THAT(complaint(), HasSubstr("is not sealed with the key that seals the entry"));
}

// An earlier image of the same row, which the same key has sealed.
TEST_F(SealedVerifyTest, AnOlderImageDoesNotOpenInANewerRow) {
  log_.close();
  log_.open();
  testing::Records before;
  log_.alter([&](Database& database) { before = records_of(database, Family::kState); });
  log_.open();
  log_.grow_to(workload_, 1'200);
  log_.close();
  bool replaced = false;
  log_.alter([&](Database& database) {
    const auto now = records_of(database, Family::kState);
    for (const auto& [at, value] : now) {
      const auto was = std::ranges::find(before, at, &testing::Records::value_type::first);
      if (at == store::kAppliedKey || was == before.end()) continue;
      const auto newer = store::view_row(value), older = store::view_row(was->second);
      if (newer->head.newest == older->head.newest || newer->head.key != older->head.key || newer->image.empty() ||
          older->image.empty() || replaced)
        continue;
      store::RowState row = newer->head;
      row.image = older->image;
      std::string forged(store::max_row_bytes(row), '\0');
      forged.resize(store::encode_row(row, row.key, forged.data()));
      put(database, Family::kState, at, forged);
      replaced = true;
    }
  });
  ASSERT_TRUE(replaced);
  log_.open();
  EXPECT_THAT(complaint(), HasSubstr("do not open"));
}

// The frames say who it was. Those of erased entries have no commitment to hold them.
TEST_F(SealedVerifyTest, FramesInClearCannotStandForSealedOnes) {
  std::string first_key, forged;
  const store::Sealing sealing(log_.keys(), true, log_.options().salt_key);
  log_.alter([&](Database& database) {
    const auto records = records_of(database, Family::kBodies);
    for (const auto& [at, value] : records)
      if (at.size() == 8 && first_key.empty()) first_key = at, forged = value;
  });
  ASSERT_FALSE(first_key.empty());
  ByteReader reader(forged);
  const std::string head(reader.raw(11));
  std::string_view rest = reader.rest();
  const auto section = sealing.open_section({0}, rest);
  ASSERT_TRUE(section.has_value() && section->has_value());
  std::string altered = head;
  ByteWriter writer(altered);
  writer.varint(0);
  writer.string((*section)->bytes);
  altered.append(rest);
  log_.alter([&](Database& database) { put(database, Family::kBodies, first_key, altered); });
  EXPECT_THAT(log_.complaint(), HasSubstr("its frames are in clear"));
}

// Whoever only reads opens the log all the same, although what is not full yet is indexed when it is opened.
TEST_F(SealedVerifyTest, DamageIsNamedByItsEntryAndTheOthersAreStillThere) {
  log_.alter([&](Database& database) {
    for (auto [at, value] : records_of(database, Family::kBodies)) {
      if (ByteReader(at).u64() != store::kBundleEntries) continue;
      value[value.size() - 5] = static_cast<char>(value[value.size() - 5] ^ 1);  // of the last entry's values
      put(database, Family::kBodies, at, value);
    }
  });
  const uint64_t damaged = 2 * store::kBundleEntries - 1;
  const auto to_write = log_.try_open();
  ASSERT_FALSE(to_write.has_value());
  EXPECT_THAT(to_write.error().message, HasSubstr("entry " + std::to_string(damaged) + " cannot be read"));
  const auto opened = log_.try_open(true);
  ASSERT_TRUE(opened.has_value()) << opened.error().message;
  const VerifyReport report = log_.verify(**opened);
  ASSERT_FALSE(report.ok());
  EXPECT_EQ(report.findings[0].seq, Seq{damaged});
  EXPECT_EQ(report.values, report.entries - 1);
}

}  // namespace
}  // namespace rowledger::evidence
