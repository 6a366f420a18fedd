#include "evidence/proof.h"

#include <fmt/format.h>

#include <chrono>
#include <thread>

#include "ledger/tile_tree.h"
#include "ledger/tlog_proof.h"
#include "ledger/verifier.h"
#include "store/notary.h"

namespace rowledger::evidence {
namespace {

constexpr auto kLook = std::chrono::milliseconds(20);

}  // namespace

Result<ledger::SignedCheckpoint> checkpoint_with(const store::Store& store, const ledger::VerifierKey& key, Seq seq,
                                                 int wait_ms) {
  const uint64_t end = store.end().value;
  if (seq.value >= end) {
    return fail(ErrorCode::kNotFound,
                end == 0 ? std::string("the log is empty")
                         : fmt::format("there is no entry {}: the log goes from 0 to {}", seq.value, end - 1));
  }
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(wait_ms);
  while (true) {
    RL_ASSIGN(auto last, store::last_checkpoint(store, key));
    if (last && last->checkpoint.size.value > seq.value) return std::move(*last);
    if (std::chrono::steady_clock::now() >= deadline) {
      return fail(
          ErrorCode::kUnavailable,
          fmt::format("entry {} is not in a signed checkpoint yet: the daemon signs within a second; start `rowledger "
                      "serve`, or try again",
                      seq.value));
    }
    std::this_thread::sleep_for(kLook);
  }
}

Result<std::vector<Digest>> prove_header(const store::Store& store, const ledger::Checkpoint& checkpoint, Seq seq,
                                         std::string_view header) {
  const ledger::TreeEdge edge = store.tree_edge();
  const ledger::TileTree tree(store.tiles(), edge);
  RL_ASSIGN(std::vector<Digest> path, tree.prove_inclusion({seq.value}, checkpoint.size));
  const Status fits =
      ledger::verify_inclusion(ledger::leaf_hash(header), {seq.value}, checkpoint.size, path, checkpoint.root);
  if (fits) return path;
  return fail(ErrorCode::kCorrupt,
              fmt::format("entry {} is not the one that was signed: `rowledger verify` tells more", seq.value));
}

Result<std::string> prove_entry(const store::Store& store, const ledger::VerifierKey& key, Seq seq, int wait_ms) {
  RL_ASSIGN(const ledger::SignedCheckpoint last, checkpoint_with(store, key, seq, wait_ms));
  RL_ASSIGN(const std::vector<std::string> headers, store.headers(seq, 1));
  ledger::TlogProof proof;
  proof.index = {seq.value};
  RL_ASSIGN(proof.hashes, prove_header(store, last.checkpoint, seq, headers.front()));
  proof.checkpoint = last.encode();
  return ledger::format_tlog_proof(proof);
}

Result<ledger::VerifierKey> verifier_key_of(std::string_view text) {
  if (text.empty())
    return fail(ErrorCode::kConflict,
                "this installation has no key that checkpoints are signed with, so that nothing can be "
                "proven: see signing_key in keys.toml");
  return ledger::VerifierKey::parse(text);
}

}  // namespace rowledger::evidence
