// What is older than the rules say is erased, and nothing else.
#include <gtest/gtest.h>

#include <map>

#include "base/day.h"
#include "store/index_files_testing.h"
#include "store/rocksdb_store.h"
#include "store/store_testing.h"

namespace rowledger::store {
namespace {

using testing::TempDirectory;
using testing::Workload;

constexpr uint32_t kPeriodDays = 30;

class RetentionTest : public ::testing::Test {
 protected:
  RetentionTest() { open(); }

  void open(uint32_t key_period_days = kPeriodDays) {
    store_.reset();
    StoreOptions options;
    options.directory = directory_.path() / "store";
    options.keys = keys_.get();
    options.salt_key = "salt";
    options.key_period_days = key_period_days;
    options.now = [this] { return Timestamp{int64_t{today_} * kMicrosecondsPerDay + kMicrosecondsPerDay / 2}; };
    auto opened = open_rocksdb_store(options);
    EXPECT_TRUE(opened);
    store_ = std::move(*opened);
  }

  void write(size_t entries) {
    while (workload_.seq < entries) {
      Batch batch;
      workload_.next(batch);
      ASSERT_TRUE(store_->append(batch));
    }
  }

  // One entry about a row, or about the log.
  Seq write(record::EntryKind kind, std::string_view subject, std::string_view tenant = "1") {
    record::Entry entry;
    entry.header.kind = kind;
    entry.header.seq = store_->end();
    entry.header.tenant = tenant;
    entry.header.tenant_seq = store_->next_tenant_seq(tenant);
    entry.body.subject = subject;
    if (record::is_change(kind)) {
      entry.header.table = "public.flows";
      entry.body.key = {{"id", "7"}};
      entry.body.changes = {{"name", record::ValueForm::kText, {}, {record::Presence::kValue, "some flow"}}};
    } else {
      entry.body.detail = "{}";
    }
    Batch batch;
    batch.add(entry);
    EXPECT_TRUE(store_->append(batch));
    return entry.header.seq;
  }
  bool is_erased(Seq seq) const { return (*store_->read(seq))->values() == record::Values::kErased; }
  size_t destroy(const RetentionRules& rules, uint32_t today, size_t at_most = 1'000) {
    const auto destroyed = store_->destroy_expired(rules, today, at_most);
    EXPECT_TRUE(destroyed) << destroyed.error().message;
    return destroyed->size();
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
  uint32_t today_ = 20'800;  // what the clock says
};

TEST_F(RetentionTest, ErasesWhatIsSoOld) {
  write(2'000);
  const RetentionRules rules{.erase_after_days = 180};
  EXPECT_EQ(destroy(rules, today_ + 179), 0u);
  EXPECT_EQ(destroy({}, today_ + 10'000), 0u) << "without rules nothing is erased";
  EXPECT_EQ(destroy(rules, today_ + 180, 100), 100u) << "turn by turn";
  EXPECT_EQ(destroy(rules, today_ + 180), 200u);
  EXPECT_EQ(destroy(rules, today_ + 180), 0u);
  for (const auto& [tenant, counts] : erased()) EXPECT_EQ(counts.first, counts.second) << tenant;
  // A change after that begins with a new key.
  today_ += 180;
  write(2'600);
  const auto after = erased();
  for (const auto& [tenant, counts] : after) EXPECT_LT(counts.first, counts.second) << tenant;
}

TEST_F(RetentionTest, TenantsHaveTheirOwnDaysAndHoldsStand) {
  write(2'000);
  RetentionRules rules{.erase_after_days = 200};
  rules.by_tenant = {{"1", 400}, {"2", 0}};
  rules.held.owners = {{"3", "public.contacts/5"}};  // 5 % 3 + 1
  ASSERT_GT(destroy(rules, today_ + 200), 0u);
  const auto counts = erased();
  EXPECT_EQ(counts.at("1").first, 0u);
  EXPECT_EQ(counts.at("2").first, 0u);
  EXPECT_GT(counts.at("3").first, 0u);
  const auto held = store_->trace_of("public.contacts/5", store_->end());
  ASSERT_TRUE(held);
  EXPECT_GT(held->entries, 0u);
  EXPECT_EQ(counts.at("3").first + held->entries, counts.at("3").second);
  ASSERT_GT(destroy(rules, today_ + 400), 0u);
  EXPECT_EQ(erased().at("1").first, counts.at("1").second);
  EXPECT_EQ(erased().at("2").first, 0u);
}

TEST_F(RetentionTest, WhatIsNobodysExpiresButNotWhatIsAboutTheLog) {
  using record::EntryKind;
  const Seq row = write(EntryKind::kUpdate, ""), look = write(EntryKind::kAccess, ""),
            anybodys = write(EntryKind::kAccess, "", ""), elsewhere = write(EntryKind::kInsert, "", "2"),
            hold = write(EntryKind::kControl, ""), erasure = write(EntryKind::kErase, "");
  RetentionRules rules{.erase_after_days = 180};
  rules.held.owners = {{"2", "public.contacts/5"}};
  today_ += 180;
  EXPECT_EQ(destroy(rules, today_ - 1), 0u);
  EXPECT_EQ(destroy(rules, today_), 2u) << "of tenant 1, and of nobody's";
  for (const Seq seq : {row, look, anybodys}) EXPECT_TRUE(is_erased(seq)) << seq.value;
  for (const Seq seq : {elsewhere, hold, erasure}) EXPECT_FALSE(is_erased(seq)) << seq.value;
  rules.held = {};
  EXPECT_EQ(destroy(rules, today_), 1u);
  EXPECT_TRUE(is_erased(elsewhere));
  const Seq later = write(EntryKind::kUpdate, "");
  EXPECT_EQ(destroy(rules, today_ + 179), 0u);
  EXPECT_FALSE(is_erased(later));
  EXPECT_TRUE(is_erased(row)) << "with another key";
}

// A year in which something happens each day: nothing gets older than the rule says, and nothing goes that is younger
// than the rule and a period.
TEST_F(RetentionTest, NoValueIsOlderThanTheRuleNorGoesAPeriodTooEarly) {
  constexpr uint32_t kDays = 90;
  const RetentionRules rules{.erase_after_days = kDays};
  std::map<Seq, uint32_t> day_of;
  uint32_t oldest_seen = 0, youngest_gone = UINT32_MAX;
  for (const uint32_t begin = today_; today_ < begin + 365; ++today_) {
    destroy(rules, today_);
    for (const auto& [seq, day] : day_of) {
      const uint32_t age = today_ - day;
      if (is_erased(seq)) {
        youngest_gone = std::min(youngest_gone, age);
      } else {
        oldest_seen = std::max(oldest_seen, age);
      }
    }
    for (const char* subject : {"", "public.contacts/1"}) day_of[write(record::EntryKind::kUpdate, subject)] = today_;
  }
  EXPECT_EQ(oldest_seen, kDays - 1) << "full days, at the beginning of a day";
  EXPECT_EQ(youngest_gone, kDays - kPeriodDays + 1);
}

class RetainedIndexTest : public RetentionTest {
 protected:
  // Of a person, whose organisation is the rest of his number by three, and one.
  bool finds(uint32_t person) const {
    const Filter filter{Filter::Op::kTerm, {Dimension::kSubject, fmt::format("public.contacts/{}", person)}, {}};
    const size_t stored = store_->candidates(0, filter)->size(), live = store_->candidates(1, filter)->size();
    EXPECT_EQ(stored > 0, live > 0) << "a finished range, and the one in memory";
    return stored > 0;
  }
  size_t stale_blocks() {
    const KeptTokens kept = testing::kept_tokens(*store_, 0);
    store_.reset();
    const size_t stale = testing::stale_blocks(directory_.path() / "store", 0, kept).stale;
    open();
    return stale;
  }
  std::optional<std::string> noted() const { return store_->meta("retention.key_days").value(); }

  const RetentionRules rules_{.erase_after_days = 180};
};

TEST_F(RetainedIndexTest, ForgetsWhatWasSealedWithLostKeys) {
  write(Store::kIndexRange + 4'000);
  const std::vector<Owner> one = {{"1", "public.contacts/6"}};
  const auto keys = store_->keys_of(one);
  ASSERT_TRUE(keys && !keys->empty());
  for (const privacy::KeyId key : *keys) ASSERT_TRUE(keys_->destroy(key));  // behind the log's back
  ASSERT_TRUE(store_->drop_expired_tokens());
  EXPECT_TRUE(finds(6)) << "nobody said so";
  ASSERT_TRUE(store_->note_lost_keys({}));
  open();
  ASSERT_TRUE(store_->drop_expired_tokens());
  EXPECT_FALSE(finds(6));
  EXPECT_TRUE(finds(9));
}

TEST_F(RetainedIndexTest, ForgetsWhatIsErasedAndNothingElse) {
  write(Store::kIndexRange + 4'000);
  RetentionRules rules = rules_;
  rules.by_tenant = {{"2", 0}};
  rules.held.owners = {{"3", "public.contacts/5"}};
  today_ += 180;
  ASSERT_GT(destroy(rules, today_), 0u);
  EXPECT_EQ(noted(), "20800-20830\n");
  ASSERT_TRUE(store_->drop_expired_tokens());
  EXPECT_EQ(noted(), std::nullopt);
  EXPECT_FALSE(finds(6));
  EXPECT_FALSE(finds(8));
  EXPECT_TRUE(finds(7)) << "of an organisation that keeps everything";
  EXPECT_TRUE(finds(5)) << "a hold stands";
  EXPECT_FALSE(store_->candidates(0, {Filter::Op::kTerm, {Dimension::kField, "phone"}, {}})->empty());
  EXPECT_EQ(stale_blocks(), 0u);

  // The hold is lifted: what it kept goes the next time, although its day has long passed.
  today_ += 100;
  rules.held = {};
  ASSERT_EQ(destroy(rules, today_), 1u);
  ASSERT_TRUE(store_->drop_expired_tokens());
  EXPECT_FALSE(finds(5));
  EXPECT_TRUE(finds(7));
  EXPECT_EQ(stale_blocks(), 0u);
}

TEST_F(RetainedIndexTest, IsCleanedAfterACrashAsWell) {
  write(Store::kIndexRange + 4'000);
  today_ += 180;
  ASSERT_GT(destroy(rules_, today_), 0u);
  EXPECT_GT(stale_blocks(), 0u) << "the program ended here";
  EXPECT_EQ(noted(), "20800-20830\n");
  ASSERT_TRUE(store_->drop_expired_tokens());
  EXPECT_FALSE(finds(6));
  EXPECT_EQ(stale_blocks(), 0u);
}

TEST_F(RetainedIndexTest, AKeyMayHaveBeenUsedForTheLongestPeriodThatWasConfigured) {
  open(90);
  write(record::EntryKind::kUpdate, "public.contacts/1");
  open(30);
  today_ += 180;
  ASSERT_EQ(destroy(rules_, today_), 1u);
  EXPECT_EQ(noted(), "20800-20890\n");
}

TEST_F(RetainedIndexTest, AKeyWasUsedUntilTheNextOneWas) {
  write(record::EntryKind::kUpdate, "public.contacts/1");
  today_ += 47;
  write(record::EntryKind::kUpdate, "public.contacts/1");
  ASSERT_EQ(destroy(rules_, today_ + 150), 1u);
  EXPECT_EQ(noted(), "20800-20847\n");
}

}  // namespace
}  // namespace rowledger::store
