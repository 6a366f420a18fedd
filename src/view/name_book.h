#pragma once
// What actors were called when they made a change: from the configured table, as the log knows it. Private to the room.
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "store/store.h"
#include "view/policy.h"

namespace rowledger::view {

// One thread at a time. Keeps what it has looked up, and looks again for entries that are newer.
class NameBook {
 public:
  NameBook(const NamesSettings& settings, const store::Store& store) : settings_(settings), store_(store) {}

  // As it was just before `seq`; nothing when nobody knows, or no table is configured.
  Result<std::optional<std::string>> name_at(std::string_view actor, Seq seq);
  // All that there were, newest first.
  Result<std::vector<std::string>> names(std::string_view actor);

 private:
  struct Page {
    Seq as_of;   // what the log said before this entry cannot change any more
    Seq newest;  // of the actor's row
    std::vector<std::pair<Seq, std::string>>
        since;  // descending; from that entry on he was called so; empty: not known
  };
  // Good for entries before `seq`. Null when no table is configured.
  Result<const Page*> page_of(std::string_view actor, Seq seq);
  Result<Page> read(std::string_view actor, const store::RowState& row) const;
  // Whether the table is captured by the configured column.
  bool find_table();

  const NamesSettings& settings_;
  const store::Store& store_;
  bool looked_for_table_ = false;
  std::optional<TableId> table_;
  std::map<std::string, Page, std::less<>> pages_;
};

}  // namespace rowledger::view
