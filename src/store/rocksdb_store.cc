#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <set>

#include "base/bytes.h"
#include "base/check.h"
#include "store/rocksdb_store_impl.h"
#include "store/token_filter.h"

namespace rowledger::store {
namespace {

// A range whose records are in the database.
class StoredRange final : public RangeTerms {
 public:
  StoredRange(const Database& database, uint64_t range, std::vector<Bounds> bounds)
      : database_(database), range_(range), bounds_(std::move(bounds)) {}

  size_t count() const override { return Store::kIndexRange; }

  Result<void> bitmap(const Term& term, PositionSet& out) const override {
    rocksdb::PinnableSlice record;
    RL_ASSIGN(const bool found,
              database_.get(Family::kIndex, index_key(range_, bitmap_key(term.dimension, term.value)), record));
    if (found) RL_TRY(read_bitmap(view(record), out));
    return {};
  }

  Result<void> tokens(std::span<const Token> all_wanted, const TokenVisit& visit) const override {
    std::vector<Token> some;
    RL_ASSIGN(const std::span<const Token> wanted, those_it_may_have(all_wanted, some));
    if (wanted.empty()) return {};
    const auto at = database_.iterate(Family::kIndex);
    RL_TRY(for_each_block(wanted, [&](uint8_t block, std::span<const Token> of_it) -> Result<void> {
      const std::string prefix = index_key(range_, token_key_prefix(block));
      for (at->Seek(slice(prefix)); at->Valid() && at->key().starts_with(slice(prefix)); at->Next())
        RL_TRY(read_token_block(block, view(at->value()), of_it, visit));
      return {};
    }));
    if (!at->status().ok()) return fail(error_of(at->status(), "reading the index"));
    return {};
  }

  void xid(uint32_t xid, PositionSet& out) const override {
    positions_of_xid(bounds_.data(), bounds_.size(), xid, out);
  }

  Result<void> each_bitmap(Dimension dimension,
                           const std::function<void(std::string_view, const PositionSet&)>& visit) const override {
    const std::string prefix = index_key(range_, bitmap_key(dimension, {}));
    const auto at = database_.iterate(Family::kIndex);
    for (at->Seek(slice(prefix)); at->Valid() && at->key().starts_with(slice(prefix)); at->Next()) {
      PositionSet set;
      RL_TRY(read_bitmap(view(at->value()), set));
      visit(view(at->key()).substr(prefix.size()), set);
    }
    if (!at->status().ok()) return fail(error_of(at->status(), "reading the index"));
    return {};
  }

  Result<void> values_of(Dimension dimension, const std::function<void(std::string_view)>& visit) const override {
    const std::string prefix = index_key(range_, bitmap_key(dimension, {}));
    const auto at = database_.iterate(Family::kIndex);
    for (at->Seek(slice(prefix)); at->Valid() && at->key().starts_with(slice(prefix)); at->Next())
      visit(view(at->key()).substr(prefix.size()));
    if (!at->status().ok()) return fail(error_of(at->status(), "reading the index"));
    return {};
  }

 private:
  // A few are sooner looked up than the filter is read.
  static constexpr size_t kFew = 4;
  Result<std::span<const Token>> those_it_may_have(std::span<const Token> wanted, std::vector<Token>& some) const {
    if (wanted.size() <= kFew) return wanted;
    rocksdb::PinnableSlice filter;
    RL_ASSIGN(const bool found, database_.get(Family::kIndex, index_key(range_, token_filter_key()), filter));
    if (!found) return wanted;  // from before there were filters
    for (const Token token : wanted) {
      RL_ASSIGN(const bool may, may_have(view(filter), token));
      if (may) some.push_back(token);
    }
    return std::span<const Token>(some);
  }

