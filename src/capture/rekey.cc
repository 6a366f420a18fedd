#include "capture/rekey.h"

#include <string>
#include <utility>
#include <vector>

namespace rowledger::capture {
namespace {
constexpr size_t kChunkRows = 1'024;
}

Status move_to_new_keys(const store::Store& store, EntryWriter& writer, Tables& tables, RowRecorder& recorder,
                        TablePlan& plan, ChangeContext& context, const std::function<void()>& before_flush) {
  const std::string table = plan.columns.table;
  const auto from_id = tables.moving_from(table);
  if (!from_id) return {};
  // Nobody of the transaction did this to the rows.
  const Who* const who = std::exchange(context.who, nullptr);
  std::string from;
  for (bool more = true; more;) {
    before_flush();
    RL_TRY(writer.flush_and_wait());  // from here on the store has every row
    std::vector<std::pair<std::string, store::RowState>> rows;
    more = false;
    RL_TRY(store.scan_rows(*from_id, from, [&](std::string_view key, const store::RowState& row) {
      if (rows.size() == kChunkRows) {
        from = key;
        more = true;
        return false;
      }
      if (!row.deleted) rows.emplace_back(key, row);
      return true;
    }));
    for (const auto& [key, row] : rows) RL_TRY(recorder.move_to_new_key(plan, *from_id, key, row, context));
  }
  tables.moved(table, writer);
  context.who = who;
  return {};
}

}  // namespace rowledger::capture
