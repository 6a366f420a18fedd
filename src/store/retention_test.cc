// What is older than the rules say is erased, and nothing else.
#include <gtest/gtest.h>

#include <map>

#include "store/rocksdb_store.h"
#include "store/store_testing.h"

namespace rowledger::store {
namespace {

using testing::TempDirectory;
using testing::Workload;

constexpr uint32_t kPeriodDays = 30;

class RetentionTest : public ::testing::Test {
 protected:
  RetentionTest() {
    StoreOptions options;
    options.directory = directory_.path() / "store";
    options.keys = keys_.get();
    options.salt_key = "salt";
    options.key_period_days = kPeriodDays;
    auto opened = open_rocksdb_store(options);
    EXPECT_TRUE(opened);
    store_ = std::move(*opened);
    today_ = static_cast<uint32_t>(Timestamp::now().us / 86'400'000'000);
  }

  void write(size_t entries) {
    while (workload_.seq < entries) {
      Batch batch;
      workload_.next(batch);
      ASSERT_TRUE(store_->append(batch));
    }
  }

  // Per tenant: entries whose values are erased, and all.
  std::map<std::string, std::pair<uint64_t, uint64_t>> erased() const {
    std::map<std::string, std::pair<uint64_t, uint64_t>> out;
    EXPECT_TRUE(store_->scan({{0}, store_->end()}, [&](const record::OwnedEntry& entry) {
      auto& [gone, all] = out[std::string(entry.header().tenant)];
      gone += entry.values() == record::Values::kErased;
      ++all;
      return true;
    }));
    return out;
  }

  const TempDirectory directory_;
  const std::unique_ptr<privacy::KeyRing> keys_ = testing::open_keys(directory_.path());
  Workload workload_{3, {.max_entries = 500, .odd_cases = false, .inserts_first = 300}};
  std::unique_ptr<Store> store_;
  uint32_t today_ = 0;
};

TEST_F(RetentionTest, ErasesWhenThePeriodAndTheDaysAreOver) {
  write(2'000);
  const RetentionRules rules{.erase_after_days = 180};
  EXPECT_EQ(store_->destroy_expired(rules, today_ + kPeriodDays + 179, 1'000).value(), 0u);
  EXPECT_EQ(store_->destroy_expired({}, today_ + 10'000, 1'000).value(), 0u) << "without rules nothing is erased";
  EXPECT_EQ(store_->destroy_expired(rules, today_ + kPeriodDays + 180, 100).value(), 100u) << "turn by turn";
  EXPECT_EQ(store_->destroy_expired(rules, today_ + kPeriodDays + 180, 1'000).value(), 200u);
  EXPECT_EQ(store_->destroy_expired(rules, today_ + kPeriodDays + 180, 1'000).value(), 0u);
  for (const auto& [tenant, counts] : erased()) EXPECT_EQ(counts.first, counts.second) << tenant;
  // A change after that begins with a new key.
  write(2'600);
  const auto after = erased();
  for (const auto& [tenant, counts] : after) EXPECT_LT(counts.first, counts.second) << tenant;
}

TEST_F(RetentionTest, TenantsHaveTheirOwnDaysAndHoldsStand) {
  write(2'000);
  RetentionRules rules{.erase_after_days = 200};
  rules.by_tenant = {{"1", 400}, {"2", 0}};
  rules.held = {{"3", "public.contacts/5"}};  // 5 % 3 + 1
  ASSERT_GT(store_->destroy_expired(rules, today_ + kPeriodDays + 200, 1'000).value(), 0u);
  const auto counts = erased();
  EXPECT_EQ(counts.at("1").first, 0u);
  EXPECT_EQ(counts.at("2").first, 0u);
  EXPECT_GT(counts.at("3").first, 0u);
  const auto held = store_->trace_of("public.contacts/5", store_->end());
  ASSERT_TRUE(held);
  EXPECT_GT(held->entries, 0u);
  EXPECT_EQ(counts.at("3").first + held->entries, counts.at("3").second);
  ASSERT_GT(store_->destroy_expired(rules, today_ + kPeriodDays + 400, 1'000).value(), 0u);
  EXPECT_EQ(erased().at("1").first, counts.at("1").second);
  EXPECT_EQ(erased().at("2").first, 0u);
}

TEST_F(RetentionTest, TheIndexForgetsWhatIsOldInFinishedRanges) {
  write(Store::kIndexRange + 2'000);
  const auto find = [&](const std::string& key) {
    return store_->candidates(0, {Filter::Op::kTerm, {Dimension::kSubject, "public.contacts/" + key}, {}})
        .value()
        .size();
  };
  ASSERT_GT(find("7"), 0u);
  const RetentionRules rules{.erase_after_days = 180};
  const uint32_t then = today_ + kPeriodDays + 181;
  ASSERT_GT(store_->destroy_expired(rules, then, 1'000).value(), 0u);
  EXPECT_EQ(store_->drop_expired_tokens(rules, today_).value(), 0u) << "not old enough";
  EXPECT_EQ(store_->drop_expired_tokens(rules, then).value(), 1u);
  EXPECT_EQ(store_->drop_expired_tokens(rules, then).value(), 0u) << "once";
  EXPECT_EQ(find("7"), 0u);
  EXPECT_FALSE(store_->candidates(0, {Filter::Op::kTerm, {Dimension::kField, "phone"}, {}})->empty());
}

}  // namespace
}  // namespace rowledger::store
