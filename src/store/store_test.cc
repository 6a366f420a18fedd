#include "store/store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <thread>

#include "store/rocksdb_store.h"
#include "store/store_testing.h"
#include "store/store_verification.h"
#include "store/terms.h"

namespace rowledger::store {
namespace {

using ::testing::ElementsAre;
using testing::expect_store_is;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::Workload;

// The parameter: whether values are sealed.
class StoreTest : public ::testing::TestWithParam<bool> {
 protected:
  void open(bool read_only = false) {
    store_.reset();
    if (GetParam() && !keys_) keys_ = testing::open_keys(directory_.path());
    auto opened = open_rocksdb_store(options(read_only));
    ASSERT_TRUE(opened.has_value()) << opened.error().message;
    store_ = std::move(*opened);
  }
  StoreOptions options(bool read_only = false) const {
    StoreOptions out;
    out.directory = directory_.path() / "log";
    out.read_only = read_only;
    out.token_key.bytes.fill(7);
    out.keys = keys_.get();
    out.write_buffer_bytes = 4 << 20;
    out.cache_bytes = 8 << 20;
    return out;
  }
  void append(Workload& workload, size_t batches) {
    for (size_t i = 0; i < batches; ++i) {
      Batch batch;
      workload.next(batch);
      const Status status = store_->append(batch);
      ASSERT_TRUE(status.has_value()) << status.error().message;
    }
  }

