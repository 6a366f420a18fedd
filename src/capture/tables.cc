#include "capture/tables.h"

#include <algorithm>
#include <sstream>

#include "base/check.h"
#include "base/json_text.h"
#include "base/log.h"

namespace rowledger::capture {
namespace {

std::string definition_key(const std::string& table) { return "columns." + table; }

// {"columns":[...],"added":[...],"dropped":[...],"changed":[...],"redefined":[...]}: what a reader wants to know of a
// DDL. redefined: the columns whose values in rows that nobody touched may have changed with it.
std::string schema_detail(const record::TableSchema* before, const record::TableSchema& now,
                          std::string_view redefined) {
  std::string columns, added, dropped, changed;
  const auto append = [](std::string& list, std::string_view name) {
    if (!list.empty()) list += ',';
    append_json_string(list, name);
  };
  for (const record::Column& column : now.columns) {
    append(columns, column.name);
    if (before == nullptr) continue;
    const auto old = before->index_of(column.name);
    if (!old) {
      append(added, column.name);
    } else if (before->columns[*old] != column) {
      append(changed, column.name);
    }
  }
  if (before != nullptr)
    for (const record::Column& column : before->columns)
      if (!now.index_of(column.name)) append(dropped, column.name);
  std::string out = "{\"columns\":[" + columns + "]";
  for (const auto& [name, list] : {std::pair{"added", &added}, {"dropped", &dropped}, {"changed", &changed}})
    if (!list->empty()) out += std::string(",\"") + name + "\":[" + *list + "]";
  if (!redefined.empty()) {
    out.append(",\"redefined\":[")
        .append(redefined)
        .append(
            "],\"text\":\"values of rows that nobody touched may have changed "
            "with it; the table is compared with the log\"");
  }
  return out + "}";
}

std::string moving_key(const std::string& table) { return "moving." + table; }
std::string left_behind_key(const std::string& table) { return "left-behind." + table; }

// Whether both call the same values of a row its key. A renamed column is still the same one: it stands where it
// stood, and its old name is gone.
bool same_key(const record::TableSchema& before, const record::TableSchema& now) {
  const auto key_of = [](const record::TableSchema& schema) {
    std::vector<const record::Column*> key;
    for (const record::Column& column : schema.columns)
      if (column.is_key) key.push_back(&column);
    return key;
  };
  return std::ranges::equal(key_of(before), key_of(now), [&](const record::Column* was, const record::Column* is) {
    if (was->name == is->name) return true;
    return !now.index_of(was->name) && !before.index_of(is->name) && was->type_oid == is->type_oid &&
           was - before.columns.data() == is - now.columns.data();
  });
}

}  // namespace

Tables::Tables(const Settings& settings, const store::Store& store) : settings_(settings) {
  for (record::TableSchema& stored : store.schemas()) {
    next_schema_id_ = std::max(next_schema_id_, stored.id.value + 1);
    next_table_id_ = std::max(next_table_id_, stored.table_id.value + 1);
    auto schema = std::make_shared<const record::TableSchema>(std::move(stored));
    by_id_[schema->id.value] = schema;
    newest_[schema->table] = schema;  // ascending by id: the last one stays
  }
  for (const TableSettings& table : settings.tables) {
    if (const auto stored = store.meta(definition_key(table.table)); stored && *stored)
      if (auto definition = decode_definition(**stored)) definitions_[table.table] = std::move(*definition);
    if (const auto from = store.meta(moving_key(table.table)); from && *from && !(*from)->empty())
      moving_from_[table.table] = TableId{static_cast<uint32_t>(std::stoul(**from))};
    if (const auto left = store.meta(left_behind_key(table.table)); left && *left) {
      std::istringstream ids(**left);
      for (uint32_t id; ids >> id;) left_behind_[table.table].push_back({id});
    }
  }
}

const TableSettings* Tables::settings_of(std::string_view table) const {
  for (const TableSettings& settings : settings_.tables)
    if (settings.table == table) return &settings;
  return nullptr;
}

void Tables::set_key(const std::string& table, std::vector<std::string> columns) {
  if (!columns.empty()) keys_[table] = std::move(columns);
}

TablePlan* Tables::learn(const postgres::Relation& relation) {
  const std::string table = std::string(relation.schema) + "." + std::string(relation.name);
  if (settings_of(table) == nullptr) {
    by_oid_[relation.oid] = nullptr;
    return nullptr;
  }
  std::vector<record::Column> columns;
  columns.reserve(relation.columns.size());
  for (const postgres::RelationColumn& column : relation.columns)
    columns.push_back({std::string(column.name), column.type_oid, column.type_modifier,
                       record::value_form_of_type(column.type_oid), column.is_key});
  auto& plan = by_oid_[relation.oid];
  plan = plan_for(table, std::move(columns), relation.replica_identity == 'f');
  return plan.get();
}

std::unique_ptr<TablePlan> Tables::plan_for(const std::string& table, std::vector<record::Column> columns,
                                            bool full_identity) const {
  auto plan = std::make_unique<TablePlan>();
  plan->settings = settings_of(table);
  plan->columns.table = table;
  plan->full_identity = full_identity;
  // Inserts still come when nothing identifies rows any more.
  const bool keyless = std::ranges::none_of(columns, &record::Column::is_key);
  if (const auto key = keys_.find(table); (full_identity || keyless) && key != keys_.end())
    for (record::Column& column : columns) column.is_key = std::ranges::count(key->second, column.name) > 0;
  plan->columns.columns = std::move(columns);

  const TableSettings& settings = *plan->settings;
  const auto position = [&](const std::string& name) {
    return name.empty() ? std::nullopt : plan->columns.index_of(name);
  };
  plan->tenant = position(settings.tenant_column);
  plan->actor = position(settings.actor_column);
  if (settings.subject == "self") {
    plan->self_subject = true;
    plan->subject_prefix = table + "/";
  } else if (!settings.subject.empty()) {
    plan->subject = position(settings.subject_column);
    plan->subject_prefix = settings.subject + "/";
  }
  for (size_t i = 0; i < plan->columns.columns.size(); ++i) {
    const record::Column& column = plan->columns.columns[i];
    if (column.is_key) plan->key.push_back(i);
    plan->housekeeping.push_back(std::ranges::count(settings.housekeeping, column.name) > 0);
  }
  return plan;
}

Result<TablePlan*> Tables::plan(uint32_t relation_oid) {
  const auto found = by_oid_.find(relation_oid);
  if (found == by_oid_.end())
    return fail(ErrorCode::kCorrupt,
                "the stream has a row of relation " + std::to_string(relation_oid) + " which it never announced");
  return found->second.get();
}

void Tables::record_schema(TablePlan& plan, EntryWriter& writer, const std::optional<record::TxIdentity>& tx) {
  auto& newest = newest_[plan.columns.table];
  const std::string redefined = std::exchange(plan.redefined_to_tell, {});
  if (newest != nullptr && newest->same_shape(plan.columns)) {
    if (!redefined.empty())
      writer.add_control(record::EntryKind::kSchema, plan.columns.table,
                         schema_detail(newest.get(), plan.columns, redefined), tx);
    plan.columns.id = newest->id;
    plan.columns.table_id = newest->table_id;
    plan.recorded = true;
    warn_of_missing_columns(plan, newest.get(), writer);
    return;
  }
  const bool moves = newest != nullptr && !same_key(*newest, plan.columns);
  plan.columns.table_id = newest != nullptr && !moves ? newest->table_id : TableId{next_table_id_++};
  if (moves) {
    // Twice in a row before anything moved: what is under the id in between is nothing.
    const TableId from = moving_from_.try_emplace(plan.columns.table, newest->table_id).first->second;
    writer.batch().set_meta(moving_key(plan.columns.table), std::to_string(from.value));
  }
  plan.columns.id = SchemaId{next_schema_id_++};
  writer.batch().set_schema(plan.columns);
  writer.add_control(record::EntryKind::kSchema, plan.columns.table,
                     schema_detail(newest.get(), plan.columns, redefined), tx);
  warn_of_missing_columns(plan, newest.get(), writer);
  newest = std::make_shared<const record::TableSchema>(plan.columns);
  by_id_[newest->id.value] = newest;
  plan.recorded = true;
}

// ---- what DDL did to rows that nobody touched ---------------------------------------------------

void Tables::compare_definition(TablePlan& plan, const postgres::TableDefinition& now) const {
  const auto before = definitions_.find(plan.columns.table);
  plan.past = column_pasts(before == definitions_.end() ? std::nullopt : std::optional(before->second), now,
                           plan.columns.columns);
}

void Tables::set_definition(const std::string& table, const postgres::TableDefinition& now, EntryWriter& writer) {
  const auto before = definitions_.find(table);
  auto definition = with_older_fills(before == definitions_.end() ? std::nullopt : std::optional(before->second), now);
  redefined_.erase(table);
  if (before == definitions_.end() || before->second != definition) {
    writer.batch().set_meta(definition_key(table), encode_definition(definition));
    definitions_[table] = std::move(definition);
  }
  for (auto& [oid, plan] : by_oid_)
    if (plan != nullptr && plan->columns.table == table) {
      plan->redefined_at.reset();
      compare_definition(*plan, now);
    }
}

bool Tables::note_definition(TablePlan& plan, const postgres::TableDefinition& now, EntryWriter& writer) {
  const std::string& table = plan.columns.table;
  compare_definition(plan, now);
  std::string columns;
  for (size_t i = 0; i < plan.past.size(); ++i) {
    if (!plan.past[i].is_redefined()) continue;
    if (!columns.empty()) columns += ',';
    append_json_string(columns, plan.columns.columns[i].name);
  }
  if (columns.empty()) {
    // Where the catalogue is ahead, what it tells more is noted when the stream comes there.
    if (is_of(now, plan.columns.columns)) set_definition(table, now, writer);
    return false;
  }
  // The catalogue may be ahead of the stream: whatever the stream has shown before this message may still be from
  // before the change. Every later change announces the relation again.
  plan.redefined_at = writer.next_seq();
  auto& seen = redefined_[table];
  if (seen == now) return false;
  seen = now;
  log::warning("columns of {} were redefined: the table is compared with the log", table);
  plan.redefined_to_tell = columns;
  return true;
}

// What a row's tenant and person are is read from columns that the configuration names. One that is renamed would
// drop them without a word.
void Tables::warn_of_missing_columns(const TablePlan& plan, const record::TableSchema* before, EntryWriter& writer) {
  std::vector<std::string> texts;
  const auto look = [&](std::string_view what, std::string_view key, const std::string& column) {
    if (column.empty() || plan.columns.index_of(column)) return;
    std::string text = "table " + plan.columns.table + " has no column " + column +
                       ", which the configuration names as " + std::string(key) + ": its entries have no " +
                       std::string(what) + " until the configuration names another";
    if (before == nullptr || before->index_of(column)) {
      log::warning("{}", text);
      writer.add_control(
          record::EntryKind::kControl, plan.columns.table,
          json_object({{"event", "column-missing"}, {"column", column}, {"setting", key}, {"text", text}}));
    }
    texts.push_back(std::move(text));
  };
  look("tenant", "tenant_column", plan.settings->tenant_column);
  if (!plan.settings->subject.empty() && plan.settings->subject != "self")
    look("subject", "subject_column", plan.settings->subject_column);
  look("actor", "actor_column", plan.settings->actor_column);
  std::lock_guard guard(warnings_mutex_);
  warnings_[plan.columns.table] = std::move(texts);
}

std::vector<std::string> Tables::warnings() const {
  std::lock_guard guard(warnings_mutex_);
  std::vector<std::string> out;
  for (const auto& [table, texts] : warnings_) out.insert(out.end(), texts.begin(), texts.end());
  return out;
}

std::optional<TableId> Tables::table_id(std::string_view table) const {
  const auto found = newest_.find(std::string(table));
  if (found == newest_.end() || found->second == nullptr) return std::nullopt;
  return found->second->table_id;
}

std::optional<TableId> Tables::moving_from(const std::string& table) const {
  const auto found = moving_from_.find(table);
  return found == moving_from_.end() ? std::nullopt : std::optional(found->second);
}

const std::vector<TableId>& Tables::left_behind(const std::string& table) const {
  static const std::vector<TableId> kNone;
  const auto found = left_behind_.find(table);
  return found == left_behind_.end() ? kNone : found->second;
}

void Tables::leave_behind(const std::string& table, TableId id, EntryWriter& writer) {
  std::vector<TableId>& left = left_behind_[table];
  if (std::ranges::find(left, id) != left.end()) return;
  left.push_back(id);
  std::string ids;
  for (const TableId one : left) ids += std::to_string(one.value) + " ";
  writer.batch().set_meta(left_behind_key(table), ids);
}

void Tables::none_left_behind(const std::string& table, EntryWriter& writer) {
  if (left_behind_.erase(table) > 0) writer.batch().set_meta(left_behind_key(table), "");
}

const record::TableSchema& Tables::newest_of(TableId id) const {
  const record::TableSchema* newest = nullptr;
  for (const auto& [number, schema] : by_id_)
    if (schema->table_id == id && (newest == nullptr || newest->id < schema->id)) newest = schema.get();
  CHECK(newest != nullptr);
  return *newest;
}

void Tables::moved(const std::string& table, EntryWriter& writer) {
  moving_from_.erase(table);
  writer.batch().set_meta(moving_key(table), "");
}

}  // namespace rowledger::capture
