#include <fmt/format.h>

#include <algorithm>

#include "evidence/evidence_bundle.h"
#include "ledger/verifier.h"

namespace rowledger::evidence {
namespace {

using record::Values;

// Why the entry does not count; empty: it does.
std::string problem_of(const EvidenceEntry& entry, const ledger::Checkpoint& checkpoint) {
  const auto header = record::decode_header(entry.header);
  if (!header) return header.error().message;
  if (header->seq != entry.seq) return fmt::format("its header is that of entry {}", header->seq.value);
  if (const Status in_tree = ledger::verify_inclusion(ledger::leaf_hash(entry.header), {entry.seq.value},
                                                      checkpoint.size, entry.path, checkpoint.root);
      !in_tree)
    return "it is not in the log that the checkpoint signs: " + in_tree.error().message;
  if (entry.values != Values::kHere) return {};
  if (record::commitment_of(entry.salt, entry.body) != header->commitment)
    return "its values are not those that were recorded: they do not give its commitment";
  const auto body = record::decode_body(entry.body);
  return body ? std::string() : body.error().message;
}

CheckedEntry check_entry(EvidenceEntry entry, const ledger::Checkpoint& checkpoint) {
  CheckedEntry out;
  out.seq = entry.seq;
  out.values = entry.values;
  out.problem = problem_of(entry, checkpoint);
  // Without values nothing of a body is known; an entry in its encoded form has one.
  if (entry.values != Values::kHere) {
    entry.body.clear();
    record::encode_body({}, entry.body);
  }
  auto decoded =
      record::OwnedEntry::decode(std::move(entry.header), std::move(entry.salt), std::move(entry.body), entry.values);
  if (decoded) out.entry = std::move(*decoded);
  return out;
}

uint64_t links_outside(const std::vector<CheckedEntry>& entries) {
  uint64_t out = 0;
  for (const CheckedEntry& checked : entries) {
    if (!checked.entry) continue;
    const record::EntryHeader& header = checked.entry->header();
    for (const std::optional<Seq>& link : {header.prev, header.prev_at_key})
      if (link && !std::ranges::binary_search(entries, *link, {}, &CheckedEntry::seq)) ++out;
  }
  return out;
}

}  // namespace

bool EvidenceReport::ok() const {
  return std::ranges::all_of(entries, [](const CheckedEntry& entry) { return entry.problem.empty(); });
}

Result<EvidenceReport> check_evidence(std::string_view bytes, std::optional<std::string_view> expected_key) {
  std::optional<ledger::VerifierKey> key;
  if (expected_key) {
    RL_ASSIGN(key, ledger::VerifierKey::parse(*expected_key));
  }
  RL_ASSIGN(Evidence evidence, parse_evidence(bytes));
  if (evidence.entries.empty()) return fail(ErrorCode::kCorrupt, "the evidence has no entries: it proves nothing");
  if (!key) {
    auto own = ledger::VerifierKey::parse(evidence.verifier_key);
    if (!own) return fail(ErrorCode::kCorrupt, "the evidence's key is none: " + own.error().message);
    key = std::move(*own);
  }
  auto checkpoint = ledger::open_checkpoint(evidence.checkpoint, {&*key, 1});
  if (!checkpoint)
    return fail(std::move(checkpoint.error())
                    .with_context(expected_key ? "the checkpoint is not signed by the key that was expected"
                                               : "the checkpoint is not signed by the key in the file"));
  EvidenceReport out;
  out.about = std::move(evidence.about);
  out.verifier_key = key->format();
  out.key_from_file = !expected_key;
  out.checkpoint = std::move(checkpoint->checkpoint);
  for (EvidenceEntry& entry : evidence.entries) out.entries.push_back(check_entry(std::move(entry), out.checkpoint));
  out.links_outside = links_outside(out.entries);
  return out;
}

}  // namespace rowledger::evidence
