#pragma once
// A body in two parts, so that the values can be sealed with their person's key while what many entries share
// stays together and compresses (docs/format/entry.md, "Two parts"):
//
//   frame    names of columns, presences and lengths, who made the change
//   values   the bytes of keys, values and detail, one after the other; the subject's key
//
// The commitment is over the body as a whole: parts are how it is stored, not what is promised.
#include <string>
#include <string_view>

#include "base/result.h"

namespace rowledger::record {

// Appends to both. body: as encode_body made it, of an entry of that table.
void split_body(std::string_view table, std::string_view body, std::string& frame, std::string& values);

// The body again, to the byte. kCorrupt when the parts do not belong together.
Result<std::string> join_body(std::string_view table, std::string_view frame, std::string_view values);

// A body for showing, when the values are gone: the frame's own facts, every value unknown, keys and detail empty.
Result<std::string> body_without_values(std::string_view frame);

}  // namespace rowledger::record
