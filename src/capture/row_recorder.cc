#include "capture/row_recorder.h"

#include <algorithm>

#include "base/check.h"
#include "base/json_text.h"

namespace rowledger::capture {

using record::EntryKind;
using record::Presence;
using record::Value;

namespace {

// A header has room for 65,535 bytes; a tenant that is no id but a text of any length becomes its digest.
constexpr size_t kMaxTenantBytes = 255;

void encode_key_into(const std::vector<std::string_view>& parts, std::string& out) {
  out.clear();
  for (std::string_view part : parts) {
    out.append(part);
    out.push_back('\0');
  }
}

}  // namespace

bool read_key(const TablePlan& plan, const postgres::Tuple& tuple, std::string& out) {
  out.clear();
  size_t found = 0;  // the key's columns stand in the table's order
  if (tuple.columns() != plan.columns.columns.size()) return false;
  tuple.for_each([&](size_t i, const postgres::TupleColumn& column) {
    if (found == plan.key.size() || plan.key[found] != i || column.kind != postgres::TupleColumn::Kind::kText) return;
    out.append(column.bytes).push_back('\0');
    ++found;
  });
  return found == plan.key.size();
}

// ---- pieces -----------------------------------------------------------------------------------

void RowRecorder::read_tuple(const postgres::Tuple& tuple, std::vector<Value>& out) {
  out.resize(tuple.columns());
  unchanged_.assign(tuple.columns(), false);
  tuple.for_each([&](size_t i, const postgres::TupleColumn& column) {
    switch (column.kind) {
      case postgres::TupleColumn::Kind::kNull: out[i] = Value::null(); break;
      case postgres::TupleColumn::Kind::kUnchangedToast:
        out[i] = Value::unknown();
        unchanged_[i] = true;
        break;
      default: out[i] = Value::of(column.bytes);
    }
  });
}

void RowRecorder::key_parts(const TablePlan& plan, const std::vector<Value>& values,
                            std::vector<std::string_view>& parts) const {
  parts.clear();
  for (const size_t i : plan.key) parts.push_back(values[i].text);
}

void RowRecorder::set_key(const TablePlan& plan, const std::vector<std::string_view>& parts,
                          std::vector<record::KeyPart>& out) const {
  out.clear();
  for (size_t k = 0; k < plan.key.size(); ++k) out.push_back({plan.columns.columns[plan.key[k]].name, parts[k]});
}

// The known values in the plan's column order, whatever version of the columns the image has.
Status RowRecorder::old_from_image(const TablePlan& plan, const store::RowState& row) {
  erased_tenant_.clear();
  if (row.erased) {
    old_.assign(plan.columns.columns.size(), Value::unknown());
    if (plan.tenant) {
      RL_ASSIGN(erased_tenant_, state_.tenant_of_erased(row));
    }
    return {};
  }
  const bool redefined = plan.redefined_at && row.newest < *plan.redefined_at;
  if (row.schema == plan.columns.id && !redefined) {
    CHECK(record::decode_image(row.image, plan.columns.columns.size(), old_));
    return {};
  }
  const record::TableSchema& then = tables_.schema(row.schema);
  CHECK(record::decode_image(row.image, then.columns.size(), image_values_));
  old_.assign(plan.columns.columns.size(), Value{});
  for (size_t i = 0; i < old_.size(); ++i) {
    std::optional<size_t> at;
    if (redefined && !plan.past[i].former_name.empty()) at = then.index_of(plan.past[i].former_name);
    if (!at) at = then.index_of(plan.columns.columns[i].name);
    if (at) {
      old_[i] = image_values_[*at];
    } else if (!plan.past.empty()) {
      old_[i] = plan.past[i].fill_value();  // the column is younger than the image
    }
  }
  return {};
}

Result<RowRecorder::Known> RowRecorder::load_old(const TablePlan& plan, std::string_view key) {
  RL_ASSIGN(const store::RowState* row, state_.find(plan.columns.table_id, key));
  Known known;
  erased_tenant_.clear();
  if (row == nullptr) return known;
  known.newest = row->newest;
  known.exists = !row->deleted;
  known.erased = row->erased;
  known.redefined = plan.redefined_at && row->newest < *plan.redefined_at;
  known.same_columns = row->schema == plan.columns.id;
  if (known.exists) RL_TRY(old_from_image(plan, *row));
  return known;
}

record::Entry& RowRecorder::start_entry(EntryKind kind, const TablePlan& plan, ChangeContext& context) {
  record::EntryHeader& header = entry_.header;
  header = {};
  header.kind = kind;
  header.table = plan.columns.table;
  header.tx = context.tx;
  header.received_at = context.received_at;
  context.tx.ordinal++;
  entry_.body.key.clear();
  entry_.body.old_key.clear();
  entry_.body.changes.clear();
  entry_.body.subject = {};
  entry_.body.detail = {};
  entry_.body.attribution = {};
  if (context.who != nullptr) {
    header.trust = context.who->trust;
    header.via = context.who->via_of(context.relation);
    header.flags = context.who->flags;
    entry_.body.attribution = context.who->attribution();
  }
  if (context.bulk) header.flags |= record::kBulk;
  return entry_;
}

// A column of the row that the entry is about. What its values do not tell, its key may.
Value RowRecorder::value_of(const TablePlan& plan, size_t column, const std::vector<Value>& values) const {
  if (values[column].presence != Presence::kUnknown) return values[column];
  const auto part = std::ranges::find(entry_.body.key, plan.columns.columns[column].name, &record::KeyPart::column);
  return part == entry_.body.key.end() ? values[column] : Value::of(part->value);
}

void RowRecorder::set_owner(const TablePlan& plan, const std::vector<Value>& values) {
  const Value tenant = plan.tenant ? value_of(plan, *plan.tenant, values) : Value::null();
  if (tenant.presence == Presence::kValue) {
    entry_.header.tenant = tenant.text;
    if (tenant.text.size() > kMaxTenantBytes) {
      tenant_digest_ = "sha256:" + to_hex(as_view(sha256(tenant.text)));
      entry_.header.tenant = tenant_digest_;
    }
  } else if (tenant.presence == Presence::kUnknown) {
    entry_.header.tenant = erased_tenant_;
  }
  const Value person = plan.subject ? value_of(plan, *plan.subject, values) : Value::null();
  std::string_view subject;
  if (plan.self_subject) {
    // As keys are written everywhere: the parts joined by commas.
    subject_ = plan.subject_prefix;
    for (size_t k = 0; k < entry_.body.key.size(); ++k) {
      if (k > 0) subject_ += ',';
      subject_ += entry_.body.key[k].value;
    }
    subject = subject_;
  } else if (person.presence == Presence::kValue) {
    subject_.assign(plan.subject_prefix).append(person.text);
    subject = subject_;
  }
  entry_.body.subject = subject;
}

// A column such as updated_by names an actor only where this very change wrote it.
void RowRecorder::take_actor_from_column(const TablePlan& plan, const ChangeContext& context, bool only_if_changed) {
  if (!plan.actor || (context.who != nullptr && context.who->trust >= record::Trust::kClaimed)) return;
  const Value& actor = new_[*plan.actor];
  if (actor.presence != Presence::kValue || (only_if_changed && old_[*plan.actor] == actor)) return;
  entry_.body.attribution.actor_id = actor.text;
  entry_.header.trust = record::Trust::kClaimed;
  entry_.header.flags |= record::kActorFromColumn;
}

// entry_.body.changes from old_ and new_; the housekeeping flag.
void RowRecorder::compare_columns(const TablePlan& plan) {
  bool housekeeping = true;
  for (size_t i = 0; i < new_.size(); ++i) {
    Value before = old_[i];
    if (before == new_[i]) continue;
    if (before.presence == Presence::kAbsent) {
      // The column is younger than the known image, and what it was filled with is not known.
      if (new_[i].presence == Presence::kNull) continue;
      before = Value::unknown();
    }
    const record::Column& column = plan.columns.columns[i];
    entry_.body.changes.push_back({column.name, column.form, before, new_[i]});
    housekeeping = housekeeping && plan.housekeeping[i];
  }
  if (housekeeping) entry_.header.flags |= record::kHousekeeping;
}

void RowRecorder::list_all(const TablePlan& plan, const std::vector<Value>& values, bool as_new) {
  for (size_t i = 0; i < values.size(); ++i) {
    const record::Column& column = plan.columns.columns[i];
    if (values[i].presence == Presence::kAbsent) continue;
    entry_.body.changes.push_back(
        {column.name, column.form, as_new ? Value{} : values[i], as_new ? values[i] : Value{}});
  }
}

// An entry that comes before the one of the change itself, and names nobody.
record::Entry& RowRecorder::start_gap(const TablePlan& plan, std::string_view detail, std::string_view key,
                                      ChangeContext& context) {
  record::Entry& gap = start_entry(EntryKind::kGap, plan, context);
  gap.header.trust = record::Trust::kUnknown;
  gap.header.via = record::Via::kUnknown;
  gap.header.flags = 0;
  gap.body.attribution = {};
  gap.body.detail = detail;
  set_key(plan, record::decode_key(key), gap.body.key);
  return gap;
}

// Changes of this row must have been missed.
void RowRecorder::record_row_gap(const TablePlan& plan, std::string_view reason, std::string_view key,
                                 ChangeContext& context) {
  const std::string detail = json_object({{"reason", reason}});
  writer_.add(start_gap(plan, detail, key, context), key);
}

// The image is from before columns were redefined. What differs there is not the doing of who now changes the row,
// or cannot be told from it: it becomes an entry of its own. Afterwards old_ is what the row had before the change.
std::optional<Seq> RowRecorder::record_redefined(const TablePlan& plan, std::string_view key, const Known& known,
                                                 ChangeContext& context) {
  const std::string detail = json_object({{"reason", kRedefined}});
  record::Entry& gap = start_gap(plan, detail, key, context);
  set_owner(plan, new_);
  for (size_t i = 0; i < old_.size(); ++i) {
    if (!plan.past[i].may_be_rewritten) continue;
    const Value now = unchanged_[i] ? Value::unknown() : new_[i];
    if (old_[i] == now) continue;
    const record::Column& column = plan.columns.columns[i];
    gap.body.changes.push_back({column.name, column.form, old_[i], now});
    old_[i] = now;
  }
  if (gap.body.changes.empty()) {
    context.tx.ordinal--;
    return known.newest;
  }
  gap.header.prev = known.newest;
  return writer_.add(gap, key);
}

// As above, for a row that goes: what it had last is not known.
void RowRecorder::forget_redefined(const TablePlan& plan) {
  for (size_t i = 0; i < old_.size(); ++i)
    if (plan.past[i].may_be_rewritten) old_[i] = Value::unknown();
}

void RowRecorder::store_row(const TablePlan& plan, std::string_view key, Seq seq) {
  image_.clear();
  for (const Value& value : new_) record::append_value(image_, value);
  state_.put(plan.columns.table_id, key, {seq, false, plan.columns.id, image_});
}

void RowRecorder::forget_row(const TablePlan& plan, std::string_view key, Seq seq) {
  state_.put(plan.columns.table_id, key, {seq, true, plan.columns.id, {}});
}

// ---- changes of the stream ---------------------------------------------------------------------

Status RowRecorder::insert(TablePlan& plan, const postgres::Tuple& after, ChangeContext& context) {
  if (after.columns() != plan.columns.columns.size())
    return fail(ErrorCode::kCorrupt, "an insert's columns do not match its relation");
  read_tuple(after, new_);
  key_parts(plan, new_, parts_);
  encode_key_into(parts_, key_);
  RL_ASSIGN(const Known known, load_old(plan, key_));
  if (known.exists) record_row_gap(plan, kRowAlreadyKnown, key_, context);

  record::Entry& entry = start_entry(EntryKind::kInsert, plan, context);
  entry.header.prev = known.newest;
  set_key(plan, parts_, entry.body.key);
  set_owner(plan, new_);
  list_all(plan, new_, true);
  take_actor_from_column(plan, context, false);
  store_row(plan, key_, writer_.add(entry, key_));
  return {};
}

Status RowRecorder::update(TablePlan& plan, const postgres::Update& update, ChangeContext& context) {
  const size_t columns = plan.columns.columns.size();
  const bool has_before = update.before_kind != postgres::Update::Before::kNone;
  if (update.after.columns() != columns || (has_before && update.before.columns() != columns))
    return fail(ErrorCode::kCorrupt, "an update's columns do not match its relation");
  if (has_before) read_tuple(update.before, server_old_);
  read_tuple(update.after, new_);
  // A key too big to be repeated stands in the old tuple, which is then always sent.
  for (const size_t i : plan.key)
    if (unchanged_[i] && has_before) {
      new_[i] = server_old_[i];
      unchanged_[i] = false;
    }
  key_parts(plan, new_, parts_);
  encode_key_into(parts_, key_);
  bool moved = false;
  std::optional<Seq> newest_at_key;
  if (has_before) {
    key_parts(plan, server_old_, old_parts_);
    encode_key_into(old_parts_, old_key_);
    moved = old_key_ != key_;
    if (moved) {
      RL_ASSIGN(const store::RowState* there, state_.find(plan.columns.table_id, key_));
      if (there != nullptr) newest_at_key = there->newest;
      if (there != nullptr && !there->deleted) record_row_gap(plan, kRowAlreadyKnown, key_, context);
    }
  }
  const std::string& known_key = moved ? old_key_ : key_;
  RL_ASSIGN(const Known known, load_old(plan, known_key));
  std::optional<Seq> newest = known.newest;
  if (!known.exists) {
    old_.assign(columns, Value::unknown());
    if (update.before_kind == postgres::Update::Before::kKey)
      for (const size_t i : plan.key) old_[i] = server_old_[i];
    if (!has_before)
      for (const size_t i : plan.key) old_[i] = new_[i];
    record_row_gap(plan, kUnknownRow, known_key, context);
  } else if (update.before_kind == postgres::Update::Before::kFull) {
    newest = compare_with_server_old(plan, known_key, known, context);
  } else if (known.redefined) {
    newest = record_redefined(plan, known_key, known, context);
  }
  if (update.before_kind == postgres::Update::Before::kFull) old_ = server_old_;
  for (size_t i = 0; i < columns; ++i)
    if (unchanged_[i]) new_[i] = old_[i].presence == Presence::kAbsent ? Value::unknown() : old_[i];

  record::Entry& entry = start_entry(EntryKind::kUpdate, plan, context);
  entry.header.prev = newest;
  entry.header.prev_at_key = newest_at_key;
  set_key(plan, parts_, entry.body.key);
  if (moved) set_key(plan, old_parts_, entry.body.old_key);
  set_owner(plan, new_);
  compare_columns(plan);
  take_actor_from_column(plan, context, true);
  const Seq seq = writer_.add(entry, key_);
  // The image is built from views into the old one, so it comes before the old one is overwritten.
  store_row(plan, key_, seq);
  if (moved) forget_row(plan, old_key_, seq);
  return {};
}

// Under REPLICA IDENTITY FULL the server tells the old row: where it is not the one known here, a change was
// missed, and the log says which. Answers the row's newest entry.
std::optional<Seq> RowRecorder::compare_with_server_old(const TablePlan& plan, std::string_view key, const Known& known,
                                                        ChangeContext& context) {
  bool same = true, all_redefined = known.redefined;
  for (size_t i = 0; i < old_.size(); ++i) {
    if (old_[i] == server_old_[i] || old_[i].presence == Presence::kAbsent || old_[i].presence == Presence::kUnknown ||
        server_old_[i].presence == Presence::kUnknown)
      continue;
    same = false;
    all_redefined = all_redefined && plan.past[i].is_redefined();
  }
  if (same) return known.newest;
  const std::string detail = json_object({{"reason", all_redefined ? kRedefined : kStateDiffers}});
  record::Entry& gap = start_gap(plan, detail, key, context);
  gap.header.prev = known.newest;
  set_owner(plan, server_old_);
  for (size_t i = 0; i < old_.size(); ++i) {
    const record::Column& column = plan.columns.columns[i];
    if (old_[i] != server_old_[i]) gap.body.changes.push_back({column.name, column.form, old_[i], server_old_[i]});
  }
  return writer_.add(gap, key);
}

Status RowRecorder::remove(TablePlan& plan, const postgres::Delete& removal, ChangeContext& context) {
  if (removal.before.columns() != plan.columns.columns.size())
    return fail(ErrorCode::kCorrupt, "a delete's columns do not match its relation");
  read_tuple(removal.before, server_old_);
  key_parts(plan, server_old_, parts_);
  encode_key_into(parts_, key_);
  RL_ASSIGN(const Known known, load_old(plan, key_));
  std::optional<Seq> newest = known.newest;
  if (!known.exists) {
    old_.assign(server_old_.size(), Value::unknown());
    for (const size_t i : plan.key) old_[i] = server_old_[i];
    record_row_gap(plan, kUnknownRow, key_, context);
  } else if (removal.full) {
    newest = compare_with_server_old(plan, key_, known, context);
  } else if (known.redefined) {
    forget_redefined(plan);
  }
  if (removal.full) old_ = server_old_;

  record::Entry& entry = start_entry(EntryKind::kDelete, plan, context);
  entry.header.prev = newest;
  set_key(plan, parts_, entry.body.key);
  set_owner(plan, old_);
  list_all(plan, old_, false);
  forget_row(plan, key_, writer_.add(entry, key_));
  return {};
}

void RowRecorder::truncate(TablePlan& plan, const postgres::Truncate& truncate, ChangeContext& context) {
  std::string detail = "{\"tables\":" + std::to_string(truncate.relations.size());
  if (truncate.cascade) detail += ",\"cascade\":true";
  if (truncate.restart_identity) detail += ",\"restart_identity\":true";
  detail += '}';
  record::Entry& entry = start_entry(EntryKind::kTruncate, plan, context);
  entry.body.detail = detail;
  writer_.add(entry);
}

Status RowRecorder::remove_known(TablePlan& plan, std::string_view key, const store::RowState& row,
                                 ChangeContext& context) {
  RL_TRY(old_from_image(plan, row));
  if (plan.redefined_at && row.newest < *plan.redefined_at) forget_redefined(plan);
  record::Entry& entry = start_entry(EntryKind::kDelete, plan, context);
  entry.header.prev = row.newest;
  entry.body.detail = R"({"truncate":true})";
  set_key(plan, record::decode_key(key), entry.body.key);
  set_owner(plan, old_);
  list_all(plan, old_, false);
  forget_row(plan, key, writer_.add(entry, key));
  return {};
}

// ---- comparison with the table -----------------------------------------------------------------

Status RowRecorder::compare_with_table(TablePlan& plan, const std::vector<Value>& values, bool complete,
                                       ChangeContext& context) {
  new_ = values;
  key_parts(plan, new_, parts_);
  encode_key_into(parts_, key_);
  RL_ASSIGN(const Known known, load_old(plan, key_));
  // Erased values are not fetched again: the next change of the row begins anew.
  if (known.erased) return {};
  if (known.exists && old_ == new_) {
    // Its columns' names or number may have changed nevertheless.
    if (!known.same_columns) store_row(plan, key_, *known.newest);
    return {};
  }
  if (!known.exists) {
    RL_ASSIGN(const bool moved, move_left_behind(plan, context));
    if (moved) return {};
  }
  const bool missed = complete || known.newest;
  bool redefined = known.exists && known.redefined;
  for (size_t i = 0; redefined && i < old_.size(); ++i) redefined = old_[i] == new_[i] || plan.past[i].is_redefined();
  const std::string detail = missed ? json_object({{"reason", redefined ? kRedefined : kReconcile}}) : std::string();
  record::Entry& entry = start_entry(missed ? EntryKind::kGap : EntryKind::kBaseline, plan, context);
  entry.header.prev = known.newest;
  entry.body.detail = detail;
  set_key(plan, parts_, entry.body.key);
  set_owner(plan, new_);
  if (known.exists) {
    compare_columns(plan);
    entry.header.flags &= static_cast<uint16_t>(~record::kHousekeeping);
  } else {
    list_all(plan, new_, true);
  }
  store_row(plan, key_, writer_.add(entry, key_));
  return {};
}

Status RowRecorder::record_surplus(TablePlan& plan, std::string_view key, const store::RowState& row,
                                   ChangeContext& context) {
  RL_TRY(old_from_image(plan, row));
  const std::string detail = json_object({{"reason", kReconcile}});
  record::Entry& entry = start_entry(EntryKind::kGap, plan, context);
  entry.header.prev = row.newest;
  entry.body.detail = detail;
  set_key(plan, record::decode_key(key), entry.body.key);
  set_owner(plan, old_);
  list_all(plan, old_, false);
  forget_row(plan, key, writer_.add(entry, key));
  return {};
}

// ---- a table that got another key ---------------------------------------------------------------

std::vector<record::KeyPart> RowRecorder::old_key_of(const store::RowState& row, std::string_view key) const {
  std::vector<record::KeyPart> out;
  const std::vector<std::string_view> parts = record::decode_key(key);
  for (const record::Column& column : tables_.schema(row.schema).columns)
    if (column.is_key && out.size() < parts.size()) out.push_back({column.name, parts[out.size()]});
  return out;
}

Status RowRecorder::move_to_new_key(TablePlan& plan, TableId from, std::string_view key, const store::RowState& row,
                                    ChangeContext& context) {
  RL_TRY(old_from_image(plan, row));
  if (row.erased)
    for (const record::KeyPart& part : old_key_of(row, key))
      if (const auto at = plan.columns.index_of(part.column)) old_[*at] = Value::of(part.value);
  const bool known = std::ranges::all_of(plan.key, [this](size_t i) { return old_[i].presence == Presence::kValue; });
  new_ = old_;
  if (known) return put_at_new_key(plan, from, key, row, context);
  if (!row.erased) return end_at_old_key(plan, from, key, row, context);
  tables_.leave_behind(plan.columns.table, from, writer_);
  return {};
}

Status RowRecorder::end_at_old_key(TablePlan& plan, TableId from, std::string_view key, const store::RowState& row,
                                   ChangeContext& context) {
  RL_TRY(old_from_image(plan, row));
  const std::string detail = json_object({{"reason", kKeyChanged}});
  record::Entry& entry = start_entry(EntryKind::kGap, plan, context);
  entry.header.prev = row.newest;
  entry.body.detail = detail;
  entry.body.key = old_key_of(row, key);
  set_owner(plan, old_);
  list_all(plan, old_, false);
  const Seq seq = writer_.add(entry, key);
  state_.put(from, key, {seq, true, row.schema, {}});
  return {};
}

// new_ is the row, as far as it is known.
Status RowRecorder::put_at_new_key(TablePlan& plan, TableId from, std::string_view key, const store::RowState& row,
                                   ChangeContext& context) {
  const std::string detail = json_object({{"reason", kKeyChanged}});
  record::Entry& entry = start_entry(EntryKind::kUpdate, plan, context);
  entry.header.prev = row.newest;
  entry.body.detail = detail;
  key_parts(plan, new_, parts_);
  encode_key_into(parts_, key_);
  RL_ASSIGN(const store::RowState* there, state_.find(plan.columns.table_id, key_));
  if (there != nullptr) entry.header.prev_at_key = there->newest;
  set_key(plan, parts_, entry.body.key);
  entry.body.old_key = old_key_of(row, key);
  set_owner(plan, new_);
  entry.header.flags |= record::kHousekeeping;
  const Seq seq = writer_.add(entry, key_);
  if (row.erased) {
    state_.put(plan.columns.table_id, key_, {seq, false, plan.columns.id, {}, true});
  } else {
    store_row(plan, key_, seq);
  }
  state_.put(from, key, {seq, true, row.schema, {}});
  return {};
}

// Whether new_, which the table has, is a row that was left behind: then its key alone is taken from it, and its values
// stay erased.
Result<bool> RowRecorder::move_left_behind(TablePlan& plan, ChangeContext& context) {
  for (const TableId from : tables_.left_behind(plan.columns.table)) {
    old_parts_.clear();
    bool has_key = true;
    for (const record::Column& column : tables_.newest_of(from).columns) {
      if (!column.is_key) continue;
      const auto at = plan.columns.index_of(column.name);
      has_key = has_key && at && new_[*at].presence == Presence::kValue;
      if (has_key) old_parts_.push_back(new_[*at].text);
    }
    if (!has_key) continue;
    encode_key_into(old_parts_, old_key_);
    RL_ASSIGN(const store::RowState* found, state_.find(from, old_key_));
    if (found == nullptr || found->deleted || !found->erased) continue;
    const store::RowState row = *found;
    RL_TRY(old_from_image(plan, row));
    std::vector<Value> key_only = old_;
    for (const size_t i : plan.key) key_only[i] = new_[i];
    new_ = std::move(key_only);
    RL_TRY(put_at_new_key(plan, from, old_key_, row, context));
    return true;
  }
  return false;
}

}  // namespace rowledger::capture
