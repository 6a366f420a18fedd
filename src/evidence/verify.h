#pragma once
// Whether a log is what it says it is: everything that the tree, the entries and the state promise of each other is
// computed anew from the entries (docs/format/evidence.md, "What verify checks").
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "ledger/checkpoint.h"
#include "ledger/note_key.h"
#include "store/store.h"

namespace rowledger::evidence {

inline constexpr size_t kMaxFindings = 100;

struct Finding {
  std::optional<Seq> seq;  // the entry that is wrong; nothing: it concerns the log as a whole
  std::string what;        // one or two sentences, without values
};

struct VerifyOptions {
  // Only entries from the one on with which this one's bundle of 256 begins. The tree is checked as a whole all the
  // same, from its tiles.
  Seq since;
  unsigned threads = 1;
  // False: headers, tree, counters and links alone; nothing is unsealed.
  bool values = true;
  // Why the keys of the values cannot be had, where that is a fault of its own: a finding.
  std::string keys_problem;
  // Where the last checkpoint is also kept (store/notary.h); empty: nowhere.
  std::filesystem::path second_place;
  // Signed checkpoints of before that were kept elsewhere: the log must hold what they sign.
  std::vector<std::string> kept_checkpoints;
};

struct VerifyReport {
  uint64_t entries = 0;         // in the log, when it began
  uint64_t headers = 0;         // of them, looked at
  uint64_t tiles = 0;           // full ones, of all levels
  uint64_t links = 0;           // between entries of a row
  uint64_t links_unproven = 0;  // of them, to another key's entry, which only values could explain
  uint64_t tenants = 0;
  uint64_t values = 0;  // entries whose values are those that were committed to
  uint64_t values_erased = 0, values_locked = 0;
  uint64_t rows = 0;           // of the state
  bool state_locked = false;   // no row could be read without the keys
  uint64_t rows_unproven = 0;  // of them, without an image to compare, or newer than what was looked at
  std::optional<ledger::Checkpoint> checkpoint;  // the last signed one, when its signature is right
  uint64_t unsigned_entries = 0;                 // behind it: nothing proves them yet
  uint64_t kept_checkpoints = 0;                 // compared
  // Nothing is kept at the second place: an older copy of the log would be in order as well.
  bool second_place_missing = false;
  double header_seconds = 0, value_seconds = 0, row_seconds = 0;

  std::vector<Finding> findings;  // at most kMaxFindings, the first entries first
  uint64_t findings_total = 0;
  bool ok() const { return findings_total == 0; }
};

enum class VerifyPhase { kHeaders, kValues, kRows };
std::string_view to_string(VerifyPhase phase);
// Called now and then, from the calling thread; total is 0 when it is not known. False: stop (kCancelled).
using VerifyProgress = std::function<bool(VerifyPhase phase, uint64_t done, uint64_t total)>;

// Reads the whole log. It may grow meanwhile: what comes in is not looked at. Memory: about 50 MB, and three bits for
// each entry. An error is one that kept it from looking (kIo, kCancelled); whatever is wrong with the log is a finding.
Result<VerifyReport> verify_log(const store::Store& store, const ledger::VerifierKey& key, const VerifyOptions& options,
                                const VerifyProgress& progress = {});

// As JSON, one object: {"ok":true,"entries":...,"findings":[{"seq":..,"what":".."}],...}
std::string to_json(const VerifyReport& report);

}  // namespace rowledger::evidence
