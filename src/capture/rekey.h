#pragma once
// A table whose rows are identified by other columns than before: the known rows move to their new keys, so that
// each one's history goes on and no ghost stays under an old key.
#include <functional>

#include "capture/entry_writer.h"
#include "capture/row_recorder.h"
#include "capture/tables.h"
#include "store/store.h"

namespace rowledger::capture {

// With the writer's lock held, after plan's schema was recorded. Nothing to do unless tables.moving_from() says so.
// A crash inside leaves rows that the next call moves. Waits for the disk; before_flush is called before each flush,
// to make the cursor fit what is in the batch.
Status move_to_new_keys(const store::Store& store, EntryWriter& writer, Tables& tables, RowRecorder& recorder,
                        TablePlan& plan, ChangeContext& context, const std::function<void()>& before_flush);

// After the table was compared with the log, which moves the rows that were left behind: ends those that it has no
// more, or not under a key that tells.
Status end_left_behind(const store::Store& store, EntryWriter& writer, Tables& tables, RowRecorder& recorder,
                       TablePlan& plan, ChangeContext& context);

}  // namespace rowledger::capture
