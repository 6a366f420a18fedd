#pragma once
// A log as capture would write it, made up from a seed: for the store's tests and its benchmark.
#include <fmt/format.h>
#include <unistd.h>

#include <filesystem>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "base/check.h"
#include "record/entry.h"
#include "store/store.h"

namespace rowledger::store::testing {

// A directory of its own, removed at the end.
class TempDirectory {
 public:
  TempDirectory() {
    std::string pattern = (std::filesystem::temp_directory_path() / "rowledger-store-XXXXXX").string();
    path_ = ::mkdtemp(pattern.data());
  }
  ~TempDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TempDirectory(const TempDirectory&) = delete;
  TempDirectory& operator=(const TempDirectory&) = delete;
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

// A key ring in `directory`/keys, made when there is none, with one master key for all.
inline std::unique_ptr<privacy::KeyRing> open_keys(const std::filesystem::path& directory) {
  const auto place = directory / "keys";
  std::filesystem::create_directories(place);
  const privacy::MasterKey master(std::string(privacy::kKeyBytes, 'm'));
  auto ring = privacy::KeyRing::create(place, master);
  if (!ring && ring.error().code == ErrorCode::kConflict) ring = privacy::KeyRing::open(place, master);
  CHECK(ring.has_value());
  return std::move(*ring);
}

// Makes batch after batch of random changes of two tables, and holds what the store should then say.
// The same seed gives the same log.
class Workload {
 public:
  struct Options {
    size_t max_entries = 60;   // of a batch
    bool odd_cases = true;     // schema changes, key moves, large values, gaps; else plain inserts and updates
    size_t inserts_first = 0;  // so many inserts, then updates only
    bool small = false;        // rows of two columns, entries that say the least; without odd cases
  };
  Workload(uint64_t seed, Options options) : random_(seed), options_(options) {
    if (options.small) {
      add_schema("public.contacts", {"id", "phone"});
      return;
    }
    add_schema("public.contacts", {"id", "name", "phone", "language", "fields", "notes", "updated_at"});
    add_schema("public.profiles", {"id", "name", "phone", "language", "fields", "notes", "updated_at"});
  }

  // Fills the batch, which must be empty, with what comes next.
  void next(Batch& batch) {
    for (; schemas_announced_ < schemas.size(); ++schemas_announced_) batch.set_schema(schemas[schemas_announced_]);
    const size_t count =
        options_.odd_cases ? pick(options_.max_entries) + (pick(20) == 0 ? 300 : 1) : options_.max_entries;
    if (options_.odd_cases && pick(40) == 0) {
      add_schema("public.contacts", {"id", "name", "phone", "language", "fields", "notes", "updated_at",
                                     fmt::format("extra{}", schemas.size())});
      for (; schemas_announced_ < schemas.size(); ++schemas_announced_) batch.set_schema(schemas[schemas_announced_]);
    }
    transaction_ = {42, 1, Lsn{lsn_ += 1000}, 0, xid_++, {time_us_ += 1000}, {}};
    for (size_t i = 0; i < count; ++i) change(batch);
    batch.set_cursor(Cursor{42, 1, Lsn{lsn_}, {}, 0, 0});
    batch.set_meta("batches", std::to_string(++batches));
  }

  // The model.
  uint64_t seq = 0, batches = 0;
  std::vector<std::string> headers, bodies;  // of each entry, when keep_entries
  bool keep_entries = true;
  std::map<std::pair<uint32_t, std::string>, RowState> rows;
  std::map<std::string, uint64_t> tenants;
  std::vector<record::TableSchema> schemas;

 private:
  using Values = std::vector<record::Value>;

  size_t pick(size_t n) { return std::uniform_int_distribution<size_t>(0, n - 1)(random_); }

  void add_schema(std::string table, const std::vector<std::string>& columns) {
    record::TableSchema schema;
    schema.id = {static_cast<uint32_t>(schemas.size() + 1)};
    schema.table_id = {table == "public.contacts" ? 1u : 2u};
    schema.table = std::move(table);
    for (const std::string& name : columns) {
      record::Column column;
      column.name = name;
      column.is_key = name == "id";
      column.form = name == "fields" ? record::ValueForm::kJson : record::ValueForm::kText;
      schema.columns.push_back(column);
    }
    newest_[schema.table_id.value - 1] = schemas.size();
    schemas.push_back(std::move(schema));
  }

