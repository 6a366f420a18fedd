#pragma once
// Whose values an entry of the log is about: of erasures and holds.
#include <string_view>
#include <vector>

#include "base/result.h"
#include "store/store.h"

namespace rowledger::capture {

// Of an erase entry's detail: {"owners":[{"tenant":"1","subject":"public.contacts/42"}], ...}. kCorrupt when it names
// none.
Result<std::vector<store::Owner>> owners_of(std::string_view detail);

}  // namespace rowledger::capture
