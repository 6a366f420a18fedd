#include "ledger/tlog_proof.h"

#include <fmt/format.h>

#include <utility>

#include "base/check.h"
#include "ledger/decimal.h"
#include "ledger/note.h"
#include "ledger/verifier.h"

namespace rowledger::ledger {
namespace {

constexpr std::string_view kFirstLine = "c2sp.org/tlog-proof@v1", kExtra = "extra ", kIndex = "index ";

tl::unexpected<Error> malformed_proof(std::string_view what) {
  return fail(ErrorCode::kCorrupt, fmt::format("the proof is malformed: {}", what));
}

// Lines off the front of a text; the last line must end too.
class Lines {
 public:
  explicit Lines(std::string_view text) : rest_(text) {}

  // Without its newline; an unfinished line counts as empty, which ends every parser here.
  std::string_view next() {
    const size_t end = rest_.find('\n');
    const std::string_view line = end == std::string_view::npos ? std::string_view() : rest_.substr(0, end);
    rest_.remove_prefix(end == std::string_view::npos ? rest_.size() : end + 1);
    return line;
  }
  std::string_view rest() const { return rest_; }

 private:
  std::string_view rest_;
};

}  // namespace

std::string format_tlog_proof(const TlogProof& proof) {
  CHECK(proof.hashes.size() <= kMaxInclusionHashes && proof.extra.size() <= kMaxExtraBytes);
  std::string out = fmt::format("{}\n", kFirstLine);
  if (!proof.extra.empty()) out += fmt::format("{}{}\n", kExtra, to_base64(proof.extra));
  out += fmt::format("{}{}\n", kIndex, proof.index.value);
  for (const Digest& hash : proof.hashes) out += to_base64(as_view(hash)) + "\n";
  return out + "\n" + proof.checkpoint;
}

Result<TlogProof> parse_tlog_proof(std::string_view text) {
  if (text.size() > kMaxTlogProofBytes)
    return malformed_proof(fmt::format("it is longer than {} bytes", kMaxTlogProofBytes));
  Lines lines(text);
  if (lines.next() != kFirstLine) return malformed_proof(fmt::format("its first line is not {}", kFirstLine));
  TlogProof out;
  std::string_view line = lines.next();
  if (line.starts_with(kExtra)) {
    auto extra = from_base64(line.substr(kExtra.size()));
    if (!extra || extra->empty() || extra->size() > kMaxExtraBytes)
      return malformed_proof("its extra line holds no base64");
    out.extra = std::move(*extra);
    line = lines.next();
  }
  const auto index = line.starts_with(kIndex) ? parse_decimal(line.substr(kIndex.size())) : std::nullopt;
  if (!index || *index >= kMaxTreeSize) return malformed_proof("it has no line with the entry's index");
  out.index = {*index};
  for (line = lines.next(); !line.empty(); line = lines.next()) {
    const auto hash = from_base64(line);
    if (!hash || hash->size() != kHashBytes)
      return malformed_proof(fmt::format("line {} of its hashes is none", out.hashes.size() + 1));
    if (out.hashes.size() == kMaxInclusionHashes) return malformed_proof("it has more hashes than any tree needs");
    out.hashes.push_back(digest_at(*hash, 0));
  }
  out.checkpoint = lines.rest();
  if (auto note = parse_note(out.checkpoint); !note) return malformed_proof(note.error().message);
  return out;
}

Result<ProvenEntry> verify_tlog_proof(std::string_view entry, std::string_view proof,
                                      std::span<const VerifierKey> known) {
  RL_ASSIGN(const TlogProof parsed, parse_tlog_proof(proof));
  RL_ASSIGN(SignedCheckpoint checkpoint, open_checkpoint(parsed.checkpoint, known));
  if (auto included = verify_inclusion(leaf_hash(entry), parsed.index, checkpoint.checkpoint.size, parsed.hashes,
                                       checkpoint.checkpoint.root);
      !included)
    return fail(std::move(included.error())
                    .with_context(fmt::format("this is not entry {} of the signed tree of {} entries",
                                              parsed.index.value, checkpoint.checkpoint.size.value)));
  return ProvenEntry{parsed.index, std::move(checkpoint)};
}

}  // namespace rowledger::ledger
