#include "ledger/checkpoint.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "ledger/decimal.h"
#include "ledger/note_text.h"

namespace rowledger::ledger {
namespace {

tl::unexpected<Error> malformed_checkpoint(std::string_view what) {
  return fail(ErrorCode::kCorrupt, fmt::format("the checkpoint is malformed: {}", what));
}

}  // namespace

std::string format_checkpoint(const Checkpoint& checkpoint) {
  CHECK(!checkpoint.origin.empty() && checkpoint.origin.find('\n') == std::string::npos);
  CHECK(checkpoint.size.value <= kMaxTreeSize);
  return fmt::format("{}\n{}\n{}\n", checkpoint.origin, checkpoint.size.value, to_base64(as_view(checkpoint.root)));
}

Result<Checkpoint> parse_checkpoint(std::string_view text) {
  if (!is_note_text(text)) return malformed_checkpoint("it is no UTF-8, or has control characters");
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const size_t end = text.find('\n');
    if (end == std::string_view::npos) return malformed_checkpoint("its last line does not end");
    if (end == 0) return malformed_checkpoint("it has an empty line");
    lines.push_back(text.substr(0, end));
    text.remove_prefix(end + 1);
  }
  if (lines.size() < 3) return malformed_checkpoint("it has fewer than three lines");
  Checkpoint out;
  out.origin = lines[0];
  const auto size = parse_decimal(lines[1]);
  if (!size) return malformed_checkpoint("its second line is no tree size");
  out.size = {*size};
  const auto root = from_base64(lines[2]);
  if (!root || root->size() != kHashBytes) return malformed_checkpoint("its third line is no root hash");
  out.root = digest_at(*root, 0);
  if (*size == 0 && out.root != empty_root())
    return malformed_checkpoint("its tree is empty, but its root is not that of one");
  out.extensions.assign(lines.begin() + 3, lines.end());
  return out;
}

SignedCheckpoint sign_checkpoint(TreeSize size, const Digest& root, const SigningKey& key) {
  SignedCheckpoint out;
  out.checkpoint = {key.verifier().name(), size, root, {}};
  auto note = sign_note(format_checkpoint(out.checkpoint), key);
  CHECK(note.has_value());  // a key's name is fit to be an origin
  out.note = std::move(*note);
  return out;
}

Result<SignedCheckpoint> open_checkpoint(std::string_view bytes, std::span<const VerifierKey> known) {
  SignedCheckpoint out;
  RL_ASSIGN(out.note, parse_note(bytes));
  RL_ASSIGN(const std::vector<VerifierKey> signers, check_note(out.note, known));
  RL_ASSIGN(out.checkpoint, parse_checkpoint(out.note.text));
  const bool own = std::any_of(signers.begin(), signers.end(),
                               [&](const VerifierKey& key) { return key.name() == out.checkpoint.origin; });
  if (!own) return fail(ErrorCode::kCorrupt, "the checkpoint is of another log than the key that signed it");
  return out;
}

}  // namespace rowledger::ledger
