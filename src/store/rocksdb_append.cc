#include <algorithm>

#include "base/bytes.h"
#include "base/check.h"
#include "base/log.h"
#include "ledger/tree.h"
#include "record/body_parts.h"
#include "store/rocksdb_store_impl.h"

namespace rowledger::store {
namespace {

// How many entries before its use a key's place is asked for.
constexpr size_t kKeysAhead = 8;

}  // namespace

Status RocksdbStore::append(const Batch& batch) {
  if (batch.empty()) return {};
  RL_TRY(check_appendable(batch));
  const uint64_t number = appends_ + 1;
  Appended appended;
  log_batch_.Clear();
  RL_TRY(prepare_entries(batch));
  write_log(batch, log_batch_, appended);
  write_tree(log_batch_);
  RL_TRY(write_redo(batch, number));
  write_meta(batch, number, log_batch_);
  RL_TRY(database_->has_room_for(log_batch_.GetDataSize()));
  if (const rocksdb::Status status = database_->db().Write(synced(), &log_batch_); !status.ok()) {
    Error error = error_of(status, "appending to the log");
    if (!is_no_space(status)) broken_ = error;
    return fail(std::move(error));
  }
  appends_ = number;
  subject_keys_.written();
  // Found before, since finding one may read the state, which putting locks.
  state_keys_.clear();
  for (const StateChange& change : batch.state()) state_keys_.push_back(key_of(batch, change));
  const StateChange* const first = batch.state().data();
  state_.put(first, first + batch.state().size(),
             [&](const StateChange& change) { return state_keys_[static_cast<size_t>(&change - first)]; });
  state_.mark(number);
  publish(batch, appended);
  write_complete_ranges();
  return {};
}

Status RocksdbStore::check_appendable(const Batch& batch) {
  if (options_.read_only) return fail(ErrorCode::kPermission, "the log is open for reading only");
  if (broken_) return fail(*broken_);
  CHECK(batch.items().empty() || batch.items().front().seq == end());
  // After a failed write RocksDB refuses all others until it is told to go on; nothing was lost from memory.
  if (const rocksdb::Status status = database_->resume(); !status.ok()) {
    Error error = error_of(status, "appending to the log");
    if (!is_no_space(status)) broken_ = error;
    return fail(std::move(error));
  }
  return state_.make_room();
}

// ---- the log --------------------------------------------------------------------------------

// Which key each entry is sealed with. A table of many subjects does not fit the processor's cache, and waiting for
// memory took more time than the rest: so what a few entries need is asked for at once.
Status RocksdbStore::find_keys(const Batch& batch, Timestamp now) {
  constexpr size_t kAtOnce = 32;
  std::array<SubjectKeys::Name, kAtOnce> names;
  const std::vector<Batch::Item>& items = batch.items();
  entry_keys_.resize(items.size());
  RL_TRY(subject_keys_.loaded());
  for (size_t first = 0; first < items.size(); first += kAtOnce) {
    const size_t end = std::min(first + kAtOnce, items.size());
    for (size_t i = first; i < end; ++i) {
      names[i - first] = subject_keys_.name_of(batch.name(items[i].tenant), batch.name(items[i].subject));
      subject_keys_.prefetch(names[i - first]);
    }
    for (size_t i = first; i < end; ++i) {
      const std::string_view tenant = batch.name(items[i].tenant);
      RL_ASSIGN(entry_keys_[i], items[i].expires ? subject_keys_.key_for(tenant, names[i - first], now)
                                                 : subject_keys_.key_of_tenant(tenant));
    }
  }
  return {};
}

// Where that key turned out to be lost. An entry before may have been given another one already.
Result<KeyId> RocksdbStore::another_key(const Batch& batch, const Batch::Item& item, KeyId lost, Timestamp now) {
  const std::string_view tenant = batch.name(item.tenant), subject = batch.name(item.subject);
  RL_ASSIGN(const KeyId known, subject_keys_.key_for(tenant, subject_keys_.name_of(tenant, subject), now));
  return known != lost ? known : subject_keys_.new_key_for(tenant, subject, now);
}

// Each entry as it will be stored: the commitment in its header, the body in its two parts, the values sealed.
Status RocksdbStore::prepare_entries(const Batch& batch) {
  prepared_.clear();
  prepared_bytes_.clear();
  const Timestamp now = options_.now();
  SubjectKey key;
  std::optional<std::string_view> table;  // of the entry before
  const privacy::RecordDictionary* dictionary = nullptr;
  if (sealing_.seals()) RL_TRY(find_keys(batch, now));
  for (size_t i = 0; i < batch.items().size(); ++i) {
    const Batch::Item& item = batch.items()[i];
    Prepared out;
    if (sealing_.seals()) {
      if (i + kKeysAhead < entry_keys_.size()) sealing_.ring()->prefetch(entry_keys_[i + kKeysAhead]);
      out.key = entry_keys_[i];
      RL_ASSIGN(record::Values found, sealing_.find(out.key, key));
      if (found == record::Values::kErased && item.expires) {
        RL_ASSIGN(out.key, another_key(batch, item, out.key, now));
        RL_ASSIGN(found, sealing_.find(out.key, key));
      }
      CHECK(found == record::Values::kHere);
    }
    const bool sealed = out.key != KeyId{};
    const Digest salt = sealed ? key.salt(item.seq) : sealing_.clear_salt(item.seq);
    const Digest commitment = record::commitment_of(as_view(salt), batch.body(item));
    std::string_view header = batch.header(item);
    header.remove_suffix(commitment.size());
    out.header_at = prepared_bytes_.size();
    prepared_bytes_.append(header).append(as_view(commitment));
    out.frame_at = prepared_bytes_.size();
    values_.clear();
    record::split_body(batch.name(item.table), batch.body(item), prepared_bytes_, values_);
    out.values_at = prepared_bytes_.size();
    if (sealed) {
      if (table != batch.name(item.table)) {
        table = batch.name(item.table);
        dictionary = sealing_.dictionaries().newest_of(*table);
      }
      Sealing::seal_values(key, item.seq, commitment, dictionary, values_, prepared_bytes_);
    } else {
      prepared_bytes_.append(values_);
    }
    out.end = prepared_bytes_.size();
    out.values_apart = out.end - out.values_at > kMaxInlineValues;
    prepared_.push_back(out);
  }
  if (!sealing_.seals()) return {};
  // Keys are durable before anything that they seal is.
  RL_TRY(sealing_.ring()->sync());
  subject_keys_.write(log_batch_);
  return {};
}

// A row's image is sealed as its newest entry is.
privacy::KeyId RocksdbStore::key_of(const Batch& batch, const StateChange& change) const {
  const std::vector<Batch::Item>& items = batch.items();
  if (items.empty() || change.row.newest < items.front().seq || items.back().seq < change.row.newest) {
    // An image made anew without an entry of its own stays under the key that the row had.
    const Result<std::optional<RowState>> known = state_.row(change.table, change.key);
    return known && *known ? (*known)->key : sealing_.seals() ? sealing_.installation_key() : KeyId{};
  }
  return prepared_[change.row.newest.value - items.front().seq.value].key;
}

BundleEntry RocksdbStore::prepared(size_t i) const {
  const Prepared& at = prepared_[i];
  const std::string_view bytes = prepared_bytes_;
  return {bytes.substr(at.header_at, at.frame_at - at.header_at), bytes.substr(at.frame_at, at.values_at - at.frame_at),
          bytes.substr(at.values_at, at.end - at.values_at), at.key, at.values_apart};
}

// Full bundles as such; what is left of the batch as a run, which the bundle will replace.
void RocksdbStore::write_log(const Batch& batch, rocksdb::WriteBatch& out, Appended& appended) {
  const std::vector<Batch::Item>& items = batch.items();
  appended.runs = open_.runs;
  size_t held = open_.entries.size();  // entries of the current bundle that are in open_
  for (size_t at = 0; at < items.size();) {
    const size_t take = std::min<size_t>(items.size() - at, kBundleEntries - held);
    const bool is_full = held + take == kBundleEntries;
    bundle_entries_.clear();
    if (is_full)
      for (size_t i = 0; i < held; ++i) bundle_entries_.push_back(open_.entries[i].parts());
    for (size_t i = at; i < at + take; ++i) {
      const BundleEntry entry = prepared(i);
      if (entry.values_apart) write_values_apart(items[i].seq, entry.values, out);
      bundle_entries_.push_back(entry);
    }
    const Seq first{items[at].seq.value - (is_full ? held : 0)};
    write_section(first, bundle_entries_, is_full, out);
    if (is_full) {
      for (const Seq run : appended.runs) out.Delete(database_->family(Family::kRuns), slice(seq_key(run)));
      appended.runs.clear();
      appended.bundle_filled = true;
      held = 0;
    } else {
      appended.runs.push_back(first);
      appended.left = take;
    }
    at += take;
  }
}

void RocksdbStore::write_section(Seq first, const std::vector<BundleEntry>& entries, bool is_full,
                                 rocksdb::WriteBatch& out) {
  const std::string key = seq_key(first);
  section_.clear();
  encode_headers(first, entries, compressor_, section_);
  if (is_full) {
    out.Put(database_->family(Family::kHeaders), slice(key), slice(section_));
    section_.clear();
    encode_bodies(first, entries, compressor_, sealing_, section_);
    out.Put(database_->family(Family::kBodies), slice(key), slice(section_));
    return;
  }
  std::string run;
  ByteWriter(run).string(section_);
  encode_bodies(first, entries, compressor_, sealing_, run);
  out.Put(database_->family(Family::kRuns), slice(key), slice(run));
}

void RocksdbStore::write_values_apart(Seq seq, std::string_view values, rocksdb::WriteBatch& out) {
  const auto chunks = static_cast<uint32_t>((values.size() + kValuesChunkBytes - 1) / kValuesChunkBytes);
  std::string record;
  for (uint32_t chunk = 0; chunk < chunks; ++chunk) {
    record.clear();
    encode_values_chunk(values.substr(chunk * kValuesChunkBytes, kValuesChunkBytes), chunks, compressor_, record);
    out.Put(database_->family(Family::kBodies), slice(body_chunk_key(seq, chunk)), slice(record));
  }
}

// The tree's new edge is adopted once the write is durable.
void RocksdbStore::write_tree(rocksdb::WriteBatch& out) {
  next_edge_ = edge_;
  if (!options_.tree) return;
  const auto keep = [&](ledger::TileId id, std::string_view bytes) {
    out.Put(database_->family(Family::kTiles), slice(tile_key(id)), slice(bytes));
  };
  for (size_t i = 0; i < prepared_.size(); ++i) next_edge_.append(ledger::leaf_hash(prepared(i).header), keep);
}

// ---- the state ------------------------------------------------------------------------------

Status RocksdbStore::write_redo(const Batch& batch, uint64_t number) {
  rocksdb::ColumnFamilyHandle* const family = database_->family(Family::kRedo);
  if (!batch.state().empty()) {
    redo_.clear();
    for (const StateChange& change : batch.state()) {
      RedoChange redo = redo_of(batch, change);
      if (redo.image == RedoChange::Image::kLogged && redo.seal_key != KeyId{}) {
        SubjectKey key;
        RL_ASSIGN(const record::Values found, sealing_.find(redo.seal_key, key));
        CHECK(found == record::Values::kHere);
        values_.clear();
        const std::string stored_key = state_key(change.table, change.key);
        Sealing::seal_image(key, {stored_key, redo.newest, redo.schema}, nullptr, redo.logged, values_);
        redo.logged = values_;
      }
      append_redo(redo, redo_);
    }
    log_batch_.Put(family, slice(number_key(number)), slice(redo_));
  }
  const uint64_t persisted = state_.persisted();
  if (persisted <= redo_forgotten_) return {};
  log_batch_.DeleteRange(family, slice(number_key(redo_forgotten_)), slice(number_key(persisted + 1)));
  redo_forgotten_ = persisted;
  return {};
}

RedoChange RocksdbStore::redo_of(const Batch& batch, const StateChange& change) const {
  RedoChange out;
  out.table = change.table;
  out.newest = change.row.newest;
  out.schema = change.row.schema;
  out.key = change.key;
  out.seal_key = key_of(batch, change);
  if (change.row.deleted) return out;
  out.image = RedoChange::Image::kErased;
  if (change.row.erased) return out;
  out.image = RedoChange::Image::kLogged;
  out.logged = change.row.image;
  const std::vector<Batch::Item>& items = batch.items();
  if (items.empty() || out.newest < items.front().seq || items.back().seq < out.newest) return out;
  const Batch::Item& item = items[out.newest.value - items.front().seq.value];
  using record::EntryKind;
  const bool is_whole = item.kind == EntryKind::kInsert || item.kind == EntryKind::kBaseline;
  const bool is_derivable = item.kind == EntryKind::kUpdate && !item.key_moved &&
                            (change.same_schema || has_one_version(change.table, batch));
  if (!is_whole && !is_derivable) return out;
  out.image = RedoChange::Image::kFromEntries;
  out.check = image_check(change.row.image, check_seed_);
  return out;
}

// Then every image of the table has the same columns, and names are enough to compute a new one.
bool RocksdbStore::has_one_version(TableId table, const Batch& batch) const {
  const auto found = versions_.find(table.value);
  size_t versions = found == versions_.end() ? 0 : found->second;
  for (const record::TableSchema& schema : batch.schemas())
    if (schema.table_id == table) ++versions;
  return versions <= 1;
}

// ---- the rest -------------------------------------------------------------------------------

void RocksdbStore::write_meta(const Batch& batch, uint64_t number, rocksdb::WriteBatch& out) const {
  rocksdb::ColumnFamilyHandle* const family = database_->family(Family::kMeta);
  std::string position;
  ByteWriter writer(position);
  writer.u64(number);
  writer.u64(end().value + batch.entries());
  out.Put(family, slice(meta_key(kPosition)), slice(position));
  if (batch.cursor()) {
    const std::string cursor = encode_cursor(*batch.cursor());
    out.Put(family, slice(meta_key(kCursor)), slice(cursor));
    if (const std::string tag = sealing_.authenticate(kCursor, cursor); !tag.empty())
      out.Put(family, slice(meta_key(kCursorTag)), slice(tag));
  }
  for (const record::TableSchema& schema : batch.schemas()) {
    std::string key = meta_key(kSchema);
    ByteWriter(key).u32(schema.id.value);
    out.Put(family, slice(key), slice(record::encode(schema)));
  }
  for (const auto& [tenant, next] : batch.tenants())
    out.Put(family, slice(meta_key(kTenant, tenant)), slice(number_key(next)));
  for (const auto& [key, value] : batch.meta()) {
    if (value.empty()) {
      out.Delete(family, slice(meta_key(kFree, key)));
    } else {
      out.Put(family, slice(meta_key(kFree, key)), slice(value));
    }
  }
}

void RocksdbStore::publish(const Batch& batch, const Appended& appended) {
  const std::vector<Batch::Item>& items = batch.items();
  std::unique_lock lock(mutex_);
  if (appended.bundle_filled) open_.entries.clear();
  for (size_t i = items.size() - appended.left; i < items.size(); ++i) {
    const BundleEntry entry = prepared(i);
    open_.entries.push_back({std::string(entry.header), std::string(entry.frame),
                             entry.values_apart ? std::string() : std::string(entry.values), entry.key,
                             entry.values_apart, false});
  }
  edge_ = next_edge_;
  open_.runs = appended.runs;
  const uint64_t end = end_.load(std::memory_order_relaxed) + items.size();
  open_.first = {end / kBundleEntries * kBundleEntries};
  index_items(batch);
  for (const record::TableSchema& schema : batch.schemas()) {
    const auto copy = std::make_shared<const record::TableSchema>(schema);
    const auto at = std::find_if(schemas_.begin(), schemas_.end(), [&](const auto& s) { return s->id >= schema.id; });
    if (at != schemas_.end() && (*at)->id == schema.id) {
      *at = copy;
    } else {
      schemas_.insert(at, copy);
      ++versions_[schema.table_id.value];
    }
  }
  for (const auto& [tenant, next] : batch.tenants()) tenants_[tenant] = next;
  if (batch.cursor()) cursor_ = *batch.cursor();
  end_.store(end, std::memory_order_release);
  lock.unlock();
  { std::lock_guard waiting(wait_mutex_); }
  appended_.notify_all();
}

void RocksdbStore::index_items(const Batch& batch) {
  const std::vector<Batch::Item>& items = batch.items();
  for (const Batch::Item& item : items) {
    const size_t bundle = item.seq.value / kBundleEntries;
    if (bounds_.size() <= bundle) bounds_.resize(bundle + 1);
    bounds_[bundle].add(item.committed_at, item.xid);
  }
  for (size_t at = 0; at < items.size();) {
    const uint64_t range = items[at].seq.value / kIndexRange;
    const size_t take = std::min<size_t>(items.size() - at, (range + 1) * kIndexRange - items[at].seq.value);
    std::unique_ptr<RangeIndex>& index = live_[range];
    if (!index) index = std::make_unique<RangeIndex>(range, token_keys_);
    index->add(batch, at, at + take);
    at += take;
  }
}

// A range whose write fails stays in memory, is tried again with the next append, and after a crash is
// rebuilt from the log.
void RocksdbStore::write_complete_ranges() {
  while (!live_.empty() && live_.begin()->second->complete() && !options_.read_only) {
    RangeIndex& index = *live_.begin()->second;
    const std::lock_guard moving(completing_);
    std::vector<std::pair<std::string, std::string>> records;
    {
      std::unique_lock lock(mutex_);  // packs its tokens
      records = index.records();
    }
    rocksdb::WriteBatch out;
    for (const auto& [key, value] : records)
      out.Put(database_->family(Family::kIndex), slice(index_key(index.range(), key)), slice(value));
    const rocksdb::Status status = database_->db().Write(rocksdb::WriteOptions(), &out);
    if (!status.ok()) {
      log::warning("{}", error_of(status, "writing the index").message);
      return;
    }
    std::unique_lock lock(mutex_);
    live_.erase(live_.begin());
  }
}

}  // namespace rowledger::store
