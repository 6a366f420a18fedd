#pragma once
// A checkpoint: what the log's tree was at one size, signed (https://c2sp.org/tlog-checkpoint,
// docs/format/checkpoint.md). Pure functions, safe from any thread.
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/crypto.h"
#include "base/result.h"
#include "ledger/note.h"
#include "ledger/tree.h"

namespace rowledger::ledger {

struct Checkpoint {
  std::string origin;  // which log
  TreeSize size;
  Digest root{};
  // Lines that other logs add. Read, never written.
  std::vector<std::string> extensions;

  bool operator==(const Checkpoint&) const = default;
};

// "origin\nsize\nbase64(root)\n", without extension lines.
std::string format_checkpoint(const Checkpoint& checkpoint);
// A note's text. kCorrupt when it is no checkpoint in its one spelling, when its size is above kMaxTreeSize, or when
// the empty tree has another root than it must.
Result<Checkpoint> parse_checkpoint(std::string_view text);

struct SignedCheckpoint {
  Checkpoint checkpoint;
  Note note;

  bool operator==(const SignedCheckpoint&) const = default;
  std::string encode() const { return encode_note(note); }
};

// The origin is the key's name, as the specification advises. Whether the log may sign this, after all that it has
// signed before, is for the caller to know.
SignedCheckpoint sign_checkpoint(TreeSize size, const Digest& root, const SigningKey& key);

// Parses and checks: signed by a known key whose name is the checkpoint's origin. Otherwise kCorrupt.
Result<SignedCheckpoint> open_checkpoint(std::string_view bytes, std::span<const VerifierKey> known);

}  // namespace rowledger::ledger
