// Retention as the log tells of it, whenever the program ends.
#include "capture/erasures.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "base/crypto.h"
#include "base/day.h"
#include "capture/capture.h"
#include "store/rocksdb_store.h"

namespace rowledger::capture {
namespace {

constexpr uint32_t kFirstDay = 20'000, kMuchLater = kFirstDay + 400;
const store::RetentionRules kRules{.erase_after_days = 100};
const Erasures::Held kNobody = [] { return store::HeldValues(); };

class ErasuresTest : public ::testing::Test {
 public:
  ErasuresTest() : directory_(std::filesystem::path(testing::TempDir()) / ("erasures-" + to_hex(random_bytes(8)))) {
    std::filesystem::create_directories(directory_ / "keys");
    keys_ =
        privacy::KeyRing::create(directory_ / "keys", privacy::MasterKey(std::string(privacy::kKeyBytes, 'm'))).value();
    settings_.source_name = "test";
    settings_.ref_key = "a key";
    open();
  }
  ~ErasuresTest() override {
    close();
    std::filesystem::remove_all(directory_);
  }
  ErasuresTest(const ErasuresTest&) = delete;
  ErasuresTest& operator=(const ErasuresTest&) = delete;

 protected:
  void close() {
    erasures_.reset();
    state_.reset();
    writer_.reset();
    store_.reset();
  }
  void open() {
    store_ = store::open_rocksdb_store({.directory = directory_ / "store",
                                        .salt_key = "salt",
                                        .keys = keys_.get(),
                                        .now = [this] { return Timestamp{int64_t{day_} * kMicrosecondsPerDay}; }})
                 .value();
    writer_.emplace(settings_, *store_);
    state_.emplace(*store_, *writer_, 1 << 20);
    erasures_.emplace(*store_, *writer_, *state_);
  }

  // So many people, an entry each, of the first day.
  void write(size_t people) {
    const auto lock = writer_->lock();
    for (size_t i = 0; i < people; ++i) {
      const std::string subject = "public.people/" + std::to_string(i);
      record::Entry entry;
      entry.header.kind = record::EntryKind::kInsert;
      entry.header.table = "public.people";
      entry.body.subject = subject;
      entry.body.changes = {{"name", record::ValueForm::kText, {}, {record::Presence::kValue, "a name"}}};
      writer_->add(entry, subject);
    }
    ASSERT_TRUE(writer_->flush_and_wait());
  }

  // As a start does. Whether copies had to be removed.
  bool finish_open_and_copies() {
    const Status finished = erasures_->finish_open();
    EXPECT_TRUE(finished) << finished.error().message;
    bool removed = false;
    EXPECT_TRUE(erasures_->remove_copies([&]() -> Status {
      removed = true;
      return {};
    }));
    return removed;
  }
  void end_and_start() {
    close();
    open();
  }

  // The keys that the log's erase entries name, in their order, and how many entries there are.
  std::vector<std::string> told() const {
    std::vector<std::string> out;
    EXPECT_TRUE(store_->scan({Seq{0}, store_->end()}, [&](const record::OwnedEntry& entry) {
      if (entry.header().kind == record::EntryKind::kErase) out.emplace_back(entry.body().detail);
      return true;
    }));
    return out;
  }

