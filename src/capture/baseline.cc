#include "capture/baseline.h"

#include "base/log.h"
#include "capture/rekey.h"

namespace rowledger::capture {
namespace {

using record::Value;

constexpr uint64_t kProgressEveryRows = 5'000;
constexpr size_t kStateChunkRows = 1'024;
// Marks in the store's meta, one a table.
constexpr char kStarted[] = "started", kComplete[] = "complete", kDue[] = "due";

std::string mark_key(const std::string& table) { return "baseline." + table; }

// The standing rows of a table's state in key order, read a chunk at a time: the walk writes behind itself.
class StateCursor {
 public:
  StateCursor(const store::Store& store, TableId table) : store_(store), table_(table) {}

  struct Row {
    std::string key;
    store::RowState state;
  };
  // Null at the end.
  Result<const Row*> peek() {
    if (at_ == chunk_.size() && !at_end_) RL_TRY(read_chunk());
    return at_ < chunk_.size() ? &chunk_[at_] : nullptr;
  }
  void next() { ++at_; }

 private:
  Status read_chunk() {
    chunk_.clear();
    at_ = 0;
    at_end_ = true;
    return store_.scan_rows(table_, from_, [&](std::string_view key, const store::RowState& row) {
      if (chunk_.size() == kStateChunkRows) {
        from_ = key;
        at_end_ = false;
        return false;
      }
      if (!row.deleted) chunk_.push_back({std::string(key), row});
      return true;
    });
  }

  const store::Store& store_;
  const TableId table_;
  std::vector<Row> chunk_;
  size_t at_ = 0;
  std::string from_;
  bool at_end_ = false;
};

}  // namespace

std::string Baseline::mark_of(const std::string& table) const {
  const auto mark = store_.meta(mark_key(table));
  return mark && *mark ? **mark : std::string();
}

bool Baseline::was_complete(const std::string& table) const {
  const std::string mark = mark_of(table);
  return mark == kComplete || mark == kDue;
}

std::vector<std::string> Baseline::due() const {
  std::vector<std::string> tables;
  for (const TableSettings& table : settings_.tables)
    if (mark_of(table.table) != kComplete) tables.push_back(table.table);
  return tables;
}

void Baseline::mark_due(EntryWriter& writer, const std::string& table) {
  writer.batch().set_meta(mark_key(table), kDue);
}

Status Baseline::record(postgres::SlotSnapshot& snapshot, const std::vector<std::string>& tables,
                        const std::function<bool(uint64_t)>& progress) {
  progress_ = progress;
  rows_ = 0;
  ChangeContext context;
  context.tx.system_id = snapshot.system().system_id;
  context.tx.timeline = snapshot.system().timeline;
  context.tx.commit_lsn = snapshot.consistent_point();
  context.tx.committed_at = context.received_at = Timestamp::now();
  RL_TRY(writer_.flush_and_wait());  // the walk over the state reads the store
  for (const std::string& table : tables) {
    if (Status done = record_table(snapshot, table, context); !done)
      return fail(std::move(done.error()).with_context("baseline of " + table));
  }
  (void)progress_(rows_);
  return writer_.flush_and_wait();
}

Status Baseline::record_table(postgres::SlotSnapshot& snapshot, const std::string& table, ChangeContext& context) {
  RL_ASSIGN(auto info, snapshot.table(settings_.publication, table));
  if (!info || info->key.empty()) {
    log::warning("table {} does not exist, or nothing identifies its rows: it is not captured", table);
    return {};
  }
  tables_.set_key(table, info->key);
  const bool complete = was_complete(table);
  const auto plan = tables_.plan_for(table, info->columns, info->replica_identity == 'f');
  RL_ASSIGN(const auto definition, snapshot.definition(table));
  if (!definition) return fail(ErrorCode::kConflict, "the table went away while it was read");
  tables_.compare_definition(*plan, *definition);
  plan->redefined_at = writer_.next_seq();
  tables_.record_schema(*plan, writer_, std::nullopt);
  RL_TRY(move_to_new_keys(store_, writer_, tables_, recorder_, *plan, context, [] {}));
  if (!complete) writer_.batch().set_meta(mark_key(table), kStarted);
  RL_TRY(writer_.flush_and_wait());

  StateCursor known(store_, plan->columns.table_id);
  RL_ASSIGN(const StateCursor::Row* first, known.peek());
  const bool merge = first != nullptr;
  Status failed;
  std::vector<Value> values;
  std::string key;
  const auto on_row = [&](const std::vector<std::optional<std::string_view>>& row) -> Status {
    values.clear();
    for (const auto& value : row) values.push_back(value ? Value::of(*value) : Value::null());
    if (values.size() != plan->columns.columns.size())
      return fail(ErrorCode::kCorrupt, "a row of the snapshot has other columns than the catalogue says");
    if (merge) {
      key.clear();
      for (const size_t i : plan->key) key.append(values[i].text).push_back('\0');
      while (true) {
        RL_ASSIGN(const StateCursor::Row* there, known.peek());
        if (there == nullptr || there->key > key) break;
        if (there->key < key) RL_TRY(recorder_.record_surplus(*plan, there->key, there->state, context));
        known.next();
      }
    }
    RL_TRY(recorder_.compare_with_table(*plan, values, complete, context));
    if (++rows_ % kProgressEveryRows == 0 && !progress_(rows_))
      return fail(ErrorCode::kCancelled, "stopped on request");
    if (writer_.batch_is_large()) writer_.flush();
    return {};
  };
  Status read = snapshot.read_table(*info, merge, [&](const auto& row) {
    failed = on_row(row);
    return failed.has_value();
  });
  RL_TRY(std::move(failed));
  RL_TRY(std::move(read));
  while (merge) {
    RL_ASSIGN(const StateCursor::Row* there, known.peek());
    if (there == nullptr) break;
    RL_TRY(recorder_.record_surplus(*plan, there->key, there->state, context));
    known.next();
    if (writer_.batch_is_large()) writer_.flush();
  }
  RL_TRY(end_left_behind(store_, writer_, tables_, recorder_, *plan, context));
  writer_.batch().set_meta(mark_key(table), kComplete);
  tables_.set_definition(table, *definition, writer_);
  return {};
}

}  // namespace rowledger::capture
