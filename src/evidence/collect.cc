#include "evidence/collect.h"

#include <fmt/format.h>

#include <algorithm>

#include "evidence/proof.h"
#include "query/reader.h"

namespace rowledger::evidence {
namespace {

using record::OwnedEntry;
using record::Values;

// In base64 they take a third more, and there are proofs.
constexpr size_t kMaxCollectedBytes = kMaxEvidenceBytes / 2;
constexpr size_t kProofBytes = 2'048;
constexpr size_t kMaxQuotedBytes = 3'000;

class Collector {
 public:
  Collector(const view::View& view, const ledger::VerifierKey& key, bool all_values)
      : view_(view), store_(view.scope()), key_(key), all_values_(all_values) {}

  Status operator()(const AboutEntry& about) {
    evidence_.about = fmt::format("entry {}", about.seq.value);
    RL_ASSIGN(const std::optional<OwnedEntry> entry, store_.read(about.seq));
    if (entry) take(*entry);
    return {};
  }

  Status operator()(const AboutRow& about) {
    evidence_.about = fmt::format("row {} of {}", about.key.substr(0, kMaxQuotedBytes), about.table.substr(0, 500));
    const query::Reader reader(store_);
    std::optional<Seq> before;
    do {
      RL_ASSIGN(query::RowHistoryPage page, reader.history(about.table, about.key, before, kPageEntries));
      for (const OwnedEntry& entry : page.entries)
        if (!take(entry)) return {};
      before = page.next;
    } while (before);
    return {};
  }

  Status operator()(const AboutSubject& about) {
    evidence_.about = "subject " + about.subject.substr(0, kMaxQuotedBytes);
    const store::Filter filter{store::Filter::Op::kTerm, {store::Dimension::kSubject, about.subject}, {}};
    const uint64_t end = store_.end().value;
    for (uint64_t range = 0; range * store::Store::kIndexRange < end; ++range) {
      RL_ASSIGN(const std::vector<Seq> seqs, store_.candidates(range, filter));
      for (const Seq seq : seqs) {
        RL_ASSIGN(const std::optional<OwnedEntry> entry, store_.read(seq));
        if (entry && entry->body().subject == about.subject && !take(*entry)) return {};
      }
    }
    return {};
  }

  Status operator()(const AboutSearch& about) {
    evidence_.about = "search " + about.query.substr(0, kMaxQuotedBytes);
    const auto search = query::Search::parse(about.query, Timestamp::now(), about.all);
    if (!search) return fail(ErrorCode::kInvalid, query::to_string(search.error(), about.query));
    Status inner;
    RL_TRY(view_.search(*search, query::Order::kOldestFirst, std::nullopt, [&](const view::Shown& shown) {
      const auto entry = store_.read(shown.seq());
      if (!entry) inner = fail(entry.error());
      return entry && (!*entry || take(**entry));
    }));
    return inner;
  }

  Result<Evidence> prove() {
    RL_TRY(whole_);
    if (is_full_) {
      return fail(ErrorCode::kConflict,
                  fmt::format("{} is more than one file of evidence holds ({} entries, {} MB): ask for less, "
                              "for example for a time with created:",
                              evidence_.about, kMaxEvidenceEntries, kMaxEvidenceBytes >> 20));
    }
    if (evidence_.entries.empty()) return fail(ErrorCode::kNotFound, "no entry matches: " + evidence_.about);
    std::ranges::sort(evidence_.entries, {}, &EvidenceEntry::seq);
    const auto is_same = [](const EvidenceEntry& a, const EvidenceEntry& b) { return a.seq == b.seq; };
    evidence_.entries.erase(std::unique(evidence_.entries.begin(), evidence_.entries.end(), is_same),
                            evidence_.entries.end());
    RL_ASSIGN(const ledger::SignedCheckpoint last, checkpoint_with(store_, key_, evidence_.entries.back().seq));
    for (EvidenceEntry& entry : evidence_.entries) {
      RL_ASSIGN(entry.path, prove_header(store_, last.checkpoint, entry.seq, entry.header));
    }
    evidence_.verifier_key = key_.format();
    evidence_.checkpoint = last.encode();
    return std::move(evidence_);
  }

 private:
  static constexpr size_t kPageEntries = 500;

  static bool is_whole(const OwnedEntry& found) {
    return record::commitment_of(found.salt(), found.body_bytes()) == found.header().commitment;
  }

  static Status altered(Seq seq) {
    return fail(ErrorCode::kCorrupt,
                fmt::format("the values of entry {} are not those that were recorded: they do not give its commitment; "
                            "run rowledger verify",
                            seq.value));
  }

  // False: no more is wanted.
  bool take(const OwnedEntry& found) {
    EvidenceEntry entry{found.header().seq, found.values(), std::string(found.header_bytes()), {}, {}, {}};
    // What is kept from the reader is as if its key were not here. So is what he sees only a part of; who is shown all
    // of the log sees all of each entry.
    if (entry.values == Values::kHere && !is_whole(found)) {
      if (store_.is_whole()) whole_ = altered(entry.seq);
      if (!whole_) return false;
      entry.values = Values::kLocked;
    }
    if (entry.values == Values::kHere && !all_values_) entry.values = Values::kLocked;
    if (entry.values == Values::kHere) {
      entry.salt = found.salt();
      entry.body = found.body_bytes();
    }
    bytes_ += entry.header.size() + entry.body.size() + kProofBytes;
    is_full_ = bytes_ > kMaxCollectedBytes || evidence_.entries.size() == kMaxEvidenceEntries;
    if (!is_full_) evidence_.entries.push_back(std::move(entry));
    return !is_full_;
  }

  const view::View& view_;
  const store::Store& store_;
  const ledger::VerifierKey& key_;
  const bool all_values_;
  Evidence evidence_;
  size_t bytes_ = 0;
  bool is_full_ = false;
  Status whole_;  // else an entry is not what was recorded
};

}  // namespace

Result<Evidence> collect_evidence(const view::View& view, const ledger::VerifierKey& key,
                                  const EvidenceRequest& request, Contents contents) {
  Collector collector(view, key, contents == Contents::kAll || !view.masks());
  RL_TRY(std::visit(collector, request));
  return collector.prove();
}

}  // namespace rowledger::evidence
