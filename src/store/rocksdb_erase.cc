// Erasing a person's values: keys first, which is what counts, then what finds them.
#include <algorithm>
#include <set>

#include "base/check.h"
#include "base/day.h"
#include "store/rocksdb_store_impl.h"
#include "store/terms.h"

namespace rowledger::store {
namespace {

Term subject_term(std::string_view subject) { return {Dimension::kSubject, std::string(subject)}; }

std::vector<Token> tokens_left(const TokenKeys& keys, const record::Entry& entry) {
  const ShortHashKey key = keys.of(entry.header.tenant);
  std::vector<Token> out;
  for_each_term(entry, [&](Dimension dimension, std::string_view value) {
    if (is_token(dimension) && dimension != Dimension::kTx)
      out.push_back(token_of(key, Term{dimension, std::string(value)}));
  });
  return out;
}

// How many ranges drop_expired_tokens() is done with.
constexpr char kCleanedRanges[] = "retention.ranges";

uint32_t longest(const RetentionRules& rules) {
  uint32_t out = rules.erase_after_days;
  for (const auto& [tenant, days] : rules.by_tenant) out = std::max(out, days);
  return out;
}

bool keeps_for_ever(const RetentionRules& rules) {
  return rules.erase_after_days == 0 ||
         std::ranges::any_of(rules.by_tenant, [](const auto& t) { return t.second == 0; });
}

}  // namespace

bool RetentionRules::erases() const {
  return erase_after_days != 0 || std::ranges::any_of(by_tenant, [](const auto& t) { return t.second != 0; });
}

Result<std::vector<privacy::KeyId>> RocksdbStore::destroy_expired(const RetentionRules& rules, uint32_t today,
                                                                  size_t at_most) {
  if (options_.read_only) return fail(ErrorCode::kPermission, "the log is open for reading only");
  if (!rules.erases() || sealing_.ring() == nullptr) return std::vector<privacy::KeyId>();
  RL_ASSIGN(std::vector<privacy::KeyId> destroyed, subject_keys_.destroy_expired(rules, today, at_most));
  if (!destroyed.empty()) {
    recent_.forget_all();
    state_.flush_soon();
  }
  return destroyed;
}

Result<KeptTokens> RocksdbStore::all_erased(uint64_t range) const {
  KeptTokens out;
  RL_TRY(scan({{range * kIndexRange}, {(range + 1) * kIndexRange}}, [&](const record::OwnedEntry& entry) {
    if (entry.values() == record::Values::kErased)
      out.emplace(static_cast<uint16_t>(entry.header().seq.value % kIndexRange),
                  tokens_left(token_keys_, entry.entry()));
    return true;
  }));
  return out;
}

// When all that seals values of the range has been destroyed: also of what was recorded some days after it was
// committed.
Result<uint64_t> RocksdbStore::drop_expired_tokens(const RetentionRules& rules, uint32_t today) {
  if (!rules.erases() || keeps_for_ever(rules)) return 0;
  const uint32_t age_days = longest(rules) + options_.key_period_days + 1;
  if (today < age_days) return 0;
  const int64_t cutoff_us = int64_t{today - age_days} * kMicrosecondsPerDay;
  rocksdb::PinnableSlice stored;
  RL_ASSIGN(const bool known, database_->get(Family::kMeta, meta_key(kFree, kCleanedRanges), stored));
  uint64_t range = known ? std::strtoull(stored.ToString().c_str(), nullptr, 10) : 0, done = 0;
  for (;; ++range, ++done) {
    {
      std::shared_lock lock(mutex_);
      if (live_.contains(range) || (range + 1) * kIndexRange > end().value) break;
      const auto first = bounds_.begin() + static_cast<ptrdiff_t>(range * (kIndexRange / kBundleEntries));
      if (std::any_of(first, first + kIndexRange / kBundleEntries,
                      [&](const Bounds& bounds) { return bounds.to.us >= cutoff_us; }))
        break;
    }
    RL_ASSIGN(const KeptTokens erased, all_erased(range));
    RL_ASSIGN(const bool changed, drop_stored_tokens(range, erased));
    if (changed) RL_TRY(wipe_index({range}));
    const rocksdb::Status status =
        database_->db().Put(rocksdb::WriteOptions(), database_->family(Family::kMeta),
                            slice(meta_key(kFree, kCleanedRanges)), slice(std::to_string(range + 1)));
    if (!status.ok()) return fail(error_of(status, "noting what was erased"));
  }
  return done;
}

Result<uint64_t> RocksdbStore::destroy_keys(const std::vector<Owner>& owners) {
  if (options_.read_only) return fail(ErrorCode::kPermission, "the log is open for reading only");
  privacy::KeyRing* const ring = sealing_.ring();
  if (ring == nullptr) return fail(ErrorCode::kUnavailable, "the keys are locked: nothing can be erased without them");
  uint64_t destroyed = 0;
  for (const Owner& owner : owners) {
    CHECK(!owner.subject.empty());  // a tenant's key seals what is about nobody
    RL_ASSIGN(const std::vector<HeldKey> keys, subject_keys_.keys_of(owner.tenant, owner.subject));
    for (const HeldKey& held : keys) RL_TRY(ring->destroy(held.key));
    destroyed += keys.size();
  }
  // Afterwards, so that a crash leaves what names the keys that are still to be destroyed.
  for (const Owner& owner : owners) RL_TRY(subject_keys_.forget(owner.tenant, owner.subject));
  recent_.forget_all();
  for (const Owner& owner : owners) RL_TRY(drop_live_tokens(owner.subject));
  state_.flush_soon();
  return destroyed;
}

Result<std::vector<privacy::KeyId>> RocksdbStore::keys_of(const std::vector<Owner>& owners) const {
  std::vector<privacy::KeyId> out;
  for (const Owner& owner : owners) {
    RL_ASSIGN(const std::vector<HeldKey> keys, subject_keys_.keys_of(owner.tenant, owner.subject));
    for (const HeldKey& held : keys) out.push_back(held.key);
  }
  return out;
}

Status RocksdbStore::scan_keys(const std::function<void(Seq, privacy::KeyId)>& visit) const {
  const Error locked{ErrorCode::kUnavailable, "the keys are locked: what values are sealed with cannot be told"};
  const uint64_t full = end().value / kBundleEntries;
  for (uint64_t number = 0; number < full; ++number) {
    RL_ASSIGN(const auto bundle, reader_.bundle(number, false));
    if (bundle->bodies.locked) return fail(locked);
    for (size_t i = 0; i < bundle->bodies.count(); ++i)
      visit({number * kBundleEntries + i}, bundle->bodies.parts[i].key);
  }
  std::shared_lock lock(mutex_);
  for (size_t i = 0; i < open_.entries.size() && open_.first.value == full * kBundleEntries; ++i) {
    if (open_.entries[i].locked) return fail(locked);
    visit({open_.first.value + i}, open_.entries[i].key);
  }
  return {};
}

Result<Store::Trace> RocksdbStore::trace_of(std::string_view subject, Seq until) const {
  Trace out;
  std::set<std::string, std::less<>> tenants;
  const Filter filter{Filter::Op::kTerm, subject_term(subject), {}};
  for (uint64_t range = 0; range * kIndexRange < until.value; ++range) {
    RL_ASSIGN(const std::vector<Seq> seqs, candidates(range, filter));
    for (const Seq seq : seqs) {
      if (seq >= until) break;
      RL_ASSIGN(const std::optional<record::OwnedEntry> entry, read(seq));
      if (!entry) continue;
      if (entry->values() == record::Values::kLocked)
        return fail(ErrorCode::kUnavailable, "the keys are locked: whose values these are cannot be told");
      if (entry->body().subject != subject) continue;
      tenants.emplace(entry->header().tenant);
      ++out.entries;
    }
  }
  out.tenants.assign(tenants.begin(), tenants.end());
  return out;
}

// The range's entries that the subject's token stands for and whose values are erased. That they were about another
// erased subject does no harm: its tokens are to go, too.
Result<KeptTokens> RocksdbStore::erased_among(uint64_t range, std::string_view subject) const {
  RL_ASSIGN(const std::vector<Seq> seqs, candidates(range, {Filter::Op::kTerm, subject_term(subject), {}}));
  KeptTokens out;
  for (const Seq seq : seqs) {
    RL_ASSIGN(const std::optional<record::OwnedEntry> entry, read(seq));
    if (entry && entry->values() == record::Values::kErased)
      out.emplace(static_cast<uint16_t>(seq.value % kIndexRange), tokens_left(token_keys_, entry->entry()));
  }
  return out;
}

Status RocksdbStore::drop_live_tokens(std::string_view subject) {
  std::vector<uint64_t> ranges;
  {
    std::shared_lock lock(mutex_);
    for (const auto& [range, index] : live_) ranges.push_back(range);
  }
  for (const uint64_t range : ranges) {
    RL_ASSIGN(const KeptTokens erased, erased_among(range, subject));
    std::unique_lock lock(mutex_);
    if (!erased.empty()) RL_TRY(live_.at(range)->drop_tokens(erased));
  }
  return {};
}

Status RocksdbStore::drop_tokens(std::string_view subject) {
  if (options_.read_only) return fail(ErrorCode::kPermission, "the log is open for reading only");
  std::vector<uint64_t> rewritten;
  for (uint64_t range = 0; range * kIndexRange < end().value; ++range) {
    {
      std::shared_lock lock(mutex_);
      if (live_.contains(range)) break;  // done with the keys
    }
    RL_ASSIGN(const KeptTokens erased, erased_among(range, subject));
    if (erased.empty()) continue;
    RL_ASSIGN(const bool changed, drop_stored_tokens(range, erased));
    if (changed) rewritten.push_back(range);
  }
  return wipe_index(rewritten);
}

// In one write, so that the subject's own token, which leads here, goes with the others.
Result<bool> RocksdbStore::drop_stored_tokens(uint64_t range, const KeptTokens& erased) {
  rocksdb::WriteBatch out;
  rocksdb::ColumnFamilyHandle* const family = database_->family(Family::kIndex);
  const auto at = database_->iterate(Family::kIndex);
  for (unsigned block = 0; block < 1u << kTokenBlockBits; ++block) {
    const std::string prefix = index_key(range, token_key_prefix(static_cast<uint8_t>(block)));
    for (at->Seek(slice(prefix)); at->Valid() && at->key().starts_with(slice(prefix)); at->Next()) {
      RL_ASSIGN(const std::optional<std::string> left,
                without_dropped(static_cast<uint8_t>(block), view(at->value()), erased));
      if (left && left->empty()) out.Delete(family, at->key());
      if (left && !left->empty()) out.Put(family, at->key(), slice(*left));
    }
  }
  if (!at->status().ok()) return fail(error_of(at->status(), "reading the index"));
  if (out.Count() == 0) return false;
  rocksdb::WriteOptions synced;
  synced.sync = true;
  const rocksdb::Status status = database_->db().Write(synced, &out);
  if (!status.ok()) return fail(error_of(status, "erasing from the index"));
  return true;
}

// What was overwritten stands in older files until they are compacted, and in RocksDB's own log until everything that
// is in it stands in files.
Status RocksdbStore::wipe_index(const std::vector<uint64_t>& ranges) {
  if (ranges.empty()) return {};
  rocksdb::DB& db = database_->db();
  std::vector<rocksdb::ColumnFamilyHandle*> all;
  for (size_t i = 0; i < kFamilies; ++i) all.push_back(database_->family(static_cast<Family>(i)));
  rocksdb::Status status = db.Flush(rocksdb::FlushOptions(), all);
  rocksdb::CompactRangeOptions options;
  options.exclusive_manual_compaction = false;
  options.bottommost_level_compaction = rocksdb::BottommostLevelCompaction::kForceOptimized;
  for (const uint64_t range : ranges) {
    const std::string begin = index_key(range, {}), end = index_key(range + 1, {});
    const rocksdb::Slice from = slice(begin), to = slice(end);
    if (status.ok()) status = db.CompactRange(options, database_->family(Family::kIndex), &from, &to);
  }
  if (!status.ok()) return fail(error_of(status, "removing what was erased from the index"));
  return {};
}

}  // namespace rowledger::store
