#pragma once
// Entries with everything that proves them, in one text file that is checked without the log, without Rowledger if need
// be (docs/format/evidence.md). Pure functions, safe from any thread.
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/crypto.h"
#include "base/ids.h"
#include "base/result.h"
#include "ledger/checkpoint.h"
#include "record/entry.h"

namespace rowledger::evidence {

inline constexpr size_t kMaxEvidenceBytes = 256 << 20;
inline constexpr size_t kMaxEvidenceEntries = 100'000;

struct EvidenceEntry {
  Seq seq;
  record::Values values = record::Values::kHere;
  std::string header;        // encoded, as it is in the tree
  std::string salt, body;    // when the values are here; otherwise empty
  std::vector<Digest> path;  // from the leaf's sibling upwards, in the checkpoint's tree

  bool operator==(const EvidenceEntry&) const = default;
};

struct Evidence {
  std::string about;                   // what was asked for, for people; nothing proves it
  std::string verifier_key;            // of the log that it comes from
  std::string checkpoint;              // signed, as it was published
  std::vector<EvidenceEntry> entries;  // ascending

  bool operator==(const Evidence&) const = default;
};

// Tells on each line beginning with '#' how to check it without this program.
std::string format_evidence(const Evidence& evidence);
// Takes it apart without trusting it. Malformed, altered on the way, too large: kCorrupt, with the line. What it takes
// has one spelling, apart from the lines with '#'.
Result<Evidence> parse_evidence(std::string_view bytes);

struct CheckedEntry {
  Seq seq;
  record::Values values = record::Values::kHere;
  std::string problem;                      // empty: all that it says is proven, but for why values are not here
  std::optional<record::OwnedEntry> entry;  // as far as it can be read
};

struct EvidenceReport {
  std::string about;
  std::string verifier_key;    // which the signature was checked with
  bool key_from_file = false;  // nobody said which key to expect: whether it is the log's own, the file cannot tell
  ledger::Checkpoint checkpoint;
  std::vector<CheckedEntry> entries;
  // Links of the entries here (prev, prev_at_key) to earlier ones that are not here. A gap entry has none that leads to
  // it: it can be missing, and nothing tells.
  uint64_t links_outside = 0;

  bool ok() const;
};

// For each entry: it is in the log of which the checkpoint is signed by the key, at its place; its values are those
// that were recorded. expected_key: as `status --json` told it, or somebody who knows; nothing: the file's own.
// An error when nothing can be said about any entry: kCorrupt (malformed, signature wrong, no entries), kInvalid (the
// expected key is none).
Result<EvidenceReport> check_evidence(std::string_view bytes, std::optional<std::string_view> expected_key);

}  // namespace rowledger::evidence
