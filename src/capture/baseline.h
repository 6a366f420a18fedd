#pragma once
// The tables as they are at one point of the WAL, brought together with the state: the first baseline, the
// baseline of a table that was added, and the comparison after anything that may have lost changes are one
// and the same walk. One thread at a time, with the writer's lock held.
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "capture/entry_writer.h"
#include "capture/row_recorder.h"
#include "capture/tables.h"
#include "postgres/snapshot.h"

namespace rowledger::capture {

class Baseline {
 public:
  Baseline(const Settings& settings, const store::Store& store, EntryWriter& writer, Tables& tables, StateView& state)
      : settings_(settings), store_(store), writer_(writer), tables_(tables), recorder_(tables, state, writer) {}

  // The log must hold exactly what was committed before the snapshot. Differences become entries; afterwards
  // the state is the snapshot. Tables that do not exist are passed over. Durable on return.
  // progress is told the rows so far; kCancelled when it answers false.
  Status record(postgres::SlotSnapshot& snapshot, const std::vector<std::string>& tables,
                const std::function<bool(uint64_t rows)>& progress);

  // Tables of the settings that have no whole baseline, or one that is not to be relied on any more.
  std::vector<std::string> due() const;
  // Locked: the table is to be compared again.
  static void mark_due(EntryWriter& writer, const std::string& table);
  // The table had a whole baseline once.
  bool was_complete(const std::string& table) const;

 private:
  Status record_table(postgres::SlotSnapshot& snapshot, const std::string& table, ChangeContext& context);
  std::string mark_of(const std::string& table) const;

  const Settings& settings_;
  const store::Store& store_;
  EntryWriter& writer_;
  Tables& tables_;
  RowRecorder recorder_;
  uint64_t rows_ = 0;
  std::function<bool(uint64_t)> progress_;
};

}  // namespace rowledger::capture