  testing::TempDirectory directory_;
  std::unique_ptr<privacy::KeyRing> keys_;
  std::unique_ptr<Store> store_;
};

// One entry of a contact, the rest as the caller sets it.
struct Made {
  record::Entry entry;
  explicit Made(uint64_t seq, record::EntryKind kind = record::EntryKind::kUpdate) {
    entry.header.seq = {seq};
    entry.header.kind = kind;
    entry.header.table = "public.contacts";
    entry.header.received_at = {static_cast<int64_t>(seq) * 1'000'000};
    entry.body.key = {{"id", "42"}};
  }
};

std::vector<uint64_t> candidates(const Store& store, uint64_t range, const Filter& filter) {
  const auto found = store.candidates(range, filter);
  EXPECT_TRUE(found.has_value());
  std::vector<uint64_t> out;
  for (const Seq seq : *found) out.push_back(seq.value);
  return out;
}

Filter term(Dimension dimension, std::string value) { return {Filter::Op::kTerm, {dimension, std::move(value)}, {}}; }
Filter combine(Filter::Op op, std::vector<Filter> children) { return {op, {}, std::move(children)}; }

// ---- log and state --------------------------------------------------------------------------

TEST_P(StoreTest, AnEmptyStoreHasNothing) {
  open();
  EXPECT_EQ(store_->end(), Seq{0});
  EXPECT_EQ(store_->cursor(), Cursor{});
  EXPECT_FALSE(store_->read({0}).value().has_value());
  EXPECT_FALSE(store_->row({1}, "x").value().has_value());
  EXPECT_THAT(candidates(*store_, 0, {}), IsEmpty());
  EXPECT_EQ(store_->seqs_between(std::nullopt, std::nullopt)->end, Seq{0});
  EXPECT_TRUE(store_->append(Batch()).has_value());
}

TEST_P(StoreTest, KeepsWhatWasAppendedAcrossReopening) {
  Workload workload(11, {});
  open();
  for (int round = 0; round < 6; ++round) {
    append(workload, 25);
    expect_store_is(*store_, workload);
    open();
    expect_store_is(*store_, workload);
  }
}

TEST_P(StoreTest, SingleEntriesMakeTheSameBundlesAsLargeBatches) {
  Workload::Options shape;
  shape.max_entries = 1;
  shape.odd_cases = false;
  shape.inserts_first = 100;
  Workload workload(3, shape);
  open();
  append(workload, 520);
  expect_store_is(*store_, workload);
  open();
  expect_store_is(*store_, workload);
  append(workload, 300);
  expect_store_is(*store_, workload);
}

TEST_P(StoreTest, ReadOnlySeesAllAndRefusesToAppend) {
  Workload workload(5, {});
  open();
  append(workload, 30);
  open(true);
  expect_store_is(*store_, workload);
  Batch batch;
  workload.next(batch);
  EXPECT_EQ(store_->append(batch).error().code, ErrorCode::kPermission);
}

TEST_P(StoreTest, ASecondWriterAndAReaderBesideItAreRefused) {
  open();
  for (const bool read_only : {false, true}) {
    const auto second = open_rocksdb_store(options(read_only));
    ASSERT_FALSE(second.has_value());
    EXPECT_EQ(second.error().code, ErrorCode::kConflict);
    EXPECT_THAT(second.error().message, HasSubstr(std::to_string(::getpid())));
  }
  open();
}

TEST_P(StoreTest, ReadOnlyNeedsALog) {
  EXPECT_EQ(open_rocksdb_store(options(true)).error().code, ErrorCode::kNotFound);
}

TEST_P(StoreTest, KeepsAHugeBodyApartFromItsNeighbours) {
  const std::string huge(40 << 20, 'h');
  open();
  Batch batch;
  for (uint64_t seq = 0; seq < 300; ++seq) {
    Made made(seq);
    made.entry.body.changes = {{"notes", record::ValueForm::kText, record::Value::null(),
                                record::Value::of(seq == 7 || seq == 299 ? std::string_view(huge) : "small")}};
    batch.add(made.entry);
  }
  ASSERT_TRUE(store_->append(batch).has_value());
  open();
  for (const uint64_t seq : {6, 7, 8, 298, 299}) {
    const auto entry = store_->read({seq}).value();
    ASSERT_TRUE(entry.has_value());
    EXPECT_EQ(entry->body().changes[0].after.text.size(), seq == 7 || seq == 299 ? huge.size() : 5);
    EXPECT_EQ(record::commitment_of(entry->salt(), entry->body_bytes()), entry->header().commitment);
  }
}

TEST_P(StoreTest, ScanRowsStartsWhereAskedAndStaysInItsTable) {
  open();
  Batch batch;
  for (const uint32_t table : {1u, 2u, 3u})
    for (const char* key : {"a", "b", "c"}) batch.set_state({{table}, std::string(key) + '\0', {{0}, false, {1}, "x"}});
  ASSERT_TRUE(store_->append(batch).has_value());
  std::vector<std::string> keys;
  ASSERT_TRUE(store_
                  ->scan_rows({2}, "b",
                              [&](std::string_view key, const RowState&) {
                                keys.emplace_back(key.substr(0, 1));
                                return true;
                              })
                  .has_value());
  EXPECT_THAT(keys, ElementsAre("b", "c"));
}

TEST_P(StoreTest, MetaIsSetAndDeleted) {
  open();
  Batch batch;
  batch.set_meta("publication.fingerprint", "abc");
  ASSERT_TRUE(store_->append(batch).has_value());
  open();
  EXPECT_EQ(store_->meta("publication.fingerprint").value(), "abc");
  batch.clear();
  batch.set_meta("publication.fingerprint", "");
  ASSERT_TRUE(store_->append(batch).has_value());
  EXPECT_EQ(store_->meta("publication.fingerprint").value(), std::nullopt);
}

TEST_P(StoreTest, WaitBeyondReturnsWithTheEntry) {
  open();
  EXPECT_EQ(store_->wait_beyond({0}, 1), Seq{0});
  std::thread reader([&] { EXPECT_EQ(store_->wait_beyond({0}, 60'000), Seq{1}); });
  Batch batch;
  Made made(0);
  batch.add(made.entry);
  EXPECT_TRUE(store_->append(batch).has_value());
  reader.join();
}

TEST_P(StoreTest, ReadersBesideTheWriterSeeWholeEntries) {
  open();
  Workload::Options shape;
  shape.odd_cases = false;
  shape.inserts_first = 50;
  shape.max_entries = 37;
  Workload workload(9, shape);
  std::atomic<bool> done{false};
  std::thread reader([&] {
    std::mt19937_64 random(1);
    while (!done) {
      const Seq end = store_->end();
      if (end.value == 0) continue;
      const Seq seq{random() % end.value};
      const auto entry = store_->read(seq);
      ASSERT_TRUE(entry.has_value() && entry->has_value());
      ASSERT_EQ((*entry)->header().seq, seq);
      uint64_t next = seq.value;
      ASSERT_TRUE(store_
                      ->scan({seq, {seq.value + 300}},
                             [&](const record::OwnedEntry& e) {
                               EXPECT_EQ(e.header().seq.value, next++);
                               return true;
                             })
                      .has_value());
      ASSERT_GE(next, std::min(end.value, seq.value + 300));
    }
  });
  append(workload, 150);
  done = true;
  reader.join();
  expect_store_is(*store_, workload);
}

// ---- the index ------------------------------------------------------------------------------

// What evaluating the filter over each entry's terms would say; nothing for an inexact negation.
bool is_match(const Filter& filter, const record::Entry& entry) {
  auto child = [&](const Filter& f) { return is_match(f, entry); };
  switch (filter.op) {
    case Filter::Op::kAll: return true;
    case Filter::Op::kNone: return false;
    case Filter::Op::kTerm: return has_term(entry, filter.term.dimension, filter.term.value);
    case Filter::Op::kAnd: return std::all_of(filter.children.begin(), filter.children.end(), child);
    case Filter::Op::kOr: return std::any_of(filter.children.begin(), filter.children.end(), child);
    case Filter::Op::kNot: return !child(filter.children.front());
  }
  return false;
}

TEST_P(StoreTest, CandidatesAreASupersetInMemoryAndStored) {
  using Op = Filter::Op;
  Workload::Options shape;
  shape.odd_cases = false;
  shape.max_entries = 1'500;
  shape.inserts_first = 2'000;
  Workload workload(21, shape);
  workload.keep_entries = false;
  open();
  while (workload.seq < Store::kIndexRange + 10'000) append(workload, 1);
  const auto sample = store_->read({40'000}).value();
  const std::string phone(sample->body().changes.at(0).after.text), key(sample->body().key.at(0).value);
  const std::vector<Filter> filters = {
      term(Dimension::kTenant, "2"),
      term(Dimension::kKind, "insert"),
      term(Dimension::kField, "phone"),
      term(Dimension::kActor, "Priya"),
      term(Dimension::kTx, std::to_string(sample->header().tx->xid)),
      term(Dimension::kNewValue, phone),
      term(Dimension::kKey, key),
      term(Dimension::kNewValue, "Kumar"),
      term(Dimension::kReason, "asked"),
      combine(Op::kAnd, {term(Dimension::kTenant, "1"), combine(Op::kNot, {term(Dimension::kKind, "update")})}),
      combine(Op::kNot, {combine(Op::kOr, {term(Dimension::kTenant, "1"), term(Dimension::kTenant, "3")})}),
      combine(Op::kNot, {term(Dimension::kKey, key)}),
      {Op::kNone},
      {Op::kAll},
  };
  for (int reopened = 0; reopened < 2; ++reopened) {
    std::vector<std::vector<uint64_t>> expected(filters.size());
    ASSERT_TRUE(store_
                    ->scan({{0}, store_->end()},
                           [&](const record::OwnedEntry& entry) {
                             for (size_t f = 0; f < filters.size(); ++f)
                               if (is_match(filters[f], entry.entry())) expected[f].push_back(entry.header().seq.value);
                             return true;
                           })
                    .has_value());
    for (size_t f = 0; f < filters.size(); ++f) {
      std::vector<uint64_t> found = candidates(*store_, 0, filters[f]);
      for (const uint64_t seq : candidates(*store_, 1, filters[f])) found.push_back(seq);
      EXPECT_TRUE(std::includes(found.begin(), found.end(), expected[f].begin(), expected[f].end())) << "filter " << f;
      const bool exact = f < 4 || f == 9 || f == 10 || f >= 12;
      if (exact) {
        EXPECT_EQ(found.size(), expected[f].size()) << "filter " << f;
      }
      if (f == 4 || f == 5 || f == 6) {
        EXPECT_LT(found.size(), 8'000) << "filter " << f;
      }
    }
    EXPECT_FALSE(expected[5].empty());
    open();
  }
  EXPECT_THAT(store_->values_of(Dimension::kTenant, 10).value(), ::testing::UnorderedElementsAre("1", "2", "3"));
  EXPECT_EQ(store_->values_of(Dimension::kTenant, 2)->size(), 2);
}

TEST_P(StoreTest, AnUnindexedValueAnswersAll) {
  open();
  Batch batch;
  Made made(0);
  batch.add(made.entry);
  ASSERT_TRUE(store_->append(batch).has_value());
  EXPECT_THAT(candidates(*store_, 0, term(Dimension::kNewValue, "t")), ElementsAre(0));
  EXPECT_THAT(candidates(*store_, 0, term(Dimension::kNewValue, "2026-11-23 09:30:01")), ElementsAre(0));
  EXPECT_THAT(candidates(*store_, 0, term(Dimension::kNewValue, "somebody")), IsEmpty());
}

TEST_P(StoreTest, SeqsBetweenCoversEveryEntryOfTheTimes) {
  open();
  Batch batch;
  for (uint64_t seq = 0; seq < 1'000; ++seq) {
    Made made(seq);
    batch.add(made.entry);
  }
  ASSERT_TRUE(store_->append(batch).has_value());
  for (int reopened = 0; reopened < 2; ++reopened) {
    const SeqRange some = store_->seqs_between(Timestamp{300'000'000}, Timestamp{400'000'000}).value();
    EXPECT_LE(some.begin.value, 300);
    EXPECT_GT(some.end.value, 400);
    EXPECT_GE(some.begin.value, 256);
    EXPECT_LE(some.end.value, 512);
    const SeqRange late = store_->seqs_between(Timestamp{5'000'000'000}, std::nullopt).value();
    EXPECT_EQ(late.begin, late.end);
    EXPECT_EQ(store_->seqs_between(std::nullopt, std::nullopt)->end, Seq{1'000});
    open();
  }
}

INSTANTIATE_TEST_SUITE_P(Store, StoreTest, ::testing::Bool(),
                         [](const auto& info) { return info.param ? "Sealed" : "InClear"; });

}  // namespace
}  // namespace rowledger::store
