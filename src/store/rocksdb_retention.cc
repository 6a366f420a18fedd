// Retention: keys that are old enough go, then what finds the values that they sealed.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <unordered_map>

#include "base/check.h"
#include "base/day.h"
#include "store/key_days.h"
#include "store/rocksdb_store_impl.h"

namespace rowledger::store {
namespace {

// When the keys were in use that were destroyed, and whose entries' tokens may still be there.
constexpr char kKeyDays[] = "retention.key_days";

std::string lines_of(const std::vector<privacy::KeyId>& keys) {
  std::string out;
  for (const privacy::KeyId key : keys) out += fmt::format("{}\n", key.value);
  return out;
}

}  // namespace

bool RetentionRules::erases() const {
  return erase_after_days != 0 || std::ranges::any_of(by_tenant, [](const auto& t) { return t.second != 0; });
}

uint32_t RetentionRules::days_of(std::string_view tenant) const {
  const auto own = by_tenant.find(tenant);
  return own == by_tenant.end() ? erase_after_days : own->second;
}

Result<std::vector<privacy::KeyId>> RocksdbStore::destroy_expired(const RetentionRules& rules, uint32_t today,
                                                                  size_t at_most) {
  if (options_.read_only) return fail(ErrorCode::kPermission, "the log is open for reading only");
  if (!rules.erases() || sealing_.ring() == nullptr) return std::vector<privacy::KeyId>();
  RL_TRY(subject_keys_.loaded());
  RL_ASSIGN(const auto expired, subject_keys_.expired(rules, today, at_most));
  if (expired.empty()) return std::vector<privacy::KeyId>();
  RL_TRY(note_expired(expired));
  RL_ASSIGN(std::vector<privacy::KeyId> destroyed, subject_keys_.destroy(expired));
  recent_.forget_all();
  state_.flush_soon();
  return destroyed;
}

Result<KeyDays> RocksdbStore::key_days() const {
  RL_ASSIGN(const auto noted, meta(kKeyDays));
  return KeyDays::parse(noted.value_or(std::string()));
}

// Before the keys are destroyed, because afterwards nothing leads from what they sealed to when that was, and nothing
// says which they were.
Status RocksdbStore::note_expired(const std::vector<SubjectKeys::Expired>& expired) {
  RL_ASSIGN(KeyDays days, key_days());
  RL_ASSIGN(std::vector<privacy::KeyId> untold, noted_keys(kUntoldKeys));
  for (const SubjectKeys::Expired& keys : expired) {
    subject_keys_.add_days(keys, days);
    for (const HeldKey& held : keys.expired) untold.push_back(held.key);
  }
  // A turn that was broken off between the note and the keys has noted some of these already.
  std::ranges::sort(untold, {}, &privacy::KeyId::value);
  untold.erase(std::unique(untold.begin(), untold.end()), untold.end());
  rocksdb::ColumnFamilyHandle* const family = database_->family(Family::kMeta);
  rocksdb::WriteBatch out;
  out.Put(family, slice(meta_key(kFree, kKeyDays)), slice(days.format()));
  out.Put(family, slice(meta_key(kFree, kUntoldKeys)), slice(lines_of(untold)));
  const rocksdb::Status status = database_->db().Write(synced(), &out);
  if (!status.ok()) return fail(error_of(status, "noting what is to be erased"));
  return {};
}

Result<std::vector<privacy::KeyId>> RocksdbStore::noted_keys(std::string_view meta_name) const {
  RL_ASSIGN(const auto noted, meta(meta_name));
  std::vector<privacy::KeyId> out;
  const std::string_view text = noted ? std::string_view(*noted) : std::string_view();
  for (const char *at = text.data(), *const end = at + text.size(); at != end;) {
    privacy::KeyId& key = out.emplace_back();
    const auto [behind, error] = std::from_chars(at, end, key.value);
    if (error != std::errc() || behind == end || *behind != '\n')
      return fail(ErrorCode::kCorrupt, fmt::format("the list {} is malformed", meta_name));
    at = behind + 1;
  }
  return out;
}

// Those that were noted and not destroyed, since the program ended in between, are found again by destroy_expired().
Result<std::vector<privacy::KeyId>> RocksdbStore::untold_keys() const {
  RL_ASSIGN(const std::vector<privacy::KeyId> noted, noted_keys(kUntoldKeys));
  std::vector<privacy::KeyId> out;
  for (const privacy::KeyId key : noted) {
    RL_ASSIGN(const bool gone, is_destroyed(key));
    if (gone) out.push_back(key);
  }
  return out;
}

Status RocksdbStore::note_lost_keys(const std::vector<privacy::KeyId>& keys) {
  if (options_.read_only) return fail(ErrorCode::kPermission, "the log is open for reading only");
  KeyDays days;
  days.add(0, day_of(options_.now()));
  rocksdb::WriteBatch out;
  out.Put(database_->family(Family::kMeta), slice(meta_key(kFree, kKeyDays)), slice(days.format()));
  out.Put(database_->family(Family::kMeta), slice(meta_key(kFree, kLostKeys)), slice(lines_of(keys)));
  const rocksdb::Status status = database_->db().Write(synced(), &out);
  if (!status.ok()) return fail(error_of(status, "noting what was lost"));
  return {};
}

Result<std::vector<KeyDays::Begin>> RocksdbStore::ranges_begin() const {
  std::vector<KeyDays::Begin> out;
  const uint64_t end = this->end().value;
  for (uint64_t seq = 0; seq < end; seq += kIndexRange) {
    const auto count = static_cast<uint32_t>(std::min<uint64_t>(kBundleEntries, end - seq));
    RL_ASSIGN(std::vector<std::string> headers, this->headers({seq}, count));
    std::optional<KeyDays::Begin> begin;
    for (std::string& header : headers) {
      RL_ASSIGN(const auto entry, record::OwnedEntry::of_header(std::move(header)));
      const uint32_t day = day_of(entry.header().received_at);
      if (!begin) begin = {day, day};
      begin->newest = std::max(begin->newest, day);
    }
    out.push_back(*begin);
  }
  return out;
}

Result<KeptTokens> RocksdbStore::all_erased(uint64_t range) const {
  std::vector<Seq> erased;
  std::unordered_map<uint64_t, bool> is_gone;  // by the key's number
  Status failed;
  RL_TRY(scan_keys({{range * kIndexRange}, {(range + 1) * kIndexRange}}, [&](Seq seq, KeyId key) {
    const auto [known, is_new] = is_gone.try_emplace(key.value, false);
    if (is_new) {
      const Result<bool> gone = is_destroyed(key);
      if (!gone && failed) failed = tl::unexpected(gone.error());
      known->second = gone.value_or(false);
    }
    if (known->second) erased.push_back(seq);
  }));
  RL_TRY(failed);
  KeptTokens out;
  std::shared_ptr<const Bundle> bundle;
  for (const Seq seq : erased) {
    RL_ASSIGN(const record::OwnedEntry entry, read_next(seq, bundle, false));
    out.emplace(static_cast<uint16_t>(seq.value % kIndexRange), tokens_left(entry.entry()));
  }
  return out;
}

Status RocksdbStore::drop_expired_tokens() {
  if (options_.read_only) return fail(ErrorCode::kPermission, "the log is open for reading only");
  RL_ASSIGN(const KeyDays days, key_days());
  if (days.empty()) return {};
  RL_ASSIGN(const auto begins, ranges_begin());
  for (const uint64_t range : days.ranges(begins)) {
    RL_ASSIGN(const KeptTokens erased, all_erased(range));
    RL_TRY(drop_tokens(range, erased));
  }
  RL_TRY(wipe_index());
  const rocksdb::Status status = database_->db().Delete(rocksdb::WriteOptions(), database_->family(Family::kMeta),
                                                        slice(meta_key(kFree, kKeyDays)));
  if (!status.ok()) return fail(error_of(status, "noting what was erased"));
  return {};
}

}  // namespace rowledger::store
