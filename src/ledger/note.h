#pragma once
// Signed notes: a text and one or more lines of signatures under it (https://c2sp.org/signed-note,
// docs/format/checkpoint.md). Pure functions, safe from any thread.
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "ledger/note_key.h"

namespace rowledger::ledger {

inline constexpr size_t kMaxNoteBytes = 1 << 20;
inline constexpr size_t kMaxNoteSignatures = 100;

// One line "— name base64(key id || signature)". Of any type: only who knows the key knows it.
struct NoteSignature {
  std::string name;
  uint32_t key_id = 0;
  std::string signature;  // without the key id

  bool operator==(const NoteSignature&) const = default;
};

struct Note {
  std::string text;  // ends with a newline; the blank line behind it is not part of it
  std::vector<NoteSignature> signatures;

  bool operator==(const Note&) const = default;
};

// Takes a note apart without trusting it: the text says nothing before check_note has passed.
// Every malformed note is kCorrupt. What it takes, encode_note gives back byte for byte.
Result<Note> parse_note(std::string_view bytes);
std::string encode_note(const Note& note);

// At least one signature is of a known key, and every one that is of a known key is right; otherwise kCorrupt.
// Signatures of other keys do not count for or against. Returns the keys that signed, in the order given.
Result<std::vector<VerifierKey>> check_note(const Note& note, std::span<const VerifierKey> known);

// A note over the text with one signature. The text is note text (note_text.h) ending with a newline, otherwise
// kInvalid.
Result<Note> sign_note(std::string text, const SigningKey& key);

}  // namespace rowledger::ledger
