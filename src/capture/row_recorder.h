#pragma once
// From a row's change in the stream to an entry and a new state: the comparison with the newest known
// image. One thread (the builder), with the writer's lock held.
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "capture/attribution.h"
#include "capture/entry_writer.h"
#include "capture/state_view.h"
#include "capture/tables.h"
#include "postgres/pgoutput.h"

namespace rowledger::capture {

// Where a change stands: its transaction and who acts there. The recorder takes the ordinals.
struct ChangeContext {
  record::TxIdentity tx;  // tx.ordinal: the next entry's
  const Who* who = nullptr;
  uint32_t relation = 0;  // as the stream names the table
  bool bulk = false;
  Timestamp received_at;
};

// Reasons of gap entries that a single row gives rise to.
inline constexpr char kUnknownRow[] = "unknown-row";             // changed or deleted, but never seen before
inline constexpr char kRowAlreadyKnown[] = "row-already-known";  // inserted, but never seen deleted
inline constexpr char kStateDiffers[] = "state-differs";         // the server's old row is not the one known here
inline constexpr char kReconcile[] = "reconcile";                // found by comparing state and table
inline constexpr char kRedefined[] = "columns-redefined";        // a schema change did it, or somebody after it
inline constexpr char kKeyChanged[] = "key-changed";             // its table identifies rows by other columns now

// The key that a row of the stream is known by in the state. False when the tuple does not have all of it.
bool read_key(const TablePlan& plan, const postgres::Tuple& tuple, std::string& out);

class RowRecorder {
 public:
  RowRecorder(Tables& tables, StateView& state, EntryWriter& writer)
      : tables_(tables), state_(state), writer_(writer) {}

  Status insert(TablePlan& plan, const postgres::Tuple& after, ChangeContext& context);
  Status update(TablePlan& plan, const postgres::Update& update, ChangeContext& context);
  Status remove(TablePlan& plan, const postgres::Delete& removal, ChangeContext& context);

  // The entry that says that the table was emptied; each removed row follows by remove_known.
  void truncate(TablePlan& plan, const postgres::Truncate& truncate, ChangeContext& context);
  // A row of the state goes because its table was truncated.
  Status remove_known(TablePlan& plan, std::string_view key, const store::RowState& row, ChangeContext& context);

  // The row as a baseline read it: nothing when the state has it just so; a gap entry with the differences when
  // it has another, or ought to have it (complete: the table had a whole baseline before); else a baseline entry.
  Status compare_with_table(TablePlan& plan, const std::vector<record::Value>& values, bool complete,
                            ChangeContext& context);
  // The state has a row which the table has not.
  Status record_surplus(TablePlan& plan, std::string_view key, const store::RowState& row, ChangeContext& context);

  // A row that is known by the key that its table had before, under the id `from`: an update that moves it to its
  // new key; a gap entry that ends it when the new key's columns are not known of it. When that is because its values
  // are erased, it is left behind, and compare_with_table() moves it.
  Status move_to_new_key(TablePlan& plan, TableId from, std::string_view key, const store::RowState& row,
                         ChangeContext& context);
  // That gap entry.
  Status end_at_old_key(TablePlan& plan, TableId from, std::string_view key, const store::RowState& row,
                        ChangeContext& context);

 private:
  struct Known {
    bool exists = false;  // the row is known and stands; old_ holds its values
    bool erased = false;  // but these are gone: old_ holds unknown ones
    std::optional<Seq> newest;
    bool redefined = false;     // the image is from before columns were redefined
    bool same_columns = false;  // the image has the plan's columns
  };
  Result<Known> load_old(const TablePlan& plan, std::string_view key);
  Status old_from_image(const TablePlan& plan, const store::RowState& row);
  void forget_redefined(const TablePlan& plan);
  std::optional<Seq> record_redefined(const TablePlan& plan, std::string_view key, const Known& known,
                                      ChangeContext& context);
  record::Entry& start_gap(const TablePlan& plan, std::string_view detail, std::string_view key,
                           ChangeContext& context);
  void read_tuple(const postgres::Tuple& tuple, std::vector<record::Value>& out);
  void key_parts(const TablePlan& plan, const std::vector<record::Value>& values,
                 std::vector<std::string_view>& parts) const;
  void set_key(const TablePlan& plan, const std::vector<std::string_view>& parts,
               std::vector<record::KeyPart>& out) const;
  record::Entry& start_entry(record::EntryKind kind, const TablePlan& plan, ChangeContext& context);
  record::Value value_of(const TablePlan& plan, size_t column, const std::vector<record::Value>& values) const;
  void set_owner(const TablePlan& plan, const std::vector<record::Value>& values);
  void take_actor_from_column(const TablePlan& plan, const ChangeContext& context, bool only_if_changed);
  void compare_columns(const TablePlan& plan);
  void list_all(const TablePlan& plan, const std::vector<record::Value>& values, bool as_new);
  void record_row_gap(const TablePlan& plan, std::string_view reason, std::string_view key, ChangeContext& context);
  std::optional<Seq> compare_with_server_old(const TablePlan& plan, std::string_view key, const Known& known,
                                             ChangeContext& context);
  Result<bool> move_left_behind(TablePlan& plan, ChangeContext& context);
  Status put_at_new_key(TablePlan& plan, TableId from, std::string_view key, const store::RowState& row,
                        ChangeContext& context);
  std::vector<record::KeyPart> old_key_of(const store::RowState& row, std::string_view key) const;
  void store_row(const TablePlan& plan, std::string_view key, Seq seq);
  void forget_row(const TablePlan& plan, std::string_view key, Seq seq);

  Tables& tables_;
  StateView& state_;
  EntryWriter& writer_;
  // Reused from change to change, so that none of them allocates.
  std::vector<record::Value> old_, new_, server_old_, image_values_;
  std::vector<bool> unchanged_;
  std::vector<std::string_view> parts_, old_parts_;
  std::string key_, old_key_, subject_, tenant_digest_, image_;
  std::string erased_tenant_;  // of the row that old_ is of, when its values are erased
  record::Entry entry_;
};

}  // namespace rowledger::capture
