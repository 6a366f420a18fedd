#include "evidence/evidence_bundle.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fmt/format.h>

#include <algorithm>

#include "evidence/collect.h"
#include "evidence/evidence_testing.h"
#include "evidence/proof.h"
#include "ledger/tlog_proof.h"
#include "store/bundle.h"

namespace rowledger::evidence {
namespace {

using record::Values;
using store::testing::Workload;
using ::testing::HasSubstr;
using testing::TestLog;

class EvidenceTest : public ::testing::TestWithParam<bool> {
 protected:
  EvidenceTest() : log_(GetParam()), workload_(4, Workload::Options()) {
    log_.open();
    log_.grow_to(workload_, 900);
  }

  Result<Evidence> collect(const EvidenceRequest& request) const {
    return collect_evidence(testing::everything_of(log_.store()), log_.key().verifier(), request);
  }
  std::string key() const { return log_.key().verifier().format(); }
  // An entry with both links: a row that moved to a key where another one had been.
  void append_moved_row() {
    store::Batch batch;
    record::Entry entry;
    entry.header = record::decode_header(workload_.headers.back()).value();
    entry.header.kind = record::EntryKind::kUpdate;
    entry.header.seq = {workload_.seq};
    entry.header.tenant_seq = log_.store().next_tenant_seq(entry.header.tenant);
    entry.header.prev = Seq{1};
    entry.header.prev_at_key = Seq{2};
    entry.body.key = {{"id", "1"}};
    entry.body.old_key = {{"id", "2"}};
    batch.add(entry);
    const Status appended = log_.store().append(batch);
    ASSERT_TRUE(appended.has_value()) << appended.error().message;
    log_.sign();
  }
  // A row with several entries.
  AboutRow a_row() const {
    for (const auto& [place, row] : workload_.rows) {
      const auto entry = log_.store().read(row.newest);
      if (place.first == 1 && !row.deleted && (*entry)->header().prev && (*entry)->body().old_key.empty())
        return {"public.contacts", place.second.substr(0, place.second.size() - 1)};
    }
    ADD_FAILURE();
    return {};
  }

