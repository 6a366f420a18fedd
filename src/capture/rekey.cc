#include "capture/rekey.h"

#include <string>
#include <utility>
#include <vector>

namespace rowledger::capture {
namespace {
constexpr size_t kChunkRows = 1'024;

// Of the rows that stand under the id, a chunk at a time: what is done with them is written behind the walk.
Status for_each_row(const store::Store& store, EntryWriter& writer, TableId id,
                    const std::function<void()>& before_flush,
                    const std::function<Status(std::string_view key, const store::RowState&)>& visit) {
  std::string from;
  for (bool more = true; more;) {
    before_flush();
    RL_TRY(writer.flush_and_wait());  // from here on the store has every row
    std::vector<std::pair<std::string, store::RowState>> rows;
    more = false;
    RL_TRY(store.scan_rows(id, from, [&](std::string_view key, const store::RowState& row) {
      if (rows.size() == kChunkRows) {
        from = key;
        more = true;
        return false;
      }
      if (!row.deleted) rows.emplace_back(key, row);
      return true;
    }));
    for (const auto& [key, row] : rows) RL_TRY(visit(key, row));
  }
  return {};
}

}  // namespace

Status move_to_new_keys(const store::Store& store, EntryWriter& writer, Tables& tables, RowRecorder& recorder,
                        TablePlan& plan, ChangeContext& context, const std::function<void()>& before_flush) {
  const std::string table = plan.columns.table;
  const auto from_id = tables.moving_from(table);
  if (!from_id) return {};
  // Nobody of the transaction did this to the rows.
  const Who* const who = std::exchange(context.who, nullptr);
  RL_TRY(for_each_row(store, writer, *from_id, before_flush, [&](std::string_view key, const store::RowState& row) {
    return recorder.move_to_new_key(plan, *from_id, key, row, context);
  }));
  tables.moved(table, writer);
  context.who = who;
  // Of an erased row nothing but its newest entry tells whose it is: that is to be there before it is asked for.
  before_flush();
  return writer.flush_and_wait();
}

Status end_left_behind(const store::Store& store, EntryWriter& writer, Tables& tables, RowRecorder& recorder,
                       TablePlan& plan, ChangeContext& context) {
  const std::string table = plan.columns.table;
  for (const TableId id : tables.left_behind(table))
    RL_TRY(for_each_row(
        store, writer, id, [] {},
        [&](std::string_view key, const store::RowState& row) {
          return recorder.end_at_old_key(plan, id, key, row, context);
        }));
  tables.none_left_behind(table, writer);
  return {};
}

}  // namespace rowledger::capture
