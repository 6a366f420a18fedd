#pragma once
// Proofs of entries that are in a signed checkpoint. Any thread.
#include <string>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "ledger/checkpoint.h"
#include "store/store.h"

namespace rowledger::evidence {

// How long to wait for an entry that was only just recorded to be signed.
inline constexpr int kWaitForSignatureMs = 1'000;

// The last signed checkpoint, once it has the entry. kNotFound: there is no such entry. kUnavailable: it is not signed
// within the time.
Result<ledger::SignedCheckpoint> checkpoint_with(const store::Store& store, const ledger::VerifierKey& key, Seq seq,
                                                 int wait_ms = kWaitForSignatureMs);

// The entry's audit path in the checkpoint's tree, checked against its root. kCorrupt when it does not fit.
Result<std::vector<Digest>> prove_header(const store::Store& store, const ledger::Checkpoint& checkpoint, Seq seq,
                                         std::string_view header);

// As a tlog-proof (ledger/tlog_proof.h).
Result<std::string> prove_entry(const store::Store& store, const ledger::VerifierKey& key, Seq seq,
                                int wait_ms = kWaitForSignatureMs);

// The key as it is configured. kConflict, saying what to do, when there is none.
Result<ledger::VerifierKey> verifier_key_of(std::string_view text);

}  // namespace rowledger::evidence