  TestLog log_;
  Workload workload_;
};

void expect_proven(const std::string& bytes, const std::string& key, size_t entries) {
  for (const bool expects : {true, false}) {
    const auto report = check_evidence(bytes, expects ? std::optional<std::string_view>(key) : std::nullopt);
    ASSERT_TRUE(report.has_value()) << report.error().message;
    EXPECT_EQ(report->key_from_file, !expects);
    EXPECT_EQ(report->entries.size(), entries);
    EXPECT_TRUE(report->ok());
    for (const CheckedEntry& entry : report->entries) EXPECT_EQ(entry.problem, "");
  }
}

TEST_P(EvidenceTest, OfOneEntry) {
  const auto evidence = collect(AboutEntry{Seq{300}});
  ASSERT_TRUE(evidence.has_value()) << evidence.error().message;
  const std::string bytes = format_evidence(*evidence);
  EXPECT_EQ(parse_evidence(bytes).value(), *evidence);
  expect_proven(bytes, key(), 1);
  const auto report = check_evidence(bytes, key());
  EXPECT_EQ(report->entries[0].entry->body_bytes(), workload_.bodies[300]);
  EXPECT_EQ(report->about, "entry 300");
}

TEST_P(EvidenceTest, OfARowFromItsBeginning) {
  const AboutRow row = a_row();
  const auto evidence = collect(row);
  ASSERT_TRUE(evidence.has_value()) << evidence.error().message;
  EXPECT_GT(evidence->entries.size(), 1u);
  const std::string bytes = format_evidence(*evidence);
  expect_proven(bytes, key(), evidence->entries.size());
  EXPECT_EQ(check_evidence(bytes, key())->links_outside, 0u);
}

TEST_P(EvidenceTest, OfASubjectAndOfASearch) {
  const AboutRow row = a_row();
  const auto subject = collect(AboutSubject{"public.contacts/" + row.key});
  ASSERT_TRUE(subject.has_value()) << subject.error().message;
  EXPECT_GT(subject->entries.size(), 1u);
  expect_proven(format_evidence(*subject), key(), subject->entries.size());
  const auto search = collect(AboutSearch{"op:remove", true});
  ASSERT_TRUE(search.has_value()) << search.error().message;
  EXPECT_GT(search->entries.size(), 5u);
  expect_proven(format_evidence(*search), key(), search->entries.size());
}

TEST_P(EvidenceTest, RefusesWhatIsNotThere) {
  EXPECT_EQ(collect(AboutEntry{Seq{1'000'000}}).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(collect(AboutSubject{"public.contacts/none"}).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(collect(AboutRow{"public.none", "1"}).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(collect(AboutSearch{"tennant:1", false}).error().code, ErrorCode::kInvalid);
}

TEST_P(EvidenceTest, AnyAlteredByteIsSeen) {
  const auto evidence = collect(AboutEntry{Seq{511}});
  const std::string bytes = format_evidence(*evidence);
  for (size_t at = 0; at < bytes.size(); ++at) {
    std::string altered = bytes;
    altered[at] ^= 1;
    EXPECT_FALSE(check_evidence(altered, key()).has_value()) << at;
  }
  for (size_t size = 0; size < bytes.size(); size += 7)
    EXPECT_FALSE(check_evidence(bytes.substr(0, size), key()).has_value());
  EXPECT_FALSE(check_evidence(bytes + "\n", key()).has_value());
}

// Whoever alters it can make the checksum right again, but not the proofs.
TEST_P(EvidenceTest, NothingThatIsProvenCanBeAlteredWithARightChecksum) {
  const auto evidence = collect(AboutEntry{Seq{511}});
  const auto problem = [&](const std::function<void(Evidence&)>& change) -> std::string {
    Evidence altered = *evidence;
    change(altered);
    const auto report = check_evidence(format_evidence(altered), key());
    if (!report) return report.error().message;
    return report->entries[0].problem;
  };
  EXPECT_EQ(problem([](Evidence&) {}), "");
  for (size_t i = 0; i < evidence->entries[0].body.size(); ++i)
    EXPECT_THAT(problem([&](Evidence& e) { e.entries[0].body[i] ^= 1; }), HasSubstr("do not give its commitment"));
  for (size_t i = 0; i < 32; ++i)
    EXPECT_THAT(problem([&](Evidence& e) { e.entries[0].salt[i] ^= 1; }), HasSubstr("do not give its commitment"));
  for (size_t i = 0; i < evidence->entries[0].header.size(); ++i)
    EXPECT_NE(problem([&](Evidence& e) { e.entries[0].header[i] ^= 1; }), "");
  for (size_t i = 0; i < evidence->entries[0].path.size(); ++i)
    EXPECT_THAT(problem([&](Evidence& e) { e.entries[0].path[i][5] ^= 1; }), HasSubstr("not in the log"));
  EXPECT_THAT(problem([](Evidence& e) { e.entries[0].path.pop_back(); }), HasSubstr("not in the log"));
  EXPECT_THAT(problem([](Evidence& e) { e.entries[0].seq.value += 1; }), HasSubstr("its header is that of entry 511"));
  for (size_t i = 0; i < evidence->checkpoint.size(); ++i)
    EXPECT_NE(problem([&](Evidence& e) { e.checkpoint[i] ^= 1; }), "");
}

TEST_P(EvidenceTest, OfAnotherLogIsRefusedByTheKeyThatWasExpected) {
  const std::string bytes = format_evidence(*collect(AboutEntry{Seq{5}}));
  const auto other = ledger::SigningKey::from_seed("rowledger.example/test", "another seed of 32 bytes ......!");
  const auto report = check_evidence(bytes, other->verifier().format());
  ASSERT_FALSE(report.has_value());
  EXPECT_EQ(report.error().code, ErrorCode::kCorrupt);
  EXPECT_THAT(report.error().message, HasSubstr("not signed by the key that was expected"));
  EXPECT_EQ(check_evidence(bytes, "no key").error().code, ErrorCode::kInvalid);
}

TEST_P(EvidenceTest, EachLinkToWhatIsNotInTheFileIsCounted) {
  ASSERT_NO_FATAL_FAILURE(append_moved_row());
  const auto evidence = collect(AboutEntry{Seq{workload_.seq}});
  ASSERT_TRUE(evidence.has_value()) << evidence.error().message;
  EXPECT_EQ(check_evidence(format_evidence(*evidence), key())->links_outside, 2u);
}

TEST_P(EvidenceTest, WithoutEntriesProvesNothing) {
  Evidence none = *collect(AboutEntry{Seq{300}});
  none.entries.clear();
  const auto report = check_evidence(format_evidence(none), key());
  ASSERT_FALSE(report.has_value());
  EXPECT_EQ(report.error().code, ErrorCode::kCorrupt);
  EXPECT_THAT(report.error().message, HasSubstr("no entries"));
}

TEST_P(EvidenceTest, IsMadeOfWhatIsSignedOnly) {
  store::Batch batch;
  workload_.next(batch);
  ASSERT_TRUE(log_.store().append(batch).has_value());
  const Seq newest{log_.store().end().value - 1};
  EXPECT_EQ(collect(AboutEntry{newest}).error().code, ErrorCode::kUnavailable);
  EXPECT_EQ(prove_entry(log_.store(), log_.key().verifier(), newest, 10).error().code, ErrorCode::kUnavailable);
  log_.sign();
  EXPECT_TRUE(collect(AboutEntry{newest}).has_value());
}

TEST_P(EvidenceTest, ProofsAreTlogProofs) {
  const ledger::VerifierKey known = log_.key().verifier();
  for (uint64_t seq = 0; seq < log_.store().end().value; seq += 37) {
    const auto proof = prove_entry(log_.store(), known, {seq});
    ASSERT_TRUE(proof.has_value()) << proof.error().message;
    const auto header = log_.store().headers({seq}, 1);
    const auto proven = ledger::verify_tlog_proof(header->front(), *proof, {&known, 1});
    ASSERT_TRUE(proven.has_value()) << proven.error().message;
    EXPECT_EQ(proven->index.value, seq);
  }
  EXPECT_EQ(prove_entry(log_.store(), known, {1'000'000}).error().code, ErrorCode::kNotFound);
}

TEST_P(EvidenceTest, HasNothingThatTheReaderIsNotShown) {
  const view::Policy policy = view::Policy::make({}).value();
  const view::View auditor({.id = "user:a", .role = people::Role::kAuditor, .tenant = "1"}, policy, log_.store());
  const AboutSearch about{"table:contacts op:update", true};
  const auto proofs = collect_evidence(auditor, log_.key().verifier(), about);
  ASSERT_TRUE(proofs.has_value()) << proofs.error().message;
  const auto everything = collect(about);
  ASSERT_TRUE(everything.has_value());
  EXPECT_GT(proofs->entries.size(), 10u);
  EXPECT_LT(proofs->entries.size(), everything->entries.size()) << "there are other tenants";
  for (const EvidenceEntry& entry : proofs->entries) {
    EXPECT_EQ(entry.values, Values::kLocked);
    EXPECT_EQ(entry.salt + entry.body, "");
    const auto header = record::decode_header(entry.header);
    ASSERT_TRUE(header.has_value());
    EXPECT_EQ(header->tenant, "1");
  }
  expect_proven(format_evidence(*proofs), key(), proofs->entries.size());
  const auto plain = collect_evidence(auditor, log_.key().verifier(), about, Contents::kAll);
  ASSERT_TRUE(plain.has_value());
  for (const EvidenceEntry& entry : plain->entries) EXPECT_EQ(entry.values, Values::kHere);
  expect_proven(format_evidence(*plain), key(), plain->entries.size());
}

INSTANTIATE_TEST_SUITE_P(, EvidenceTest, ::testing::Bool(),
                         [](const auto& info) { return info.param ? "Sealed" : "InClear"; });

// Where values are in clear nothing but the commitment tells.
TEST(AlteredLogTest, IsNotMadeIntoEvidenceAsIfItsValuesWereLocked) {
  TestLog log(false);
  Workload workload(4, {.max_entries = 50, .odd_cases = false, .inserts_first = 40});
  log.open();
  log.grow_to(workload, 300);
  const store::Sealing in_clear(nullptr, false, {});
  log.alter([&](store::Database& database) {
    const auto [key, record] = testing::records_of(database, store::Family::kBodies).front();
    const store::BodySection section = store::decode_bodies(record, in_clear).value();
    std::vector<store::BundleEntry> entries;
    for (size_t i = 0; i < section.count(); ++i) entries.push_back(section.body(i));
    std::swap(entries[3], entries[4]);
    store::Compressor compressor;
    std::string altered;
    store::encode_bodies(section.first, entries, compressor, in_clear, altered);
    testing::put(database, store::Family::kBodies, key, altered);
  });
  log.open();
  const auto collect = [&](const view::View& view, uint64_t seq) {
    return collect_evidence(view, log.key().verifier(), AboutEntry{Seq{seq}});
  };
  EXPECT_TRUE(collect(testing::everything_of(log.store()), 2).has_value());
  const auto refused = collect(testing::everything_of(log.store()), 3);
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, ErrorCode::kCorrupt);
  EXPECT_THAT(refused.error().message, HasSubstr("the values of entry 3 are not those that were recorded"));
  // Who is not shown the values does not learn less of it.
  const view::Policy policy = view::Policy::make({}).value();
  const view::View auditor({.id = "user:a", .role = people::Role::kAuditor}, policy, log.store());
  EXPECT_EQ(collect(auditor, 3).error().code, ErrorCode::kCorrupt);
}

TEST(ErasedEvidenceTest, ErasureLeavesProofsAndOldEvidence) {
  TestLog log(true);
  Workload workload(4, Workload::Options());
  log.open();
  log.grow_to(workload, 400);
  const ledger::VerifierKey key = log.key().verifier();
  const auto& [place, row] = *std::ranges::find_if(workload.rows, [](const auto& r) { return !r.second.deleted; });
  const AboutEntry about{row.newest};
  const auto before = collect_evidence(testing::everything_of(log.store()), key, about);
  ASSERT_TRUE(before.has_value());
  const std::string old_file = format_evidence(*before);

  const auto stored = log.store().row({place.first}, place.second);
  ASSERT_TRUE(stored.has_value() && stored->has_value());
  ASSERT_TRUE(log.keys()->destroy((*stored)->key).has_value());
  log.append_erase_entry(fmt::format(R"({{"keys":[{}]}})", (*stored)->key.value));
  const auto after = collect_evidence(testing::everything_of(log.store()), key, about);
  ASSERT_TRUE(after.has_value()) << after.error().message;
  EXPECT_EQ(after->entries[0].values, Values::kErased);
  EXPECT_EQ(after->entries[0].salt, "");
  EXPECT_EQ(after->entries[0].body, "");
  const auto report = check_evidence(format_evidence(*after), key.format());
  ASSERT_TRUE(report.has_value());
  EXPECT_TRUE(report->ok());
  EXPECT_EQ(report->entries[0].values, Values::kErased);

  const auto old = check_evidence(old_file, key.format());
  ASSERT_TRUE(old.has_value());
  EXPECT_TRUE(old->ok());
  EXPECT_EQ(old->entries[0].values, Values::kHere);

  const VerifyReport verified = log.verify();
  EXPECT_TRUE(verified.ok()) << verified.findings[0].what;
  EXPECT_GT(verified.values_erased, 0u);
}

}  // namespace
}  // namespace rowledger::evidence
