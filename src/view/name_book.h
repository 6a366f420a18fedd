#pragma once
// What ids were called, such as actors when they made a change: from a configured table, as the log knows it. Private
// to the room.
#include <functional>
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
  // From that entry on it was called so; descending; empty: not known.
  using Names = std::vector<std::pair<Seq, std::string>>;

  NameBook(const NamesSettings& settings, const store::Store& store) : settings_(settings), store_(store) {}

  // As it was just before `seq`; nothing when nobody knows, or no table is configured.
  Result<std::optional<std::string>> name_at(std::string_view actor, Seq seq);
  // All that there were, newest first.
  Result<std::vector<std::string>> names(std::string_view actor);
  // The same with their times. Null when no table is configured.
  Result<const Names*> history(std::string_view id);
  // That of the first ids, in the order of the table's keys.
  Status histories(size_t at_most, const std::function<void(std::string_view id, const Names&)>& visit);

 private:
  struct Page {
    Seq as_of;   // what the log said before this entry cannot change any more
    Seq newest;  // of the id's row
    Names since;
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
