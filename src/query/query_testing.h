#pragma once
// Entries and logs for the room's tests, made as capture makes them.
#include <algorithm>
#include <deque>
#include <initializer_list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/check.h"
#include "record/entry.h"
#include "store/rocksdb_store.h"
#include "store/store.h"
#include "store/store_testing.h"

namespace rowledger::query::testing {

using record::EntryKind;
using record::Value;
using record::ValueForm;

inline Timestamp at(std::string_view text) {
  const auto time = Timestamp::parse(text);
  CHECK(time.has_value());
  return *time;
}

// One entry that owns its texts.
class EntryBuilder {
 public:
  explicit EntryBuilder(EntryKind kind) {
    entry.header.kind = kind;
    entry.header.source = "glific";
    entry.header.received_at = at("2026-11-23T09:30:01.125011Z");
  }

  EntryBuilder& row(std::string table, std::string key) {
    entry.header.table = keep(std::move(table));
    entry.body.key = {{"id", keep(std::move(key))}};
    return *this;
  }
  EntryBuilder& moved_from(std::string key) {
    entry.body.old_key = {{"id", keep(std::move(key))}};
    return *this;
  }
  EntryBuilder& tx(uint32_t xid, uint64_t lsn, std::string_view committed_at = "2026-11-23T09:30:01.123456Z") {
    entry.header.tx = record::TxIdentity{42, 1, Lsn{lsn}, 0, xid, at(committed_at), {}};
    return *this;
  }
  EntryBuilder& who(std::string id, std::string name, record::Trust trust, record::Via via) {
    entry.body.attribution.actor_id = keep(std::move(id));
    entry.body.attribution.actor_name = keep(std::move(name));
    entry.header.trust = trust;
    entry.header.via = via;
    return *this;
  }
  EntryBuilder& db(std::string role, std::string application, std::string client) {
    entry.body.attribution.role = keep(std::move(role));
    entry.body.attribution.application = keep(std::move(application));
    entry.body.attribution.client = keep(std::move(client));
    return *this;
  }
  EntryBuilder& context(std::string json) {
    entry.body.attribution.context = keep(std::move(json));
    return *this;
  }
  EntryBuilder& change(std::string field, Value before, Value after, ValueForm form = ValueForm::kText) {
    entry.body.changes.push_back({keep(std::move(field)), form, kept(before), kept(after)});
    return *this;
  }
  EntryBuilder& changed(std::string field, std::string_view before, std::string_view after,
                        ValueForm form = ValueForm::kText) {
    return change(std::move(field), Value::of(before), Value::of(after), form);
  }
  EntryBuilder& tenant(std::string tenant, uint64_t seq = 0) {
    entry.header.tenant = keep(std::move(tenant));
    entry.header.tenant_seq = seq;
    return *this;
  }
  EntryBuilder& flag(record::Flag flag) {
    entry.header.flags |= flag;
    return *this;
  }

  record::Entry entry;

 private:
  std::string_view keep(std::string text) {
    return *texts_.emplace_back(std::make_unique<std::string>(std::move(text)));
  }
  Value kept(Value value) {
    if (value.presence == record::Presence::kValue) value.text = keep(std::string(value.text));
    return value;
  }
  std::deque<std::unique_ptr<std::string>> texts_;
};

using Row = std::map<std::string, std::optional<std::string>>;  // column: text, or NULL

// A store with tables whose rows are inserted, changed, moved and removed as capture records it. Each
// call appends one transaction.
class TestLog {
 public:
  // persons: a table whose rows are persons, and sealed with keys of theirs; empty: nothing is sealed.
  explicit TestLog(std::string persons = {}) : persons_(std::move(persons)) {
    store::StoreOptions options;
    options.directory = directory_.path() / "log";
    if (!persons_.empty()) {
      keys_ = store::testing::open_keys(directory_.path());
      options.keys = keys_.get();
      options.salt_key = "salt";
    }
    options.token_key.bytes.fill(7);
    auto opened = store::open_rocksdb_store(options);
    CHECK(opened.has_value());
    store_ = std::move(*opened);
  }
  const store::Store& store() const { return *store_; }
  uint64_t end() const { return seq_; }

