#include "evidence/verify.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "evidence/evidence_testing.h"

namespace rowledger::evidence {
namespace {

using store::Batch;
using store::testing::Workload;
using ::testing::HasSubstr;
using testing::TestLog;

class VerifyTest : public ::testing::TestWithParam<bool> {
 protected:
  VerifyTest() : log_(GetParam()) {}

  void fill(uint64_t entries, uint64_t seed = 4) {
    workload_ = std::make_unique<Workload>(seed, Workload::Options());
    log_.open();
    log_.grow_to(*workload_, entries);
  }

  TestLog log_;
  std::unique_ptr<Workload> workload_;
};

void expect_ok(const VerifyReport& report) {
  for (const Finding& finding : report.findings)
    ADD_FAILURE() << (finding.seq ? std::to_string(finding.seq->value) : "-") << ": " << finding.what;
  EXPECT_TRUE(report.ok());
}

TEST_P(VerifyTest, AnEmptyLogIsInOrder) {
  log_.open();
  const VerifyReport report = log_.verify();
  expect_ok(report);
  EXPECT_EQ(report.entries, 0u);
}

TEST_P(VerifyTest, ALogOfAllKindsOfChangesIsInOrder) {
  fill(3'000);
  const uint64_t end = log_.store().end().value;
  for (const unsigned threads : {1u, 3u}) {
    const VerifyReport report = log_.verify({.threads = threads});
    expect_ok(report);
    EXPECT_EQ(report.entries, end);
    EXPECT_EQ(report.values, end);
    EXPECT_EQ(report.tenants, 3u);
    EXPECT_EQ(report.tiles, end / 256);
    EXPECT_EQ(report.rows, workload_->rows.size());
    EXPECT_EQ(report.rows_unproven, 0u);
    EXPECT_EQ(report.links_unproven, 0u);
    EXPECT_GT(report.links, 500u);
    ASSERT_TRUE(report.checkpoint.has_value());
    EXPECT_EQ(report.checkpoint->size.value, end);
    EXPECT_EQ(report.unsigned_entries, 0u);
  }
}

TEST_P(VerifyTest, OrderIsTheSameAfterReopeningAndReadOnly) {
  fill(1'000);
  log_.close();
  auto opened = log_.try_open(true);
  ASSERT_TRUE(opened.has_value());
  expect_ok(log_.verify(**opened));
}

TEST_P(VerifyTest, SinceLooksAtNewerEntriesOnly) {
  fill(2'000);
  const uint64_t end = log_.store().end().value;
  const VerifyReport report = log_.verify({.since = Seq{1'300}});
  expect_ok(report);
  EXPECT_EQ(report.headers, end - 1'280);
  EXPECT_EQ(report.values, end - 1'280);
  EXPECT_EQ(report.tiles, end / 256);
  expect_ok(log_.verify({.since = Seq{1'000'000}}));
}

TEST_P(VerifyTest, HeadersAloneAreEnoughForTreeCountersAndLinks) {
  fill(2'000);
  const VerifyReport report = log_.verify({.values = false});
  expect_ok(report);
  EXPECT_EQ(report.values, 0u);
  EXPECT_GT(report.links_unproven, 0u);  // rows that moved to another key
}

TEST_P(VerifyTest, EntriesBehindTheCheckpointAreCounted) {
  fill(500);
  const uint64_t signed_size = log_.store().end().value;
  Batch batch;
  workload_->next(batch);
  ASSERT_TRUE(log_.store().append(batch).has_value());
  const VerifyReport report = log_.verify();
  expect_ok(report);
  EXPECT_EQ(report.unsigned_entries, log_.store().end().value - signed_size);
}

TEST_P(VerifyTest, ALogWithoutACheckpointIsNotInOrder) {
  Workload workload(1, {});
  log_.open();
  Batch batch;
  workload.next(batch);
  ASSERT_TRUE(log_.store().append(batch).has_value());
  const VerifyReport report = log_.verify();
  ASSERT_EQ(report.findings_total, 1u);
  EXPECT_THAT(report.findings[0].what, HasSubstr("no checkpoint"));
}

// A log that was written anew with its own key agrees with itself.
TEST_P(VerifyTest, OnlyACheckpointThatWasKeptElsewhereTellsOfALogWrittenAnew) {
  fill(600);
  const std::string kept = log_.store().checkpoint().value()->note;
  TestLog anew(GetParam());
  Workload other(5, Workload::Options());
  anew.open();
  anew.grow_to(other, 500);
  const std::string of_anew = anew.store().checkpoint().value()->note;
  anew.grow_to(other, 700);
  expect_ok(anew.verify());
  const VerifyReport held = anew.verify({.kept_checkpoints = {of_anew}});
  expect_ok(held);
  EXPECT_EQ(held.kept_checkpoints, 1u);
  for (const uint64_t since : {0, 600}) {
    const VerifyReport report =
        anew.verify({.since = Seq{since}, .values = false, .kept_checkpoints = {of_anew, kept}});
    ASSERT_EQ(report.findings_total, 1u);
    EXPECT_THAT(report.findings[0].what, HasSubstr("are not those that were signed"));
    EXPECT_THAT(report.findings[0].what, HasSubstr("kept elsewhere"));
  }
  TestLog shorter(GetParam());
  Workload same(4, Workload::Options());
  shorter.open();
  shorter.grow_to(same, 300);
  EXPECT_THAT(TestLog::complaint_of(shorter.verify({.kept_checkpoints = {kept}})), HasSubstr("are missing"));
  EXPECT_THAT(TestLog::complaint_of(shorter.verify({.kept_checkpoints = {"no note"}})),
              HasSubstr("cannot be believed"));
}

TEST_P(VerifyTest, WhatAKeptCheckpointSignsWasThereBeforeVerificationBegan) {
  fill(300);
  VerifyOptions options;
  // One that will be right only by what comes in while it is looked at.
  TestLog later(GetParam());
  Workload same(4, Workload::Options());
  later.open();
  later.grow_to(same, workload_->seq);
  Batch batch;
  same.next(batch);
  ASSERT_TRUE(later.store().append(batch).has_value());
  later.sign();
  options.kept_checkpoints = {later.store().checkpoint().value()->note};
  bool grown = false;
  const auto report = verify_log(log_.store(), log_.key().verifier(), options, [&](VerifyPhase, uint64_t, uint64_t) {
    if (!std::exchange(grown, true)) {
      Batch more;
      workload_->next(more);
      EXPECT_TRUE(log_.store().append(more).has_value());
    }
    return true;
  });
  ASSERT_TRUE(report.has_value());
  EXPECT_THAT(TestLog::complaint_of(*report), HasSubstr("when verification began"));
}

TEST_P(VerifyTest, ACheckpointOfAnotherKeyIsNotBelieved) {
  fill(300);
  const auto other = ledger::SigningKey::from_seed("rowledger.example/test", "another seed of 32 bytes ......!");
  ASSERT_TRUE(other.has_value());
  const auto report = verify_log(log_.store(), other->verifier(), {});
  ASSERT_TRUE(report.has_value());
  ASSERT_EQ(report->findings_total, 1u);
  EXPECT_THAT(report->findings[0].what, HasSubstr("cannot be believed"));
  EXPECT_FALSE(report->checkpoint.has_value());
}

TEST_P(VerifyTest, ASecondPlaceThatIsNewerShowsAnOlderCopy) {
  fill(300);
  const auto place = log_.directory() / "second";
  const ledger::TreeEdge edge = log_.store().tree_edge();
  const auto write = [&](ledger::TreeSize size, const Digest& root) {
    std::ofstream(place, std::ios::binary) << ledger::sign_checkpoint(size, root, log_.key()).encode();
  };
  write(edge.size(), edge.root());
  expect_ok(log_.verify({.second_place = place}));
  write({edge.size().value + 1}, edge.root());
  VerifyReport report = log_.verify({.second_place = place});
  ASSERT_EQ(report.findings_total, 1u);
  EXPECT_THAT(report.findings[0].what, HasSubstr("entries at its end are missing"));
  Digest other = edge.root();
  other[0] ^= 1;
  write(edge.size(), other);
  report = log_.verify({.second_place = place});
  ASSERT_EQ(report.findings_total, 1u);
  EXPECT_THAT(report.findings[0].what, HasSubstr("not those that were signed"));
}

TEST_P(VerifyTest, CanBeStopped) {
  fill(600);
  const auto report =
      verify_log(log_.store(), log_.key().verifier(), {}, [](VerifyPhase, uint64_t, uint64_t) { return false; });
  ASSERT_FALSE(report.has_value());
  EXPECT_EQ(report.error().code, ErrorCode::kCancelled);
}

TEST_P(VerifyTest, ALogThatGrowsMeanwhileIsInOrder) {
  fill(2'000);
  int rounds = 0;
  const auto report = verify_log(log_.store(), log_.key().verifier(), {}, [&](VerifyPhase, uint64_t, uint64_t) {
    Batch batch;
    workload_->next(batch);
    EXPECT_TRUE(log_.store().append(batch).has_value());
    return ++rounds < 100;
  });
  ASSERT_TRUE(report.has_value());
  expect_ok(*report);
  EXPECT_GT(rounds, 2);
}

// ---- what a writer might do wrong ----

void expect_complaint(TestLog& log, const std::vector<std::function<void(record::Entry&)>>& entries,
                      const std::string& what) {
  log.open();
  Batch batch;
  record::TableSchema schema{{1}, {1}, "public.contacts", {{"id", 20, -1, record::ValueForm::kText, true}}};
  batch.set_schema(schema);
  uint64_t seq = 0;
  for (const auto& change : entries) {
    record::Entry entry;
    entry.header.seq = {seq++};
    entry.header.kind = record::EntryKind::kControl;
    change(entry);
    batch.add(entry);
  }
  ASSERT_TRUE(log.store().append(batch).has_value());
  log.sign();
  const VerifyReport report = log.verify();
  ASSERT_FALSE(report.ok());
  EXPECT_EQ(report.findings[0].seq, Seq{seq - 1});
  EXPECT_THAT(report.findings[0].what, HasSubstr(what));
}

void plain(record::Entry&) {}
void row_one(record::Entry& entry) { entry.header.row_ref.fill(1); }

TEST_P(VerifyTest, FindsAHoleInATenantsNumbers) {
  const auto of = [](uint64_t number) {
    return [number](record::Entry& entry) {
      entry.header.tenant = "1";
      entry.header.tenant_seq = number;
    };
  };
  expect_complaint(log_, {of(0), of(1), of(3)}, "its number among its tenant's entries is 3, where 2 comes next");
}

TEST_P(VerifyTest, FindsALinkToAnotherRow) {
  expect_complaint(log_,
                   {[](record::Entry& entry) {
                      row_one(entry);
                      entry.body.key = {{"id", "1"}};
                    },
                    [](record::Entry& entry) {
                      entry.header.row_ref.fill(2);
                      entry.body.key = {{"id", "2"}};
                      entry.header.prev = Seq{0};
                    }},
                   "links to entry 0, which is of another row");
}

TEST_P(VerifyTest, FindsALinkToNoRow) {
  expect_complaint(log_,
                   {plain,
                    [](record::Entry& entry) {
                      row_one(entry);
                      entry.header.prev = Seq{0};
                    }},
                   "which is of no row");
}

TEST_P(VerifyTest, FindsALinkForward) {
  expect_complaint(log_, {[](record::Entry& entry) {
                     row_one(entry);
                     entry.header.prev = Seq{0};
                   }},
                   "does not stand before it");
}

TEST_P(VerifyTest, FindsARowThatTheStateLacks) {
  expect_complaint(log_, {[](record::Entry& entry) {
                     row_one(entry);
                     entry.header.kind = record::EntryKind::kInsert;
                   }},
                   "the state has no such row");
}

INSTANTIATE_TEST_SUITE_P(, VerifyTest, ::testing::Bool(),
                         [](const auto& info) { return info.param ? "Sealed" : "InClear"; });

// ---- the state ----

class StateOfVerifyTest : public VerifyTest {
 protected:
  // The complaint about one row of the state that is other than it should be.
  std::string complaint_with(const std::function<void(store::RowState&)>& change) {
    fill(600);
    const auto found = std::ranges::find_if(workload_->rows, [](const auto& row) { return !row.second.deleted; });
    store::RowState row = found->second;
    change(row);
    Batch batch;
    batch.set_state({{found->first.first}, found->first.second, row});
    EXPECT_TRUE(log_.store().append(batch).has_value());
    const VerifyReport report = log_.verify();
    return report.ok() ? "" : report.findings[0].what;
  }
};

TEST_P(StateOfVerifyTest, FindsAnImageThatTheNewestEntryContradicts) {
  EXPECT_THAT(complaint_with([&](store::RowState& row) {
                std::string image;
                std::vector<record::Value> values;
                const size_t columns = workload_->schemas[row.schema.value - 1].columns.size();
                ASSERT_TRUE(record::decode_image(row.image, columns, values));
                for (record::Value& value : values) {
                  if (&value != &values[0]) value = record::Value::of("another");
                  record::append_value(image, value);
                }
                row.image = image;
              }),
              HasSubstr("the state's image of its row is not what the entry made it"));
}

TEST_P(StateOfVerifyTest, FindsARowThatIsSaidToBeGone) {
  EXPECT_THAT(complaint_with([](store::RowState& row) {
                row.deleted = true;
                row.image.clear();
              }),
              HasSubstr("whether its row exists"));
}

TEST_P(StateOfVerifyTest, FindsARowThatNamesAnothersEntry) {
  EXPECT_THAT(
      complaint_with([](store::RowState& row) { row.newest = {row.newest.value == 0 ? 1 : row.newest.value - 1}; }),
      ::testing::AnyOf(HasSubstr("named by the state for another row"), HasSubstr("the state has no such row")));
}

INSTANTIATE_TEST_SUITE_P(, StateOfVerifyTest, ::testing::Values(false),
                         [](const auto& info) { return info.param ? "Sealed" : "InClear"; });

}  // namespace
}  // namespace rowledger::evidence
