// Notes, checkpoints and keys from anybody: any bytes are taken or refused, and what is taken has one spelling.
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "ledger/checkpoint.h"
#include "ledger/ledger_testing.h"
#include "ledger/note.h"

namespace rowledger::ledger {
namespace {

void check_note_bytes(std::string_view bytes) {
  static const SigningKey key = testing::test_key();
  const auto note = parse_note(bytes);
  const auto opened = open_checkpoint(bytes, {{key.verifier()}});
  if (!note) {
    CHECK(note.error().code == ErrorCode::kCorrupt);
    CHECK(!opened);
    return;
  }
  CHECK(encode_note(*note) == bytes);
  CHECK(note->text.ends_with('\n') && !note->signatures.empty());
  const auto checkpoint = parse_checkpoint(note->text);
  if (checkpoint && checkpoint->extensions.empty()) CHECK(format_checkpoint(*checkpoint) == note->text);
  if (opened) {
    CHECK(checkpoint.has_value() && check_note(*note, {{key.verifier()}}).has_value());
    // The only text of this key that there is to mutate.
    CHECK(opened->checkpoint.size.value == 300);
  }
}

void check_key_text(std::string_view text) {
  if (const auto key = VerifierKey::parse(text)) CHECK(key->format() == text);
  if (const auto key = SigningKey::parse(text)) CHECK(key->format() == text);
}

}  // namespace
}  // namespace rowledger::ledger

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  rowledger::ledger::check_note_bytes(bytes);
  rowledger::ledger::check_key_text(bytes);
  return 0;
}