  struct ColumnSpec {
    std::string name;
    bool is_key = false;
    ValueForm form = ValueForm::kText;
    uint32_t type_oid = 0;
  };
  // A new table, or a new version of its columns, with the schema entry that capture writes.
  Seq define(const std::string& table, const std::vector<ColumnSpec>& columns) {
    record::TableSchema schema;
    schema.id = {next_schema_++};
    const auto known = tables_.find(table);
    schema.table_id = known == tables_.end() ? TableId{static_cast<uint32_t>(tables_.size())} : known->second.table_id;
    schema.table = table;
    for (const ColumnSpec& column : columns)
      schema.columns.push_back({column.name, column.type_oid, -1, column.form, column.is_key});
    tables_[table] = schema;
    batch_.set_schema(schema);
    EntryBuilder entry(EntryKind::kSchema);
    entry.entry.header.table = table;
    entry.entry.body.detail = "{}";
    return append(entry.entry);
  }

  Seq insert(const std::string& table, const Row& row, EntryKind kind = EntryKind::kInsert) {
    const std::string key = key_of(table, row);
    EntryBuilder entry(kind);
    begin(entry, table, row);
    if (const auto known = newest_.find({table, key}); known != newest_.end()) entry.entry.header.prev = known->second;
    for (const record::Column& column : tables_[table].columns)
      entry.change(column.name, Value{}, value(row, column.name), column.form);
    return finish(entry, table, key, row);
  }

  // By column name; a key column among them moves the row.
  Seq update(const std::string& table, const std::string& key, const Row& changes, EntryKind kind = EntryKind::kUpdate,
             uint32_t ordinal = 0) {
    const Row before = rows_.at({table, key});
    Row after = before;
    for (const auto& [name, text] : changes) after[name] = text;
    const std::string new_key = key_of(table, after);
    EntryBuilder entry(kind);
    begin(entry, table, after);
    entry.entry.header.tx->ordinal = ordinal;
    entry.entry.header.prev = newest_.at({table, key});
    if (new_key != key) {
      set_key(entry.entry.body.old_key, table, before);
      if (const auto there = newest_.find({table, new_key}); there != newest_.end())
        entry.entry.header.prev_at_key = there->second;
    }
    for (const record::Column& column : tables_[table].columns) {
      const Value new_value = value(after, column.name);
      const Value old_value = before.contains(column.name) ? value(before, column.name) : Value::unknown();
      if (!before.contains(column.name) && new_value.presence == record::Presence::kNull) continue;
      if (old_value != new_value) entry.change(column.name, old_value, new_value, column.form);
    }
    if (new_key != key) {
      batch_.set_state({tables_[table].table_id, key, {Seq{seq_}, true, tables_[table].id, {}}});
      newest_[{table, key}] = Seq{seq_};
      rows_.erase({table, key});
    }
    return finish(entry, table, new_key, after);
  }

  Seq remove(const std::string& table, const std::string& key, EntryKind kind = EntryKind::kDelete) {
    const Row before = rows_.at({table, key});
    EntryBuilder entry(kind);
    begin(entry, table, before);
    entry.entry.header.prev = newest_.at({table, key});
    for (const record::Column& column : tables_[table].columns)
      if (before.contains(column.name)) entry.change(column.name, value(before, column.name), Value{}, column.form);
    batch_.set_state({tables_[table].table_id, key, {Seq{seq_}, true, tables_[table].id, {}}});
    newest_[{table, key}] = Seq{seq_};
    rows_.erase({table, key});
    return append(entry.entry);
  }

  // Any entry, without state.
  Seq append(record::Entry& entry) {
    entry.header.seq = Seq{seq_++};
    batch_.add(entry);
    CHECK(store_->append(batch_).has_value());
    batch_.clear();
    return entry.header.seq;
  }

  void erase_person(const std::string& tenant, const std::string& key) {
    CHECK(store_->destroy_keys({{tenant, persons_ + '/' + key}}).has_value());
  }

