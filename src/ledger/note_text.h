#pragma once
// What text a signed note may hold (https://c2sp.org/signed-note).
#include <string_view>

namespace rowledger::ledger {

// Valid UTF-8 (RFC 3629) without control characters below U+0020 other than newline.
bool is_note_text(std::string_view bytes);

// A key's name: note text that is not empty and has no newline, no Unicode space and no plus.
bool is_key_name(std::string_view name);

}  // namespace rowledger::ledger
