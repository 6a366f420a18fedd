// Erasing a person's values: keys first, which is what counts, then what finds them.
#include <algorithm>
#include <map>
#include <set>

#include "base/bytes.h"
#include "base/check.h"
#include "store/rocksdb_store_impl.h"
#include "store/terms.h"
#include "store/token_filter.h"

namespace rowledger::store {
namespace {

Term subject_term(std::string_view subject) { return {Dimension::kSubject, std::string(subject)}; }

}  // namespace

Result<uint64_t> RocksdbStore::destroy_keys(const std::vector<Owner>& owners) {
  if (options_.read_only) return fail(ErrorCode::kPermission, "the log is open for reading only");
  privacy::KeyRing* const ring = sealing_.ring();
  if (ring == nullptr) return fail(ErrorCode::kUnavailable, "the keys are locked: nothing can be erased without them");
  RL_TRY(subject_keys_.loaded());
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

std::string RocksdbStore::name_of(const Owner& owner) const {
  return SubjectKeys::hex(subject_keys_.name_of(owner.tenant, owner.subject));
}

Status RocksdbStore::scan_keys(SeqRange range, const std::function<void(Seq, privacy::KeyId)>& visit) const {
  const Error locked{ErrorCode::kUnavailable, "the keys are locked: what values are sealed with cannot be told"};
  const uint64_t end = std::min(range.end.value, this->end().value);
  uint64_t seq = range.begin.value;
  while (seq < end) {
    {
      std::shared_lock lock(mutex_);
      for (; seq >= open_.first.value && seq < end; ++seq) {
        const OpenEntry& entry = open_.entries[seq - open_.first.value];
        if (entry.locked) return fail(locked);
        visit({seq}, entry.key);
      }
    }
    if (seq >= end) break;
    const uint64_t number = seq / kBundleEntries;
    RL_ASSIGN(const auto bundle, reader_.bundle(number, false));
    if (bundle->bodies.locked) return fail(locked);
    for (const uint64_t last = std::min(end, (number + 1) * kBundleEntries); seq < last; ++seq)
      visit({seq}, bundle->bodies.parts[seq % kBundleEntries].key);
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

std::vector<Token> RocksdbStore::tokens_left(const record::Entry& entry) const {
  const ShortHashKey key = token_keys_.of(entry.header.tenant);
  std::vector<Token> out;
  for_each_term(entry, [&](Dimension dimension, std::string_view value) {
    if (is_token(dimension) && dimension != Dimension::kTx)
      out.push_back(token_of(key, Term{dimension, std::string(value)}));
  });
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
      out.emplace(static_cast<uint16_t>(seq.value % kIndexRange), tokens_left(entry->entry()));
  }
  return out;
}

Status RocksdbStore::drop_tokens(std::string_view subject) {
  if (options_.read_only) return fail(ErrorCode::kPermission, "the log is open for reading only");
  for (uint64_t range = 0; range * kIndexRange < end().value; ++range) {
    RL_ASSIGN(const KeptTokens erased, erased_among(range, subject));
    RL_TRY(drop_tokens(range, erased));
  }
  return wipe_index();
}

Status RocksdbStore::drop_tokens(uint64_t range, const KeptTokens& erased) {
  if (erased.empty()) return {};
  const std::lock_guard as_it_is(completing_);
  {
    const std::unique_lock lock(mutex_);
    if (const auto live = live_.find(range); live != live_.end()) return live->second->drop_tokens(erased);
  }
  return drop_stored_tokens(range, erased);
}

// In one write: the subject's own token, which leads here, goes with the others, and after a crash the note leads on.
Status RocksdbStore::drop_stored_tokens(uint64_t range, const KeptTokens& erased) {
  rocksdb::WriteBatch out;
  rocksdb::ColumnFamilyHandle* const family = database_->family(Family::kIndex);
  std::vector<Token> all_left;
  const auto at = database_->iterate(Family::kIndex);
  for (unsigned block = 0; block < 1u << kTokenBlockBits; ++block) {
    const std::string prefix = index_key(range, token_key_prefix(static_cast<uint8_t>(block)));
    for (at->Seek(slice(prefix)); at->Valid() && at->key().starts_with(slice(prefix)); at->Next()) {
      RL_ASSIGN(const std::optional<std::string> left,
                without_dropped(static_cast<uint8_t>(block), view(at->value()), erased));
      if (left && left->empty()) out.Delete(family, at->key());
      if (left && !left->empty()) out.Put(family, at->key(), slice(*left));
      RL_TRY(read_token_block(static_cast<uint8_t>(block), left ? *left : view(at->value()),
                              [&](Token token, uint16_t) { all_left.push_back(token); }));
    }
  }
  if (!at->status().ok()) return fail(error_of(at->status(), "reading the index"));
  if (out.Count() == 0) return {};
  TokenFilter filter(all_left.size());
  for (const Token token : all_left) filter.add(token);
  out.Put(family, slice(index_key(range, token_filter_key())), slice(filter.record()));
  out.Put(database_->family(Family::kMeta), slice(wipe_key(range)), rocksdb::Slice());
  const rocksdb::Status status = database_->db().Write(synced(), &out);
  if (!status.ok()) return fail(error_of(status, "erasing from the index"));
  return {};
}

// What was overwritten stands in older files until they are compacted, and in RocksDB's own log until everything that
// is in it stands in files.
Status RocksdbStore::wipe_index() {
  std::map<uint64_t, uint64_t> stretches;  // of ranges side by side: the first, and the one behind the last
  rocksdb::WriteBatch done;
  const auto noted = database_->iterate(Family::kMeta);
  const std::string notes = meta_key(kWipe);
  for (noted->Seek(slice(notes)); noted->Valid() && noted->key().starts_with(slice(notes)); noted->Next()) {
    const uint64_t range = ByteReader(view(noted->key()).substr(notes.size())).u64();
    done.Delete(database_->family(Family::kMeta), noted->key());
    if (!stretches.empty() && stretches.rbegin()->second == range) {
      ++stretches.rbegin()->second;
    } else {
      stretches.emplace(range, range + 1);
    }
  }
  if (!noted->status().ok()) return fail(error_of(noted->status(), "reading what is to be removed from the index"));
  if (stretches.empty()) return {};
  rocksdb::DB& db = database_->db();
  std::vector<rocksdb::ColumnFamilyHandle*> all;
  for (size_t i = 0; i < kFamilies; ++i) all.push_back(database_->family(static_cast<Family>(i)));
  rocksdb::Status status = db.Flush(rocksdb::FlushOptions(), all);
  rocksdb::CompactRangeOptions options;
  options.exclusive_manual_compaction = false;
  options.bottommost_level_compaction = rocksdb::BottommostLevelCompaction::kForceOptimized;
  for (const auto& [first, behind] : stretches) {
    const std::string begin = index_key(first, {}), end = index_key(behind, {});
    const rocksdb::Slice from = slice(begin), to = slice(end);
    if (status.ok()) status = db.CompactRange(options, database_->family(Family::kIndex), &from, &to);
  }
  if (status.ok()) status = db.Write(rocksdb::WriteOptions(), &done);
  if (!status.ok()) return fail(error_of(status, "removing what was erased from the index"));
  return {};
}

}  // namespace rowledger::store
