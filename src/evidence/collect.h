#pragma once
// Makes evidence out of a log. Any thread.
#include <string>
#include <variant>

#include "evidence/evidence_bundle.h"
#include "ledger/note_key.h"
#include "view/view.h"

namespace rowledger::evidence {

struct AboutEntry {
  Seq seq;
};
struct AboutRow {
  std::string table, key;  // as for query::Reader::history
};
struct AboutSubject {
  std::string subject;  // "public.contacts/42"
};
struct AboutSearch {
  std::string query;
  bool all = false;  // also housekeeping
};
using EvidenceRequest = std::variant<AboutEntry, AboutRow, AboutSubject, AboutSearch>;

// What is in it besides headers and proofs.
enum class Contents {
  kWhatIsShown,  // the values of entries that the reader is shown as they are
  kAll,          // all of his part of the log: for who was asked for a reason, and is recorded
};

// The entries of the reader's part of the log that are asked for, with their proofs in the last signed checkpoint; for
// the newest ones it waits a moment for their signature (proof.h). Errors: kInvalid or kNotFound for what is asked,
// also when no entry fits it; kConflict when it is too much for one file; kUnavailable, kCorrupt as in proof.h;
// kCorrupt also for values that are not those that were recorded.
Result<Evidence> collect_evidence(const view::View& view, const ledger::VerifierKey& key,
                                  const EvidenceRequest& request, Contents contents = Contents::kWhatIsShown);

}  // namespace rowledger::evidence
