#include "ledger/note.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "base/bytes.h"
#include "base/crypto.h"
#include "ledger/note_text.h"

namespace rowledger::ledger {
namespace {

constexpr std::string_view kLinePrefix = "\u2014 ";  // an em dash
constexpr size_t kKeyIdBytes = 4;

tl::unexpected<Error> malformed_note(std::string_view what) {
  return fail(ErrorCode::kCorrupt, fmt::format("the signed note is malformed: {}", what));
}

// A line without its newline.
std::optional<NoteSignature> parse_line(std::string_view line) {
  if (!line.starts_with(kLinePrefix)) return std::nullopt;
  line.remove_prefix(kLinePrefix.size());
  const size_t space = line.find(' ');
  if (space == std::string_view::npos) return std::nullopt;
  NoteSignature out;
  out.name = line.substr(0, space);
  const auto bytes = from_base64(line.substr(space + 1));
  if (!is_key_name(out.name) || !bytes || bytes->size() <= kKeyIdBytes) return std::nullopt;
  out.key_id = ByteReader(*bytes).u32();
  out.signature = bytes->substr(kKeyIdBytes);
  return out;
}

bool is_by(const NoteSignature& signature, const VerifierKey& key) {
  return signature.key_id == key.key_id() && signature.name == key.name();
}

}  // namespace

Result<Note> parse_note(std::string_view bytes) {
  if (bytes.size() > kMaxNoteBytes) return malformed_note(fmt::format("it is longer than {} bytes", kMaxNoteBytes));
  if (!is_note_text(bytes)) return malformed_note("it is no UTF-8, or has control characters");
  // The last blank line divides; a text may have blank lines of its own.
  const size_t divide = bytes.rfind("\n\n");
  if (divide == std::string_view::npos) return malformed_note("no blank line divides the text from the signatures");
  Note out;
  out.text = bytes.substr(0, divide + 1);
  std::string_view lines = bytes.substr(divide + 2);
  if (lines.empty()) return malformed_note("it has no signatures");
  if (lines.back() != '\n') return malformed_note("its last line does not end");
  while (!lines.empty()) {
    const size_t end = lines.find('\n');
    auto signature = parse_line(lines.substr(0, end));
    if (!signature) return malformed_note(fmt::format("line {} of its signatures is none", out.signatures.size() + 1));
    if (out.signatures.size() == kMaxNoteSignatures)
      return malformed_note(fmt::format("it has more than {} signatures", kMaxNoteSignatures));
    out.signatures.push_back(std::move(*signature));
    lines.remove_prefix(end + 1);
  }
  return out;
}

std::string encode_note(const Note& note) {
  std::string out = note.text + "\n";
  for (const NoteSignature& signature : note.signatures) {
    std::string bytes;
    ByteWriter writer(bytes);
    writer.u32(signature.key_id);
    writer.raw(signature.signature);
    out += fmt::format("{}{} {}\n", kLinePrefix, signature.name, to_base64(bytes));
  }
  return out;
}

Result<std::vector<VerifierKey>> check_note(const Note& note, std::span<const VerifierKey> known) {
  std::vector<VerifierKey> signers;
  for (const VerifierKey& key : known) {
    bool signed_by_key = false;
    for (const NoteSignature& signature : note.signatures) {
      if (!is_by(signature, key)) continue;
      if (!key.verify(note.text, signature.signature))
        return fail(ErrorCode::kCorrupt,
                    fmt::format("the signature of {} is wrong: the text is not what it signed", key.name()));
      signed_by_key = true;
    }
    if (signed_by_key && std::find(signers.begin(), signers.end(), key) == signers.end()) signers.push_back(key);
  }
  if (signers.empty()) return fail(ErrorCode::kCorrupt, "the note has no signature of a key that is known here");
  return signers;
}

Result<Note> sign_note(std::string text, const SigningKey& key) {
  if (!is_note_text(text) || !text.ends_with('\n'))
    return fail(ErrorCode::kInvalid, "a note's text is UTF-8 without control characters and ends with a newline");
  Note out;
  out.signatures.push_back({key.verifier().name(), key.verifier().key_id(), key.sign(text)});
  out.text = std::move(text);
  return out;
}

}  // namespace rowledger::ledger