  static record::Ref ref_of(const record::TableSchema& schema, std::string_view id) {
    const Digest digest = sha256(schema.table, std::string_view("\0", 1), id);
    record::Ref out;
    std::copy_n(digest.begin(), out.size(), out.begin());
    return out;
  }

  // Text that lives until the next change.
  std::string_view keep(std::string text) {
    texts_.push_back(std::make_unique<std::string>(std::move(text)));
    return *texts_.back();
  }

  record::Value make_value(const std::string& column, uint64_t id) {
    using record::Value;
    static constexpr const char* kFirst[] = {"Priya", "Asha", "Mohan", "Ravi", "Leela", "John", "Maria", "Sunita"};
    static constexpr const char* kLast[] = {"Kumar", "Sharma", "Patel", "Das", "Rao", "Smith", "Fernandes", "Iyer"};
    if (column == "id") return Value::of(keep(std::to_string(id)));
    if (column == "name") return Value::of(keep(fmt::format("{} {}", kFirst[pick(8)], kLast[pick(8)])));
    if (column == "phone") return Value::of(keep(fmt::format("91{:010}", pick(10'000'000'000))));
    if (column == "language") return pick(5) == 0 ? Value::null() : Value::of(pick(2) == 0 ? "English" : "Hindi");
    if (column == "fields")
      return Value::of(
          keep(fmt::format(R"({{"age_group": {{"type": "string", "label": "Age Group", "value": "{} to {}", )"
                           R"("inserted_at": "2026-11-01T09:30:00Z"}}, "city": {{"type": "string", "value": "{}"}}}})",
                           pick(60), pick(60), pick(3) == 0 ? "Mumbai" : "Pune")));
    if (column == "notes")
      return Value::of(options_.odd_cases && pick(200) == 0
                           ? keep(std::string(20'000 + pick(20) * pick(20) * pick(20) * 1'000, 'n'))
                           : keep(std::string(120, 'x') + std::to_string(id % 7)));
    return Value::of(keep(fmt::format("2026-11-23 09:30:{:02}.{:06}", pick(60), pick(1'000'000))));
  }

  void change(Batch& batch) {
    texts_.clear();
    const size_t table = options_.odd_cases ? pick(2) : 0;
    const bool insert_phase = inserted_ < options_.inserts_first;
    const uint64_t id = insert_phase ? inserted_++ : pick(options_.inserts_first != 0 ? options_.inserts_first : 500);
    const record::TableSchema& schema = schemas[newest_[table]];
    const std::string key = fmt::format("{}", id) + '\0';
    const auto found = rows.find({schema.table_id.value, key});
    const bool exists = found != rows.end() && !found->second.deleted;

    record::Entry entry;
    start(entry, schema, id, found == rows.end() ? nullptr : &found->second);
    if (!exists) {
      insert(batch, entry, schema, key, id);
    } else if (options_.odd_cases && pick(12) == 0) {
      remove(batch, entry, schema, key, found->second);
    } else {
      update(batch, entry, schema, key, found->second, id);
    }
  }

  void start(record::Entry& entry, const record::TableSchema& schema, uint64_t id, const RowState* known) {
    entry.header.seq = {seq};
    entry.header.source = "glific";
    entry.header.table = schema.table;
    tenant_ = std::to_string(id % 3 + 1);
    entry.header.tenant = tenant_;
    entry.header.tenant_seq = tenants[tenant_]++;
    entry.header.tx = transaction_;
    transaction_.ordinal++;
    entry.header.received_at = {time_us_ + 700};
    entry.header.trust = record::Trust::kClaimed;
    entry.header.via = record::Via::kApp;
    entry.header.row_ref = ref_of(schema, std::to_string(id));
    if (known != nullptr) entry.header.prev = known->newest;
    entry.body.key = {{"id", keep(std::to_string(id))}};
    entry.body.subject = keep(fmt::format("{}/{}", schema.table, id));
    if (options_.small) return;
    entry.body.attribution = {
        "7",          "Priya",    "glific",
        "glific_web", "10.0.0.7", keep(fmt::format(R"({{"request_id":"F1a{}","reason":"caller asked"}})", xid_))};
  }

  void insert(Batch& batch, record::Entry& entry, const record::TableSchema& schema, const std::string& key,
              uint64_t id) {
    entry.header.kind = pick(10) == 0 ? record::EntryKind::kBaseline : record::EntryKind::kInsert;
    std::string image;
    for (const record::Column& column : schema.columns) {
      const record::Value value = make_value(column.name, id);
      record::append_value(image, value);
      entry.body.changes.push_back({column.name, column.form, {}, value});
    }
    finish(batch, entry, schema, key, std::move(image), false);
  }

  void remove(Batch& batch, record::Entry& entry, const record::TableSchema& schema, const std::string& key,
              const RowState& row) {
    entry.header.kind = record::EntryKind::kDelete;
    const std::string image = row.image;
    const record::TableSchema& then = schemas[row.schema.value - 1];
    Values old;
    check(record::decode_image(image, then.columns.size(), old));
    for (size_t i = 0; i < old.size(); ++i)
      entry.body.changes.push_back({then.columns[i].name, then.columns[i].form, old[i], {}});
    add(batch, entry);
    set(batch, schema, key, {entry.header.seq, true, schema.id, {}}, false);
  }

  void update(Batch& batch, record::Entry& entry, const record::TableSchema& schema, const std::string& key,
              const RowState& row, uint64_t id) {
    const std::string prior_image = row.image;
    const record::TableSchema& then = schemas[row.schema.value - 1];
    const bool same_schema = then.id == schema.id;
    Values prior;
    check(record::decode_image(prior_image, then.columns.size(), prior));
    entry.header.kind = record::EntryKind::kUpdate;
    if (options_.odd_cases && pick(30) == 0) entry.header.kind = record::EntryKind::kGap;
    std::string image, moved_key;
    if (options_.odd_cases && pick(25) == 0) moved_key = fmt::format("{}", 1000 + pick(500)) + '\0';
    if (moved_key == key || rows.contains({schema.table_id.value, moved_key})) moved_key.clear();
    for (const record::Column& column : schema.columns) {
      const auto at = then.index_of(column.name);
      const record::Value before = at ? prior[*at] : record::Value::unknown();
      record::Value after = before;
      const bool is_changed = options_.odd_cases ? pick(3) == 0 : column.name == "phone" || column.name == "updated_at";
      if (column.name == "id") {
        if (!moved_key.empty()) after = record::Value::of(keep(moved_key.substr(0, moved_key.size() - 1)));
      } else if (is_changed) {
        after = make_value(column.name, id);
      }
      record::append_value(image, after);
      if (!(before == after)) entry.body.changes.push_back({column.name, column.form, before, after});
    }
    if (moved_key.empty()) return finish(batch, entry, schema, key, std::move(image), same_schema);
    entry.body.old_key = entry.body.key;
    entry.body.key = {{"id", keep(moved_key.substr(0, moved_key.size() - 1))}};
    entry.header.row_ref = ref_of(schema, entry.body.key.front().value);
    add(batch, entry);
    set(batch, schema, key, {entry.header.seq, true, schema.id, {}}, false);
    set(batch, schema, moved_key, {entry.header.seq, false, schema.id, std::move(image)}, same_schema);
  }

  void finish(Batch& batch, record::Entry& entry, const record::TableSchema& schema, const std::string& key,
              std::string image, bool same_schema) {
    add(batch, entry);
    set(batch, schema, key, {entry.header.seq, false, schema.id, std::move(image)}, same_schema);
  }

  void add(Batch& batch, record::Entry& entry) {
    batch.add(entry);
    ++seq;
    if (!keep_entries) return;
    headers.emplace_back(batch.header(batch.items().back()));
    bodies.emplace_back(batch.body(batch.items().back()));
  }

  void set(Batch& batch, const record::TableSchema& schema, const std::string& key, RowState row, bool same_schema) {
    rows[{schema.table_id.value, key}] = row;
    batch.set_state({schema.table_id, key, std::move(row), same_schema});
  }

  static void check(bool ok) { CHECK(ok); }

  std::mt19937_64 random_;
  const Options options_;
  size_t newest_[2] = {0, 0};  // schema of each table, in schemas
  size_t schemas_announced_ = 0;
  uint64_t lsn_ = 100'000, inserted_ = 0;
  uint32_t xid_ = 7'000;
  int64_t time_us_ = 1'790'000'000'000'000;
  record::TxIdentity transaction_;
  std::string tenant_;
  std::vector<std::unique_ptr<std::string>> texts_;
};

}  // namespace rowledger::store::testing