  // A row that changed behind capture's back: the model knows it, no entry says so.
  void forget(const std::string& table, const std::string& key, const Row& now) { rows_[{table, key}] = now; }
  std::string key_of(const std::string& table, const Row& row) const {
    std::vector<std::string_view> parts;
    for (const record::Column& column : tables_.at(table).columns)
      if (column.is_key) parts.push_back(*row.at(column.name));
    return record::encode_key(parts);
  }
  const std::map<std::pair<std::string, std::string>, Row>& rows() const { return rows_; }
  void set_time(Timestamp time) { time_ = time; }
  // Rows that have this column are the tenant's that it names.
  void set_tenant_column(std::string column) { tenant_column_ = std::move(column); }
  // Who makes the changes from now on.
  void set_actor(std::string id, std::string name = {}, std::string context = {}) {
    actor_ = std::move(id);
    actor_name_ = std::move(name);
    context_ = std::move(context);
  }
  uint64_t lsn() const { return lsn_; }

 private:
  static Value value(const Row& row, const std::string& column) {
    const auto found = row.find(column);
    return found == row.end() || !found->second ? Value::null() : Value::of(*found->second);
  }

  void set_key(std::vector<record::KeyPart>& out, const std::string& table, const Row& row) {
    for (const record::Column& column : tables_[table].columns)
      if (column.is_key)
        out.push_back({column.name, *kept_.emplace_back(std::make_unique<std::string>(*row.at(column.name)))});
  }

  void begin(EntryBuilder& entry, const std::string& table, const Row& row) {
    time_.us += 1'000'000;
    entry.entry.header.table = tables_[table].table;
    entry.entry.header.tx = record::TxIdentity{42, 1, Lsn{lsn_ += 0x100}, 0, static_cast<uint32_t>(lsn_), time_, {}};
    entry.entry.header.received_at = {time_.us + 2'000};
    set_key(entry.entry.body.key, table, row);
    const std::string& named = *kept_.emplace_back(std::make_unique<std::string>(table + '/' + key_of(table, row)));
    entry.entry.header.row_ref = ref_of(named);
    if (table == persons_) entry.entry.body.subject = named;
    if (const auto tenant = row.find(tenant_column_); tenant != row.end() && tenant->second) {
      entry.tenant(*tenant->second, tenant_seqs_[*tenant->second]++);
    }
    if (actor_.empty()) return;
    entry.who(actor_, actor_name_, record::Trust::kClaimed, record::Via::kApp);
    entry.entry.header.actor_ref = ref_of(actor_);
    if (!context_.empty()) entry.context(context_);
  }

  static record::Ref ref_of(const std::string& text) {
    const Digest digest = sha256(text);
    record::Ref out;
    std::copy_n(digest.begin(), out.size(), out.begin());
    return out;
  }

  Seq finish(EntryBuilder& entry, const std::string& table, const std::string& key, const Row& row) {
    std::string image;
    for (const record::Column& column : tables_[table].columns) record::append_value(image, value(row, column.name));
    batch_.set_state({tables_[table].table_id, key, {Seq{seq_}, false, tables_[table].id, image}});
    newest_[{table, key}] = Seq{seq_};
    Row stored;
    for (const record::Column& column : tables_[table].columns)
      stored[column.name] = row.contains(column.name) ? row.at(column.name) : std::nullopt;
    rows_[{table, key}] = stored;
    const Seq seq = append(entry.entry);
    kept_.clear();
    return seq;
  }

  const std::string persons_;
  store::testing::TempDirectory directory_;
  std::unique_ptr<privacy::KeyRing> keys_;
  std::unique_ptr<store::Store> store_;
  store::Batch batch_;
  std::map<std::string, record::TableSchema> tables_;
  std::map<std::pair<std::string, std::string>, Seq> newest_;
  std::map<std::pair<std::string, std::string>, Row> rows_;
  std::deque<std::unique_ptr<std::string>> kept_;
  Timestamp time_ = at("2026-11-20T00:00:00Z");
  uint64_t seq_ = 0, lsn_ = 0x1000;
  std::string tenant_column_, actor_, actor_name_, context_;
  std::map<std::string, uint64_t> tenant_seqs_;
  uint32_t next_schema_ = 0;
};

}  // namespace rowledger::query::testing
