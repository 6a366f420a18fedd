#pragma once
// A proof that an entry is in the log, in one text that is checked without the log: https://c2sp.org/tlog-proof,
// docs/format/checkpoint.md. Files of it are called *.tlog-proof. Pure functions, safe from any thread.
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/crypto.h"
#include "base/result.h"
#include "ledger/checkpoint.h"
#include "ledger/note_key.h"
#include "ledger/tree.h"

namespace rowledger::ledger {

inline constexpr size_t kMaxTlogProofBytes = kMaxNoteBytes + (1 << 18);
inline constexpr size_t kMaxExtraBytes = 1 << 16;
inline constexpr size_t kMaxInclusionHashes = 63;

struct TlogProof {
  LeafIndex index;
  std::vector<Digest> hashes;  // from the leaf's sibling upwards
  std::string checkpoint;      // a signed checkpoint as it was published
  // Whatever the writer adds, at most kMaxExtraBytes; empty: none. Nothing proves it.
  std::string extra;

  bool operator==(const TlogProof&) const = default;
};

std::string format_tlog_proof(const TlogProof& proof);
// Takes a proof apart without trusting it. Malformed: kCorrupt. What it takes, format_tlog_proof gives back byte for
// byte. The checkpoint has been found to be a note, no more.
Result<TlogProof> parse_tlog_proof(std::string_view text);

struct ProvenEntry {
  LeafIndex index;
  SignedCheckpoint checkpoint;  // in whose tree it is
};

// The entry, in its encoded bytes, is in the log of one of these keys. kCorrupt says what is wrong: the text, the
// signature, or that the entry is not the one of the proof.
Result<ProvenEntry> verify_tlog_proof(std::string_view entry, std::string_view proof,
                                      std::span<const VerifierKey> known);

}  // namespace rowledger::ledger
