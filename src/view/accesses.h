#pragma once
// Who has looked at what: the entries that reading leaves, as far as one reader may know of them.
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "view/view.h"

namespace rowledger::view {

struct AccessQuestion {
  std::string table, key;  // of the row that was looked at; empty: any. The whole key, as it was asked for
  std::string key_token;   // the same as it stands where no such row was known
  std::string reader;      // an id or a name, as it stands in the entry
  // What was looked for, as it stands in the entry ("#3f9a12"): any of these; none: anything.
  std::vector<std::string> tokens;
  std::optional<Timestamp> from, to;
};

// Newest first, from `from` on (inclusive), until visit returns false. Returns where to go on when many entries were
// looked at without an end.
Result<std::optional<Seq>> find_accesses(const View& view, const AccessQuestion& question, std::optional<Seq> from,
                                         const std::function<bool(const Shown&)>& visit);

}  // namespace rowledger::view
