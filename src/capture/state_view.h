#pragma once
// The newest image of every row as the builder sees it: the store's state, overlaid with what was built
// but is not durable yet, with a cache of recently used rows in front. One thread (the builder), with
// the writer's lock held.
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "capture/entry_writer.h"
#include "store/row_table.h"
#include "store/store.h"

namespace rowledger::capture {

class StateView {
 public:
  StateView(const store::Store& store, EntryWriter& writer, size_t cache_bytes)
      : store_(store), writer_(writer), generation_bytes_(cache_bytes / 2) {}

  // Null for a row that was never known. The pointer is good until the next call.
  Result<const store::RowState*> find(TableId table, std::string_view key);

  // Reads those of the rows that are not known here yet, together, which costs a fraction of finding one at a time; as
  // many as have room, since a few messages can concern rows of any size. keys: in any order, each as often as it
  // likes.
  Status read_ahead(TableId table, std::vector<std::string_view>& keys);

  // Whose a row is of which nothing else is known: its newest entry, which is durable, has it in its header. Empty:
  // nobody's.
  Result<std::string> tenant_of_erased(const store::RowState& row) const;

  // Everything that was put is durable: the store knows it all, and perhaps that values were erased since.
  void forget_all();

  // Of memory in use.
  size_t bytes() const { return young_.bytes() + old_.bytes(); }

  // Also puts the change into the writer's batch.
  void put(TableId table, std::string_view key, store::RowState row);

 private:
  bool is_here(TableId table, std::string_view key);
  void make_cache_key(TableId table, std::string_view key);
  void remember(TableId table, std::string_view key, const store::RowState& row);

  const store::Store& store_;
  EntryWriter& writer_;
  const size_t generation_bytes_;
  // Two generations instead of a list by age: what is used moves to the young one; when that is full, the old one is
  // dropped whole. A row that is not durable yet is never dropped. What is in both is right in the young one.
  store::RowTable young_, old_;
  uint64_t old_complete_at_batch_ = 0;  // every row of old_ is durable with this batch
  std::string cache_key_;
  store::RowState found_;
};

}  // namespace rowledger::capture
