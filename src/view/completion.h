#pragma once
// What a search can go on with at a place: keys of the grammar, and values that the reader's part of the log has.
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "view/view.h"

namespace rowledger::view {

struct Completion {
  size_t position = 0, length = 0;  // what of the text is replaced, in bytes
  std::vector<std::string> texts;   // "field:", or "phone"; the likeliest first
};

// position: of the cursor, in bytes. Only names are completed, never values of rows.
Result<Completion> complete(const View& view, std::string_view text, size_t position);

}  // namespace rowledger::view
