#pragma once
// How the rows of each captured table are recorded: settings and columns brought together, one plan
// for each version of a table's columns. One thread (the builder).
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "capture/column_history.h"
#include "capture/entry_writer.h"
#include "capture/settings.h"
#include "postgres/pgoutput.h"
#include "record/schema.h"
#include "store/store.h"

namespace rowledger::capture {

struct TablePlan {
  const TableSettings* settings = nullptr;
  record::TableSchema columns;  // id is set when `recorded`
  bool recorded = false;        // the schema stands in the log
  bool full_identity = false;
  std::vector<size_t> key;  // positions of the key's columns
  std::optional<size_t> tenant, subject, actor;
  std::vector<bool> housekeeping;  // by position
  std::string subject_prefix;      // "public.contacts/"
  bool self_subject = false;
  std::vector<ColumnPast> past;  // by position; empty: nothing is known
  // Set while the table waits to be compared because columns were redefined: images of entries before it may
  // be from before that.
  std::optional<Seq> redefined_at;
  std::string redefined_to_tell;  // a JSON list of columns, for the schema entry
};

class Tables {
 public:
  Tables(const Settings& settings, const store::Store& store);

  const TableSettings* settings_of(std::string_view table) const;

  // The key as the catalogue tells it: used for tables with REPLICA IDENTITY FULL, whose relation message calls
  // every column a key, and for those that have lost theirs. An empty one leaves the last known.
  void set_key(const std::string& table, std::vector<std::string> columns);

  // A relation message: later rows of that oid have these columns. Tables that are not configured are
  // remembered as such, and answered with null.
  TablePlan* learn(const postgres::Relation& relation);
  // Locked. The table's definition in the catalogue at or after the relation message: whether the values of untouched
  // rows may have changed since the state was last right. True when the table is to be compared for it and was not
  // known to be.
  bool note_definition(TablePlan& plan, const postgres::TableDefinition& now, EntryWriter& writer);
  // Locked. The state is as the table was when it was so defined.
  void set_definition(const std::string& table, const postgres::TableDefinition& now, EntryWriter& writer);
  // For a baseline: how the images' columns compare with those of the plan.
  void compare_definition(TablePlan& plan, const postgres::TableDefinition& now) const;
  // Configured columns that a table does not have (any more), one sentence each. Any thread.
  std::vector<std::string> warnings() const;
  // The same from the catalogue, for a baseline.
  std::unique_ptr<TablePlan> plan_for(const std::string& table, std::vector<record::Column> columns,
                                      bool full_identity) const;

  // Null for a relation that was announced but is not configured. kCorrupt when it was never announced.
  Result<TablePlan*> plan(uint32_t relation_oid);
  void forget_relations() { by_oid_.clear(); }  // a new stream announces them again

  // Makes sure that the plan's schema is in the log before its first row is: writes a schema entry when the
  // columns differ from the table's last known ones. With another key, the table's state begins anew under
  // another id, and the rows are to be moved there before any other is recorded (rekey.h).
  void record_schema(TablePlan& plan, EntryWriter& writer, const std::optional<record::TxIdentity>& tx);

  // The schema of a state image. Known for every id that the log has.
  const record::TableSchema& schema(SchemaId id) const { return *by_id_.at(id.value); }
  std::optional<TableId> table_id(std::string_view table) const;
  // The id under which rows may still stand that were known by an older key. Kept over a restart.
  std::optional<TableId> moving_from(const std::string& table) const;
  void moved(const std::string& table, EntryWriter& writer);
  // The ids under which rows stand whose values are erased, and of which only the table itself tells the new key. Kept
  // over a restart, until the table has been compared.
  const std::vector<TableId>& left_behind(const std::string& table) const;
  void leave_behind(const std::string& table, TableId id, EntryWriter& writer);
  void none_left_behind(const std::string& table, EntryWriter& writer);
  // The newest columns of that id.
  const record::TableSchema& newest_of(TableId id) const;

 private:
  const Settings& settings_;
  std::unordered_map<uint32_t, std::unique_ptr<TablePlan>> by_oid_;
  std::unordered_map<uint32_t, std::shared_ptr<const record::TableSchema>> by_id_;
  std::unordered_map<std::string, std::shared_ptr<const record::TableSchema>> newest_;
  std::unordered_map<std::string, std::vector<std::string>> keys_;
  std::unordered_map<std::string, TableId> moving_from_;
  std::unordered_map<std::string, std::vector<TableId>> left_behind_;
  void warn_of_missing_columns(const TablePlan& plan, const record::TableSchema* before, EntryWriter& writer);

  std::unordered_map<std::string, postgres::TableDefinition> definitions_;  // that the state fits, as in meta
  std::unordered_map<std::string, postgres::TableDefinition> redefined_;    // of tables to be compared: the newest seen
  mutable std::mutex warnings_mutex_;
  std::unordered_map<std::string, std::vector<std::string>> warnings_;  // by table
  uint32_t next_schema_id_ = 0, next_table_id_ = 0;
};

}  // namespace rowledger::capture
