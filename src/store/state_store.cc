#include "store/state_store.h"

#include <algorithm>

#include "base/bytes.h"
#include "base/check.h"
#include "base/log.h"
#include "base/thread_name.h"
#include "store/store_keys.h"

namespace rowledger::store {
namespace {

constexpr size_t kChunkRows = 1'024;
// Rows put under one lock, so that readers in between wait for few of them.
constexpr ptrdiff_t kRowsPerLock = 256;
constexpr size_t kRowsPerRead = 32;  // as many as RocksDB looks up together
// Small, since the writer's append waits while one is being written.
constexpr size_t kFlushBatchBytes = 256 << 10;
constexpr auto kRetryInterval = std::chrono::milliseconds(500);

// Keys as they are stored begin with the table's number.
bool is_same_table(std::string_view a, std::string_view b) { return a.substr(0, 4) == b.substr(0, 4); }

}  // namespace

StateStore::StateStore(Database& database, Sealing& sealing, DictionaryMaker::FindSchema find_schema,
                       size_t generation_bytes, bool read_only)
    : database_(database),
      sealing_(sealing),
      dictionary_maker_(database, sealing, std::move(find_schema)),
      generation_bytes_(generation_bytes),
      read_only_(read_only),
      active_(std::make_unique<Generation>()) {
  if (!read_only_) flusher_ = std::thread([this] { flush_loop(); });
}

void StateStore::stop() {
  if (!flusher_.joinable()) return;
  {
    std::unique_lock lock(flush_mutex_);
    flush_done_.wait(lock, [&] { return !flush_pending_ || flush_error_; });
  }
  hand_over_if_full(true);
  {
    std::lock_guard lock(flush_mutex_);
    stopping_ = true;
  }
  flush_wanted_.notify_all();
  flusher_.join();
}

Status StateStore::load() {
  rocksdb::PinnableSlice value;
  RL_ASSIGN(const bool found, database_.get(Family::kState, kAppliedKey, value));
  if (found) persisted_ = ByteReader(view(value)).u64();
  active_->applied = persisted_;
  return {};
}

// ---- writing --------------------------------------------------------------------------------

Status StateStore::make_room() {
  size_t bytes;
  {
    std::shared_lock lock(rows_mutex_);
    bytes = active_->rows.bytes();
  }
  if (bytes < 2 * generation_bytes_) return {};
  std::unique_lock lock(flush_mutex_);
  flush_done_.wait(lock, [&] { return !flush_pending_ || flush_error_; });
  if (flush_pending_) return fail(*flush_error_);
  lock.unlock();
  hand_over_if_full(false);
  return {};
}

void StateStore::put(const StateChange* begin, const StateChange* end,
                     const std::function<privacy::KeyId(const StateChange&)>& key_of) {
  while (begin != end) {
    const StateChange* const until = begin + std::min(end - begin, kRowsPerLock);
    std::unique_lock lock(rows_mutex_);
    for (; begin != until; ++begin) active_->rows.put(begin->table, begin->key, begin->row, key_of(*begin));
  }
}

void StateStore::mark(uint64_t number) {
  {
    std::unique_lock lock(rows_mutex_);
    active_->applied = number;
  }
  hand_over_if_full(false);
}

// Called by the writer between two appends: a generation ends with a whole append.
void StateStore::hand_over_if_full(bool even_if_not) {
  if (read_only_) return;
  std::lock_guard lock(flush_mutex_);
  if (flush_pending_) return;
  std::unique_lock rows_lock(rows_mutex_);
  if (active_->rows.empty() || (!even_if_not && active_->rows.bytes() < generation_bytes_)) return;
  flushing_ = std::move(active_);
  active_ = spare_ ? std::move(spare_) : std::make_unique<Generation>();
  active_->applied = flushing_->applied;
  flush_pending_ = true;
  flush_wanted_.notify_all();
}

void StateStore::flush_loop() {
  name_this_thread("state-flush");
  std::unique_lock lock(flush_mutex_);
  while (true) {
    flush_wanted_.wait(lock, [&] { return flush_pending_ || stopping_; });
    if (!flush_pending_) return;
    lock.unlock();
    const Status status = flush(*flushing_);
    lock.lock();
    if (status) {
      persisted_.store(flushing_->applied, std::memory_order_release);
      std::unique_lock rows_lock(rows_mutex_);
      spare_ = std::move(flushing_);
      rows_lock.unlock();
      spare_->rows.clear();
      flush_pending_ = false;
      flush_error_.reset();
    } else {
      if (!flush_error_) log::warning("{}", status.error().message);
      flush_error_ = status.error();
      if (stopping_) return;  // the redo records have it all
      flush_wanted_.wait_for(lock, kRetryInterval, [&] { return stopping_; });
    }
    flush_done_.notify_all();
  }
}

// In the keys' order, which costs the memtable a fraction of what random order does. Should a crash leave a part
// persisted, the replay finds rows newer than the append that it stands at, and passes over the older change.
Status StateStore::flush(const Generation& generation) {
  constexpr std::string_view kDoing = "writing the state";
  rocksdb::ColumnFamilyHandle* const family = database_.family(Family::kState);
  rocksdb::WriteOptions unlogged;
  unlogged.disableWAL = true;
  rocksdb::WriteBatch batch;
  const Error waiting{ErrorCode::kIo, "writing the state: the disk of the data directory is full"};
  if (database_.stopped()) return fail(Error(waiting));
  std::string value;
  const std::vector<RowTable::Row> rows = generation.rows.sorted();
  for (auto of_table = rows.begin(); of_table != rows.end();) {
    const auto end =
        std::find_if(of_table, rows.end(), [&](const auto& row) { return !is_same_table(row.key, of_table->key); });
    RL_ASSIGN(const privacy::RecordDictionary* const dictionary, dictionary_maker_.look_at({of_table, end}));
    for (; of_table != end; ++of_table) {
      RL_TRY(seal_row(*of_table, dictionary, value));
      batch.Put(family, slice(of_table->key), slice(value));
      if (batch.GetDataSize() < kFlushBatchBytes) continue;
      if (database_.stopped()) return fail(Error(waiting));
      const rocksdb::Status status = database_.db().Write(unlogged, &batch);
      if (!status.ok()) return fail(error_of(status, kDoing));
      batch.Clear();
    }
  }
  batch.Put(family, slice(kAppliedKey), slice(number_key(generation.applied)));
  rocksdb::Status status = database_.db().Write(unlogged, &batch);
  if (status.ok()) status = database_.db().Flush(rocksdb::FlushOptions(), family);
  if (!status.ok()) return fail(error_of(status, kDoing));
  return {};
}

// ---- reading --------------------------------------------------------------------------------

std::optional<std::string_view> StateStore::find_in_memory(std::string_view stored_key) const {
  for (const Generation* generation : {active_.get(), flushing_.get()})
    if (const auto found = generation == nullptr ? std::nullopt : generation->rows.find(stored_key)) return found;
  return std::nullopt;
}

Result<std::optional<RowState>> StateStore::row(TableId table, std::string_view key) const {
  const std::string stored_key = state_key(table, key);
  {
    std::shared_lock lock(rows_mutex_);
    if (const auto found = find_in_memory(stored_key)) {
      RL_ASSIGN(RowState row, open_memory_row(*found));
      return std::optional<RowState>(std::move(row));
    }
  }
  // A generation leaves memory after it has come to the database.
  rocksdb::PinnableSlice value;
  RL_ASSIGN(const bool found, database_.get(Family::kState, stored_key, value));
  if (!found) return std::nullopt;
  RL_ASSIGN(RowState row, open_row(stored_key, view(value)));
  return std::optional<RowState>(std::move(row));
}

Status StateStore::rows(TableId table, const std::vector<std::string_view>& keys,
                        const std::function<void(std::string_view key, RowState&& row)>& visit) const {
  // What is not in memory is in the database by then: a generation leaves memory after it has come there.
  std::vector<std::string_view> elsewhere;
  std::string stored_key;
  for (const std::string_view key : keys) {
    stored_key.clear();
    append_state_key(table, key, stored_key);
    std::shared_lock lock(rows_mutex_);
    const auto found = find_in_memory(stored_key);
    if (!found) {
      elsewhere.push_back(key);
      continue;
    }
    RL_ASSIGN(RowState row, open_memory_row(*found));
    lock.unlock();
    visit(key, std::move(row));
  }
  std::array<std::string, kRowsPerRead> stored_keys;
  std::array<rocksdb::Slice, kRowsPerRead> slices;
  std::array<rocksdb::PinnableSlice, kRowsPerRead> values;
  std::array<rocksdb::Status, kRowsPerRead> found;
  std::vector<privacy::KeyId> sealed_with;
  for (size_t first = 0; first < elsewhere.size(); first += kRowsPerRead) {
    const size_t count = std::min(kRowsPerRead, elsewhere.size() - first);
    for (size_t i = 0; i < count; ++i) {
      stored_keys[i].clear();
      append_state_key(table, elsewhere[first + i], stored_keys[i]);
      slices[i] = slice(stored_keys[i]);
    }
    database_.db().MultiGet(rocksdb::ReadOptions(), database_.family(Family::kState), count, slices.data(),
                            values.data(), found.data(), true);
    sealed_with.clear();
    for (size_t i = 0; i < count; ++i) {
      if (!found[i].ok()) continue;
      RL_ASSIGN(const RowView row, view_row(view(values[i])));
      if (!row.image.empty()) sealed_with.push_back(row.head.key);
    }
    if (sealing_.ring() != nullptr) sealing_.ring()->fetch(sealed_with);
    for (size_t i = 0; i < count; ++i) {
      if (found[i].IsNotFound()) continue;
      if (!found[i].ok()) return fail(error_of(found[i], "reading the state"));
      RL_ASSIGN(RowState row, open_row(stored_keys[i], view(values[i])));
      visit(elsewhere[first + i], std::move(row));
      values[i].Reset();
    }
  }
  return {};
}

// In memory a row is in clear, in the database it is not.
Status StateStore::seal_row(const RowTable::Row& row, const privacy::RecordDictionary* dictionary,
                            std::string& out) const {
  RL_ASSIGN(RowView state, view_row(row.value));
  if (state.head.key == privacy::KeyId{} || state.image.empty()) {
    out.assign(row.value);
    return {};
  }
  SubjectKey key;
  RL_ASSIGN(const record::Values values, sealing_.find(state.head.key, key));
  if (values == record::Values::kHere) {
    out.assign(row.value, 0, row.value.size() - state.image.size());
    Sealing::seal_image(key, {row.key, state.head.newest, state.head.schema}, dictionary, state.image, out);
    return {};
  }
  // Erased since it was put here.
  state.head.erased = true;
  out.resize(max_row_bytes(state.head));
  out.resize(encode_row(state.head, state.head.key, out.data()));
  return {};
}

// It is in clear there; its key may have been destroyed since it was put.
Result<RowState> StateStore::open_memory_row(std::string_view value) const {
  RL_ASSIGN(RowView row, view_row(value));
  record::Values values = record::Values::kHere;
  if (row.head.key != privacy::KeyId{} && !row.image.empty()) {
    SubjectKey ignored;
    RL_ASSIGN(values, sealing_.find(row.head.key, ignored));
  }
  if (values == record::Values::kErased) {
    row.head.erased = true;
  } else {
    row.head.image = row.image;
  }
  return std::move(row.head);
}

Result<RowState> StateStore::open_row(std::string_view stored_key, std::string_view value) const {
  RL_ASSIGN(RowView row, view_row(value));
  if (row.head.key == privacy::KeyId{} || row.image.empty()) {
    row.head.image = row.image;
    return std::move(row.head);
  }
  SubjectKey key;
  RL_ASSIGN(const record::Values values, sealing_.find(row.head.key, key));
  if (values == record::Values::kLocked)
    return fail(ErrorCode::kPermission, "the keys that the rows are sealed with cannot be had");
  if (values == record::Values::kErased) {
    row.head.erased = true;
  } else {
    RL_ASSIGN(row.head.image, sealing_.open_image(key, {stored_key, row.head.newest, row.head.schema}, row.image));
  }
  return std::move(row.head);
}

// The next rows that are in memory, and the database as it is at the same moment.
StateStore::Chunk StateStore::chunk(std::string_view prefix, std::string_view from) const {
  Chunk out;
  std::shared_lock lock(rows_mutex_);
  out.is_last = true;
  for (const Generation* generation : {active_.get(), flushing_.get()}) {
    if (generation == nullptr) continue;
    const auto rows = generation->rows.smallest(prefix, from, kChunkRows);
    out.is_last = out.is_last && rows.size() < kChunkRows;
    for (const RowTable::Row& row : rows) out.rows.emplace_back(row.key, row.value);
  }
  out.stored = database_.iterate(Family::kState);
  lock.unlock();
  // The active generation's rows stand first and win.
  auto by_key = [](const auto& a, const auto& b) { return a.first < b.first; };
  std::stable_sort(out.rows.begin(), out.rows.end(), by_key);
  out.rows.erase(
      std::unique(out.rows.begin(), out.rows.end(), [](const auto& a, const auto& b) { return a.first == b.first; }),
      out.rows.end());
  // Beyond this many, the other generation could have a row in between that was not looked at.
  if (!out.is_last && out.rows.size() > kChunkRows) out.rows.resize(kChunkRows);
  out.stored->Seek(slice(from));
  return out;
}

Status StateStore::scan_rows(TableId table, std::string_view from,
                             const std::function<bool(std::string_view key, const RowState&)>& visit) const {
  const std::string prefix = state_key(table, {});
  std::string next = state_key(table, from);
  while (true) {
    const Chunk part = chunk(prefix, next);
    rocksdb::Iterator& stored = *part.stored;
    auto memory = part.rows.begin();
    while (true) {
      const bool in_memory = memory != part.rows.end();
      if (!in_memory && !part.is_last) break;
      const bool in_stored = stored.Valid() && stored.key().starts_with(slice(prefix));
      if (!in_memory && !in_stored) break;
      const int order = !in_stored ? -1 : !in_memory ? 1 : slice(memory->first).compare(stored.key());
      const std::string_view key = order <= 0 ? std::string_view(memory->first) : view(stored.key());
      RL_ASSIGN(const RowState row, order <= 0 ? open_memory_row(memory->second) : open_row(key, view(stored.value())));
      if (!visit(key.substr(prefix.size()), row)) return {};
      if (order >= 0) stored.Next();
      if (order <= 0) ++memory;
    }
    if (!stored.status().ok()) return fail(error_of(stored.status(), "reading the state"));
    if (part.is_last) return {};
    next = part.rows.back().first + '\0';
  }
}

}  // namespace rowledger::store