  const Database& database_;
  const uint64_t range_;
  const std::vector<Bounds> bounds_;
};

constexpr size_t kBundlesPerRange = Store::kIndexRange / kBundleEntries;

}  // namespace

// ---- the log --------------------------------------------------------------------------------

Seq RocksdbStore::wait_beyond(Seq seq, int timeout_ms) const {
  std::unique_lock lock(wait_mutex_);
  appended_.wait_for(lock, std::chrono::milliseconds(timeout_ms), [&] { return closing_ || end() > seq; });
  return end();
}

Result<std::optional<record::OwnedEntry>> RocksdbStore::read(Seq seq) const {
  if (seq >= end()) return std::nullopt;
  RL_ASSIGN(std::optional<record::OwnedEntry> open, read_open(seq));
  if (open) return open;
  RL_ASSIGN(const auto bundle, reader_.bundle(seq.value / kBundleEntries, true));
  RL_ASSIGN(record::OwnedEntry entry, reader_.entry(*bundle, seq));
  return std::optional<record::OwnedEntry>(std::move(entry));
}

// Nothing when the entry is in a full bundle.
Result<std::optional<record::OwnedEntry>> RocksdbStore::read_open(Seq seq) const {
  OpenEntry copy;
  {
    std::shared_lock lock(mutex_);
    if (seq < open_.first) return std::nullopt;
    CHECK(seq.value - open_.first.value < open_.entries.size());
    copy = open_.entries[seq.value - open_.first.value];
  }
  if (copy.locked) {
    RL_ASSIGN(auto locked, record::OwnedEntry::of_header(std::move(copy.header)));
    return std::optional<record::OwnedEntry>(std::move(locked));
  }
  RL_ASSIGN(record::OwnedEntry entry, reader_.entry(copy.header, seq, copy.parts()));
  return std::optional<record::OwnedEntry>(std::move(entry));
}

Result<record::OwnedEntry> RocksdbStore::read_next(Seq seq, std::shared_ptr<const Bundle>& bundle, bool keep) const {
  const uint64_t number = seq.value / kBundleEntries;
  if (!bundle || bundle->headers.first.value != number * kBundleEntries) {
    bundle.reset();
    RL_ASSIGN(std::optional<record::OwnedEntry> open, read_open(seq));
    if (open) return std::move(*open);
    RL_ASSIGN(bundle, reader_.bundle(number, keep));
  }
  return reader_.entry(*bundle, seq);
}

Status RocksdbStore::scan(SeqRange range, const VisitEntry& visit) const {
  const uint64_t end = std::min(range.end.value, this->end().value);
  // A long scan must not push out what others read again and again.
  const bool keep = end - std::min(end, range.begin.value) <= kBundleEntries;
  std::shared_ptr<const Bundle> bundle;
  for (Seq seq = range.begin; seq.value < end; ++seq.value) {
    RL_ASSIGN(const record::OwnedEntry entry, read_next(seq, bundle, keep));
    if (!visit(entry)) return {};
  }
  return {};
}

Status RocksdbStore::follow(SeqRange range, const VisitEntry& visit) const {
  const uint64_t end = std::min(range.end.value, this->end().value);
  if (range.begin.value + RecentEntries::kEntries < this->end().value) return scan(range, visit);
  const uint64_t generation = recent_.generation();
  std::shared_ptr<const Bundle> bundle;
  for (Seq seq = range.begin; seq.value < end; ++seq.value) {
    RecentEntries::Shared entry = recent_.find(seq);
    if (entry == nullptr) {
      RL_ASSIGN(record::OwnedEntry read, read_next(seq, bundle, true));
      entry = std::make_shared<const record::OwnedEntry>(std::move(read));
      recent_.keep(entry, generation);
    }
    if (!visit(*entry)) return {};
  }
  return {};
}

// ---- the index ------------------------------------------------------------------------------

Result<std::vector<Seq>> RocksdbStore::candidates(uint64_t range, const Filter& filter) const {
  std::vector<Bounds> bounds;
  {
    std::shared_lock lock(mutex_);
    if (const auto live = live_.find(range); live != live_.end()) {
      RL_ASSIGN(const PositionSet found, evaluate(filter, *live->second, token_keys_));
      return found.seqs(range);
    }
    const size_t first = range * kBundlesPerRange;
    if (first + kBundlesPerRange > bounds_.size()) return std::vector<Seq>();
    bounds.assign(bounds_.begin() + static_cast<ptrdiff_t>(first),
                  bounds_.begin() + static_cast<ptrdiff_t>(first + kBundlesPerRange));
  }
  RL_ASSIGN(const PositionSet found, evaluate(filter, StoredRange(*database_, range, std::move(bounds)), token_keys_));
  return found.seqs(range);
}

Result<SeqRange> RocksdbStore::seqs_between(std::optional<Timestamp> from, std::optional<Timestamp> to) const {
  std::shared_lock lock(mutex_);
  size_t first = 0, last = bounds_.size();
  while (from && first < last && bounds_[first].to < *from) ++first;
  while (to && last > first && *to < bounds_[last - 1].from) --last;
  const uint64_t end = this->end().value;
  return SeqRange{{std::min<uint64_t>(first * kBundleEntries, end)}, {std::min<uint64_t>(last * kBundleEntries, end)}};
}

Result<std::vector<std::string>> RocksdbStore::values_of(Dimension dimension, size_t limit) const {
  CHECK(!is_token(dimension));
  std::vector<std::string> out;
  std::set<std::string, std::less<>> seen;
  auto take = [&](std::string_view value) {
    if (out.size() < limit && seen.emplace(value).second) out.emplace_back(value);
  };
  uint64_t ranges = (end().value + kIndexRange - 1) / kIndexRange;
  {
    std::shared_lock lock(mutex_);
    for (auto live = live_.rbegin(); live != live_.rend(); ++live) RL_TRY(live->second->values_of(dimension, take));
    if (!live_.empty()) ranges = live_.begin()->first;
  }
  const auto at = database_->iterate(Family::kIndex);
  while (ranges > 0 && out.size() < limit) {
    const std::string prefix = index_key(--ranges, bitmap_key(dimension, {}));
    for (at->Seek(slice(prefix)); at->Valid() && at->key().starts_with(slice(prefix)) && out.size() < limit; at->Next())
      take(view(at->key()).substr(prefix.size()));
    if (!at->status().ok()) return fail(error_of(at->status(), "reading the index"));
  }
  return out;
}

Result<std::vector<Store::Tally>> RocksdbStore::tally(uint64_t range, const std::vector<Seq>& seqs,
                                                      Dimension dimension) const {
  CHECK(!is_token(dimension));
  std::vector<Tally> out;
  if (seqs.empty()) return out;
  PositionSet among;
  for (const Seq seq : seqs) {
    CHECK(seq.value / kIndexRange == range);
    among.set(static_cast<uint16_t>(seq.value % kIndexRange));
  }
  const auto visit = [&](std::string_view value, PositionSet set) {
    set &= among;
    if (const size_t count = set.count(); count > 0) out.push_back({std::string(value), count});
  };
  {
    std::shared_lock lock(mutex_);
    if (const auto live = live_.find(range); live != live_.end()) {
      RL_TRY(live->second->each_bitmap(dimension, visit));
      return out;
    }
  }
  RL_TRY(StoredRange(*database_, range, {}).each_bitmap(dimension, visit));
  return out;
}

// ---- the state ------------------------------------------------------------------------------

Result<std::optional<RowState>> RocksdbStore::row(TableId table, std::string_view key) const {
  return state_.row(table, key);
}

Status RocksdbStore::rows(TableId table, const std::vector<std::string_view>& keys,
                          const std::function<void(std::string_view key, RowState&& row)>& visit) const {
  return state_.rows(table, keys, visit);
}

Status RocksdbStore::scan_rows(TableId table, std::string_view from,
                               const std::function<bool(std::string_view key, const RowState&)>& visit) const {
  return state_.scan_rows(table, from, visit);
}

// ---- the rest -------------------------------------------------------------------------------

Cursor RocksdbStore::cursor() const {
  std::shared_lock lock(mutex_);
  return cursor_;
}

std::vector<record::TableSchema> RocksdbStore::schemas() const {
  std::shared_lock lock(mutex_);
  std::vector<record::TableSchema> out;
  for (const auto& schema : schemas_) out.push_back(*schema);
  return out;
}

std::shared_ptr<const record::TableSchema> RocksdbStore::schema(SchemaId id) const {
  std::shared_lock lock(mutex_);
  const auto at =
      std::lower_bound(schemas_.begin(), schemas_.end(), id, [](const auto& s, SchemaId i) { return s->id < i; });
  return at != schemas_.end() && (*at)->id == id ? *at : nullptr;
}

uint64_t RocksdbStore::next_tenant_seq(std::string_view tenant) const {
  std::shared_lock lock(mutex_);
  const auto found = tenants_.find(std::string(tenant));
  return found == tenants_.end() ? 0 : found->second;
}

Result<std::optional<std::string>> RocksdbStore::meta(std::string_view key) const {
  rocksdb::PinnableSlice value;
  RL_ASSIGN(const bool found, database_->get(Family::kMeta, meta_key(kFree, key), value));
  if (!found) return std::nullopt;
  return std::optional<std::string>(value.ToString());
}

// ---- the tree -------------------------------------------------------------------------------

ledger::TreeEdge RocksdbStore::tree_edge() const {
  std::shared_lock lock(mutex_);
  return edge_;
}

Result<std::vector<std::string>> RocksdbStore::headers(Seq first, uint32_t count) const {
  CHECK(count > 0 && first.value % kBundleEntries + count <= kBundleEntries && first.value + count <= end().value);
  std::vector<std::string> out;
  {
    std::shared_lock lock(mutex_);
    for (uint64_t seq = first.value; first >= open_.first && seq < first.value + count; ++seq)
      out.push_back(open_.entries[seq - open_.first.value].header);
  }
  if (!out.empty()) return out;
  RL_ASSIGN(const HeaderSection section, reader_.headers(first.value / kBundleEntries));
  for (uint32_t i = 0; i < count; ++i) out.emplace_back(section.header(first.value % kBundleEntries + i));
  return out;
}

Result<std::optional<StoredCheckpoint>> RocksdbStore::checkpoint() const {
  rocksdb::PinnableSlice value;
  RL_ASSIGN(const bool found, database_->get(Family::kMeta, meta_key(kCheckpoint), value));
  if (!found) return std::nullopt;
  ByteReader reader(view(value));
  StoredCheckpoint out;
  out.stored_at = {static_cast<int64_t>(reader.u64())};
  out.note = reader.rest();
  if (!reader.ok()) return fail(ErrorCode::kCorrupt, "the stored checkpoint is malformed");
  return std::optional<StoredCheckpoint>(std::move(out));
}

Status RocksdbStore::set_checkpoint(std::string_view note) {
  if (options_.read_only) return fail(ErrorCode::kPermission, "the log is open for reading only");
  if (database_->stopped()) return fail(ErrorCode::kIo, "the disk of the data directory is full");
  std::string value;
  ByteWriter writer(value);
  writer.u64(static_cast<uint64_t>(Timestamp::now().us));
  writer.raw(note);
  const rocksdb::Status status =
      database_->db().Put(synced(), database_->family(Family::kMeta), slice(meta_key(kCheckpoint)), slice(value));
  if (!status.ok()) return fail(error_of(status, "storing a checkpoint"));
  return {};
}

StoreStats RocksdbStore::stats() const {
  StoreStats out;
  out.entries = end().value;
  std::error_code error;
  for (const auto& file : std::filesystem::directory_iterator(options_.directory, error)) {
    const auto size = file.file_size(error);
    if (!error) out.disk_bytes += size;  // a file may be gone by now
  }
  return out;
}

}  // namespace rowledger::store