  const std::filesystem::path directory_;
  uint32_t day_ = kFirstDay;
  Settings settings_;
  std::unique_ptr<privacy::KeyRing> keys_;
  std::unique_ptr<store::Store> store_;
  std::optional<EntryWriter> writer_;
  std::optional<StateView> state_;
  std::optional<Erasures> erasures_;
};

TEST_F(ErasuresTest, RetentionTellsOfEachKeyOnce) {
  write(2'150);
  const std::atomic<bool> stop = false;
  EXPECT_EQ(erasures_->expire(kRules, kMuchLater, kNobody, stop), 2'150U);
  const std::vector<std::string> entries = told();
  ASSERT_EQ(entries.size(), 3U);
  EXPECT_TRUE(entries[0].starts_with(R"({"reason":"retention","keys_destroyed":1000,"keys":[)")) << entries[0];
  EXPECT_TRUE(entries[2].starts_with(R"({"reason":"retention","keys_destroyed":150,"keys":[)")) << entries[2];
  EXPECT_EQ(erasures_->expire(kRules, kMuchLater, kNobody, stop), 0U);
  EXPECT_EQ(told(), entries);
}

TEST_F(ErasuresTest, AHoldThatIsPlacedMeanwhileStandsFromTheNextTurnOn) {
  write(250);
  size_t turns = 0;
  store::HeldValues placed;
  const Erasures::Held held = [&] {
    if (++turns == 2)
      for (size_t i = 0; i < 250; ++i) placed.owners.push_back({"", "public.people/" + std::to_string(i)});
    return placed;
  };
  const std::atomic<bool> stop = false;
  EXPECT_EQ(erasures_->expire(kRules, kMuchLater, held, stop), 100U) << "of the first turn";
  EXPECT_EQ(turns, 2U);
  EXPECT_EQ(erasures_->expire(kRules, kMuchLater, kNobody, stop), 150U);
}

// As kill -9 between a turn and its entry.
TEST_F(ErasuresTest, WhatATurnDestroyedIsToldByTheNextStart) {
  write(30);
  auto destroyed = store_->destroy_expired(kRules, kMuchLater, 10);
  ASSERT_TRUE(destroyed);
  std::ranges::sort(*destroyed, {}, &privacy::KeyId::value);
  ASSERT_FALSE(destroyed->empty());
  close();
  open();
  EXPECT_EQ(store_->untold_keys(), *destroyed);
  EXPECT_EQ(finish_open_and_copies(), true);
  const std::vector<std::string> entries = told();
  ASSERT_EQ(entries.size(), 1U);
  EXPECT_NE(entries[0].find("\"keys_destroyed\":" + std::to_string(destroyed->size())), std::string::npos)
      << entries[0];
  for (const privacy::KeyId key : *destroyed)
    EXPECT_NE(entries[0].find(std::to_string(key.value)), std::string::npos) << entries[0];
  EXPECT_EQ(finish_open_and_copies(), false);
  EXPECT_EQ(told(), entries);
  EXPECT_EQ(store_->untold_keys(), std::vector<privacy::KeyId>());
}

// As a restore of the keys leaves it that does not have the order's.
TEST_F(ErasuresTest, AnOrderWhoseKeyIsLostIsGivenUpAndTold) {
  record::Entry order;
  order.header.kind = record::EntryKind::kErase;
  order.header.tenant = "9";
  order.body.detail = R"({"owners":[{"tenant":"9","subject":"public.people/1"}]})";
  Seq seq;
  {
    const auto lock = writer_->lock();
    seq = writer_->add(order);
    writer_->batch().set_meta("capture.open_erasures", std::to_string(seq.value) + ":k\n");
    ASSERT_TRUE(writer_->flush_and_wait());
  }
  close();
  ASSERT_TRUE(keys_->destroy(*keys_->find_tenant("9")));
  open();
  const auto finished = erasures_->finish_open();
  ASSERT_TRUE(finished) << finished.error().message;
  const auto last = store_->read(Seq{store_->end().value - 1});
  ASSERT_TRUE(last);
  EXPECT_EQ((*last)->header().kind, record::EntryKind::kControl);
  EXPECT_NE((*last)->body().detail.find("erasure-lost"), std::string::npos);
  EXPECT_NE((*last)->body().detail.find("entry " + std::to_string(seq.value)), std::string::npos);
  EXPECT_EQ(store_->meta("capture.open_erasures").value(), std::nullopt);
}

// As kill -9 between the note and the keys: they are not told of before they are gone.
TEST_F(ErasuresTest, WhatIsNotedOnlyIsNotTold) {
  write(30);
  {
    const auto lock = writer_->lock();
    writer_->batch().set_meta(std::string(store::Store::kUntoldKeys), "2\n4\n");
    ASSERT_TRUE(writer_->flush_and_wait());
  }
  EXPECT_EQ(store_->untold_keys(), std::vector<privacy::KeyId>());
  EXPECT_EQ(finish_open_and_copies(), false);
  EXPECT_TRUE(told().empty());
  const std::atomic<bool> stop = false;
  EXPECT_EQ(erasures_->expire(kRules, kMuchLater, kNobody, stop), 30U);
}

// As kill -9 while the index forgets, or while an export that must end first does not.
TEST_F(ErasuresTest, CopiesAreOwedUntilTheyWereRemoved) {
  write(30);
  const std::atomic<bool> stop = false;
  EXPECT_EQ(erasures_->expire(kRules, kMuchLater, kNobody, stop), 30U);
  end_and_start();
  ASSERT_TRUE(erasures_->finish_open());
  EXPECT_FALSE(erasures_->remove_copies([]() -> Status { return fail(ErrorCode::kIo, "a file stays"); }));
  end_and_start();
  EXPECT_TRUE(finish_open_and_copies());
  EXPECT_FALSE(finish_open_and_copies());

  day_ = kMuchLater;
  write(2);
  record::Entry order;
  order.header.kind = record::EntryKind::kErase;
  order.body.detail = R"({"owners":[{"subject":"public.people/1"}],"keys":[]})";
  ASSERT_TRUE(erasures_->carry_out(order));
  end_and_start();
  EXPECT_TRUE(finish_open_and_copies());
  end_and_start();
  EXPECT_FALSE(finish_open_and_copies());
}

TEST_F(ErasuresTest, AnErasureMeanwhileOwesItsCopies) {
  write(30);
  const std::atomic<bool> stop = false;
  ASSERT_TRUE(erasures_->expire(kRules, kMuchLater, kNobody, stop));
  record::Entry order;
  order.header.kind = record::EntryKind::kErase;
  order.body.detail = R"({"owners":[{"subject":"public.people/1"}],"keys":[]})";
  EXPECT_TRUE(erasures_->remove_copies([&]() -> Status {
    RL_TRY(erasures_->carry_out(order));
    return {};
  }));
  EXPECT_TRUE(finish_open_and_copies());
  EXPECT_FALSE(finish_open_and_copies());
}

TEST_F(ErasuresTest, ARetentionThatFailedIsAWarningUntilItSucceeds) {
  const auto capture = Capture::create(settings_, *store_);
  const auto warnings = [&] { return capture->report().warnings; };
  EXPECT_FALSE(capture->expire(kRules, kMuchLater, [] { return fail(ErrorCode::kIo, "the holds cannot be read"); }));
  ASSERT_EQ(warnings().size(), 1U);
  EXPECT_NE(warnings().front().find("the holds cannot be read"), std::string::npos) << warnings().front();
  EXPECT_EQ(capture->expire(kRules, kMuchLater, kNobody), 0U);
  EXPECT_TRUE(warnings().empty());
}

}  // namespace
}  // namespace rowledger::capture
