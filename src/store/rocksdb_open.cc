#include <fmt/format.h>

#include <algorithm>

#include "base/bytes.h"
#include "base/check.h"
#include "base/log.h"
#include "ledger/tree.h"
#include "store/rocksdb_store_impl.h"

namespace rowledger::store {

Result<std::unique_ptr<Store>> open_rocksdb_store(const StoreOptions& options) { return RocksdbStore::open(options); }

RocksdbStore::RocksdbStore(const StoreOptions& options, std::shared_ptr<Database> database)
    : options_(options),
      database_(std::move(database)),
      sealing_(options.keys, options.seal, options.salt_key),
      token_keys_(options.token_key),
      subject_keys_(*database_, options.keys, options.token_key, options.key_period_days),
      reader_(*database_, sealing_, options.cache_bytes / 4),
      tiles_(*database_),
      state_(
          *database_, sealing_, [this](SchemaId id) { return schema(id); },
          std::max<size_t>(options.write_buffer_bytes / 2, 1 << 20), options.read_only),
      check_seed_(short_hash(options.token_key, "rowledger redo check v1")) {}

RocksdbStore::~RocksdbStore() {
  {
    std::lock_guard lock(wait_mutex_);
    closing_ = true;
    appended_.notify_all();
  }
  state_.stop();  // asks for schemas
}

Result<std::unique_ptr<Store>> RocksdbStore::open(const StoreOptions& options) {
  RL_ASSIGN(auto database, Database::open(options));
  std::unique_ptr<RocksdbStore> store(new RocksdbStore(options, std::move(database)));
  RL_TRY(store->recover());
  return std::unique_ptr<Store>(std::move(store));
}

Result<std::unique_ptr<Store>> RocksdbStore::open_again_to_read() const {
  StoreOptions options = options_;
  options.read_only = true;
  std::unique_ptr<RocksdbStore> store(new RocksdbStore(options, database_));
  RL_TRY(store->recover());
  return std::unique_ptr<Store>(std::move(store));
}

Status RocksdbStore::recover() {
  RL_TRY(sealing_.prepare());
  if (!options_.read_only) RL_TRY(subject_keys_.load());
  RL_TRY(load_meta());
  RL_TRY(load_open_bundle());
  RL_TRY(load_tree());
  RL_TRY(replay_state());
  return load_index();
}

Status RocksdbStore::load_meta() {
  std::string cursor, cursor_tag;
  const auto at = database_->iterate(Family::kMeta);
  for (at->SeekToFirst(); at->Valid(); at->Next()) {
    const std::string_view key = view(at->key()), value = view(at->value());
    ByteReader reader(value);
    switch (key.front()) {
      case kPosition:
        appends_ = reader.u64();
        end_ = reader.u64();
        break;
      case kCursor: {
        RL_ASSIGN(cursor_, decode_cursor(value));
        cursor = value;
        break;
      }
      case kCursorTag: cursor_tag = value; break;
      case kSchema: {
        RL_ASSIGN(record::TableSchema schema, record::decode_schema(value));
        ++versions_[schema.table_id.value];
        schemas_.push_back(std::make_shared<const record::TableSchema>(std::move(schema)));
        break;
      }
      case kTenant: tenants_[std::string(key.substr(1))] = reader.u64(); break;
      case kDictionary: RL_TRY(load_dictionary(sealing_, key, value)); break;
      default: break;  // free-form values are read when asked for
    }
    if (!reader.ok()) return fail(ErrorCode::kCorrupt, "the log's own bookkeeping is malformed");
  }
  if (!at->status().ok()) return fail(error_of(at->status(), "opening the log"));
  cursor_altered_ =
      sealing_.ring() != nullptr && !cursor.empty() && !sealing_.is_authentic(kCursor, cursor, cursor_tag);
  return {};
}

Status RocksdbStore::load_open_bundle() {
  open_.first = {end_ / kBundleEntries * kBundleEntries};
  uint64_t next = open_.first.value;
  const auto at = database_->iterate(Family::kRuns);
  for (at->SeekToFirst(); at->Valid(); at->Next()) {
    const std::string record = at->value().ToString();
    ByteReader reader(record);
    const auto damaged = [&](const Error& error) {
      return fail(Error(error).with_context(fmt::format("the log's newest entries are damaged at {}", next)));
    };
    const auto decoded_headers = decode_headers(reader.string());
    if (!decoded_headers) return damaged(decoded_headers.error());
    const HeaderSection& headers = *decoded_headers;
    const auto decoded_bodies = decode_bodies(reader.rest(), sealing_);
    if (!decoded_bodies) return damaged(decoded_bodies.error());
    const BodySection& bodies = *decoded_bodies;
    if (headers.first.value != next || bodies.first != headers.first || bodies.count() != headers.count())
      return fail(ErrorCode::kCorrupt, fmt::format("the log's newest entries are damaged at {}", next));
    for (size_t i = 0; i < headers.count(); ++i) {
      const BundleEntry body = bodies.body(i);
      open_.entries.push_back({std::string(headers.header(i)), std::string(body.frame), std::string(body.values),
                               body.key, body.values_apart, bodies.locked});
    }
    open_.runs.push_back(headers.first);
    next += headers.count();
  }
  if (!at->status().ok()) return fail(error_of(at->status(), "opening the log"));
  if (next != end_)
    return fail(ErrorCode::kCorrupt, fmt::format("the log should have {} entries, but its newest part ends at {}: "
                                                 "restore the data directory from a backup",
                                                 end_.load(), next));
  return {};
}

Status RocksdbStore::load_tree() {
  if (!options_.tree) return {};
  std::string leaf_hashes;
  for (const OpenEntry& entry : open_.entries) leaf_hashes.append(as_view(ledger::leaf_hash(entry.header)));
  RL_ASSIGN(edge_, ledger::TreeEdge::restore({end_}, leaf_hashes, tiles_));
  return {};
}

// ---- the state ------------------------------------------------------------------------------

Status RocksdbStore::replay_state() {
  RL_TRY(state_.load());
  const uint64_t applied = state_.persisted();
  const auto at = database_->iterate(Family::kRedo);
  uint64_t unsure = 0;
  for (at->Seek(slice(number_key(applied + 1))); at->Valid(); at->Next()) {
    RL_ASSIGN(const std::vector<RedoChange> changes, decode_redo(view(at->value())));
    for (const RedoChange& change : changes) {
      if (sealing_.ring() == nullptr && change.seal_key != KeyId{}) continue;  // locked: its row cannot be read anyway
      RL_ASSIGN(const std::optional<RowState> prior, row(change.table, change.key));
      if (prior && prior->newest > change.newest) continue;  // a newer state of the row was persisted already
      RL_ASSIGN(const bool is_key_gone, is_destroyed(change.seal_key));
      const bool erased = is_key_gone || change.image == RedoChange::Image::kErased;
      RL_ASSIGN(const std::string image, erased ? Result<std::string>(std::string()) : redo_image(change));
      if (change.image == RedoChange::Image::kFromEntries && !erased && image_check(image, check_seed_) != change.check)
        ++unsure;
      const bool deleted = change.image == RedoChange::Image::kDeleted;
      StateChange put;
      put.table = change.table;
      put.key = change.key;
      put.row = {change.newest, deleted, change.schema, image, erased, change.seal_key};
      state_.put(&put, &put + 1, [](const StateChange& known) { return known.row.key; });
    }
    RL_TRY(state_.make_room());
    state_.mark(ByteReader(view(at->key())).u64());
  }
  if (!at->status().ok()) return fail(error_of(at->status(), "bringing the state up to the log's end"));
  if (unsure > 0)
    log::warning(
        "the state of {} rows could not be computed from the log in full: values that their last entries do "
        "not hold count as unknown",
        unsure);
  return {};
}

Result<bool> RocksdbStore::is_destroyed(KeyId id) const {
  if (id == KeyId{}) return false;
  SubjectKey ignored;
  RL_ASSIGN(const record::Values values, sealing_.find(id, ignored));
  return values == record::Values::kErased;
}

// The previous image with the changes of the row's entries since.
Result<std::string> RocksdbStore::redo_image(const RedoChange& change) {
  if (change.image == RedoChange::Image::kDeleted) return std::string();
  if (change.image == RedoChange::Image::kLogged) {
    if (change.seal_key == KeyId{}) return std::string(change.logged);
    SubjectKey key;
    RL_ASSIGN(const record::Values values, sealing_.find(change.seal_key, key));
    if (values != record::Values::kHere)
      return fail(ErrorCode::kPermission, "the keys that the log is sealed with cannot be had");
    const std::string stored_key = state_key(change.table, change.key);
    return sealing_.open_image(key, {stored_key, change.newest, change.schema}, change.logged);
  }
  const auto schema = this->schema(change.schema);
  if (!schema)
    return fail(ErrorCode::kCorrupt, fmt::format("the state names the unknown schema {}", change.schema.value));
  RL_ASSIGN(const std::optional<RowState> prior, row(change.table, change.key));
  std::vector<record::OwnedEntry> chain;  // newest first
  std::optional<Seq> next = change.newest;
  while (next && !(prior && *next <= prior->newest)) {
    RL_ASSIGN(std::optional<record::OwnedEntry> entry, read(*next));
    if (!entry) return fail(ErrorCode::kCorrupt, fmt::format("the state names the missing entry {}", next->value));
    next = entry->header().prev;
    const bool is_whole =
        entry->header().kind == record::EntryKind::kInsert || entry->header().kind == record::EntryKind::kBaseline;
    chain.push_back(std::move(*entry));
    if (is_whole) break;
  }
  ImageBuilder builder, without_prior;
  if (prior && !prior->deleted && !prior->erased) {
    const auto prior_schema = this->schema(prior->schema);
    if (!prior_schema || !builder.start(*prior_schema, prior->image))
      return fail(ErrorCode::kCorrupt, "a row of the state does not fit its schema");
  }
  for (auto entry = chain.rbegin(); entry != chain.rend(); ++entry) {
    builder.apply(entry->entry());
    without_prior.apply(entry->entry());
  }
  std::string image = builder.build(*schema);
  return image_check(image, check_seed_) == change.check ? image : without_prior.build(*schema);
}

// ---- the index ------------------------------------------------------------------------------

Status RocksdbStore::load_index() {
  const uint64_t full_ranges = end_ / kIndexRange;
  uint64_t range = 0;
  for (; range < full_ranges; ++range) {
    rocksdb::PinnableSlice record;
    RL_ASSIGN(const bool found, database_->get(Family::kIndex, index_key(range, summary_key()), record));
    if (!found) break;  // ranges are written in their order
    RL_ASSIGN(const std::vector<Bounds> bounds, decode_summary(view(record)));
    bounds_.insert(bounds_.end(), bounds.begin(), bounds.end());
  }
  return rebuild_index(range);
}

Status RocksdbStore::rebuild_index(uint64_t from_range) {
  Batch terms;
  uint64_t next = from_range * kIndexRange;
  const auto add = [&](const record::Entry& entry) {
    terms.add_terms(entry);
    ++next;
    if (terms.entries() == kBundleEntries) {
      index_items(terms);
      terms.clear();
    }
  };
  while (next < end().value) {
    const Status scanned = scan({{next}, end()}, [&](const record::OwnedEntry& entry) {
      add(entry.entry());
      return true;
    });
    if (scanned) break;
    if (scanned.error().code != ErrorCode::kCorrupt || !options_.read_only)
      return fail(Error(scanned.error())
                      .with_context(fmt::format("entry {} cannot be read (`rowledger verify` tells of others)", next)));
    // Whoever only reads goes on: the other entries are still there, and verify is to name what is not.
    auto header = headers({next}, 1);
    auto entry = header ? record::OwnedEntry::of_header(std::move(header->front()))
                        : Result<record::OwnedEntry>(fail(header.error()));
    record::Entry unknown;
    unknown.header.seq = {next};
    add(entry && entry->header().seq.value == next ? entry->entry() : unknown);
  }
  index_items(terms);
  write_complete_ranges();
  return {};
}

}  // namespace rowledger::store
