#include "store/subject_keys.h"

#include <algorithm>
#include <bit>
#include <charconv>
#include <cstring>
#include <map>
#include <set>
#include <utility>

#include "base/bytes.h"
#include "base/day.h"
#include "base/thread_name.h"
#include "store/store_keys.h"

namespace rowledger::store {
namespace {

constexpr char kLongestPeriod[] = "keys.longest_period_days";

std::string_view bytes_of(const std::array<unsigned char, 16>& name) {
  return {reinterpret_cast<const char*>(name.data()), name.size()};
}

std::string encode_held(const std::vector<HeldKey>& keys) {
  std::string out;
  ByteWriter writer(out);
  writer.u8(1);
  for (const HeldKey& held : keys) {
    writer.varint(held.key.value);
    writer.varint(held.since_day);
  }
  return out;
}

Result<std::vector<HeldKey>> decode_held(std::string_view value) {
  std::vector<HeldKey> out;
  ByteReader reader(value);
  if (reader.u8() != 1) reader.fail();
  while (reader.ok() && !reader.at_end()) {
    HeldKey held;
    held.key = {reader.varint()};
    held.since_day = static_cast<uint32_t>(reader.varint());
    out.push_back(held);
  }
  if (!reader.ok()) return fail(ErrorCode::kCorrupt, "the record of a subject's keys is malformed");
  return out;
}

}  // namespace

Status SubjectKeys::load() {
  RL_ASSIGN(used_, stored_slots());
  written_ = used_;
  if (ring_ == nullptr) return {};
  RL_TRY(load_longest_period());
  // Key files from before would give new keys the numbers of others that are in use.
  if (used_.tenants > 0) RL_TRY(ring_->reaches(privacy::tenant_key_id(used_.tenants - 1)));
  if (used_.subjects > 0) RL_TRY(ring_->reaches(privacy::subject_key_id(used_.subjects - 1)));
  loading_ = std::async(std::launch::async, [this, count = used_.subjects] {
    name_this_thread("load-names");
    return load_names(count);
  });
  return {};
}

Status SubjectKeys::loaded() {
  if (loading_.valid()) loaded_ = loading_.get();
  return loaded_;
}

Status SubjectKeys::load_names(uint64_t count) {
  while (slots_.size() < 2 * count && slots_.size() < kMaxSlots) slots_.resize(2 * slots_.size());
  const auto stored = database_.iterate(Family::kSubjects);
  for (stored->SeekToFirst(); stored->Valid(); stored->Next()) {
    Name name;
    if (stored->key().size() != name.size())
      return fail(ErrorCode::kCorrupt, "the record of a subject's keys is malformed");
    std::memcpy(name.data(), stored->key().data(), name.size());
    RL_ASSIGN(const std::vector<HeldKey> keys, decode_held(view(stored->value())));
    if (!keys.empty()) {
      remember(name, keys.back());
    }
    if (!has_all_) break;
  }
  if (!stored->status().ok()) return fail(error_of(stored->status(), "reading the subjects' keys"));
  return {};
}

// A key that a longer period was configured for may have been used as long, and nothing else says so.
Status SubjectKeys::load_longest_period() {
  const std::string key = meta_key(kFree, kLongestPeriod);
  rocksdb::PinnableSlice stored;
  RL_ASSIGN(const bool known, database_.get(Family::kMeta, key, stored));
  if (known) {
    const std::string_view text = view(stored);
    uint32_t days = 0;
    if (std::from_chars(text.data(), text.data() + text.size(), days).ptr != text.data() + text.size())
      return fail(ErrorCode::kCorrupt, "the log's own bookkeeping is malformed");
    longest_period_days_ = std::max(longest_period_days_, days);
    if (longest_period_days_ == days) return {};
  }
  const rocksdb::Status status = database_.db().Put(rocksdb::WriteOptions(), database_.family(Family::kMeta),
                                                    slice(key), slice(std::to_string(longest_period_days_)));
  if (!status.ok()) return fail(error_of(status, "noting how long keys are used"));
  return {};
}

Result<Store::KeySlots> SubjectKeys::stored_slots() const {
  rocksdb::PinnableSlice value;
  RL_ASSIGN(const bool found, database_.get(Family::kMeta, meta_key(kKeySlots), value));
  Store::KeySlots out;
  if (!found) return out;
  ByteReader reader(view(value));
  out.tenants = reader.u64();
  out.subjects = reader.u64();
  if (!reader.ok() || !reader.at_end()) return fail(ErrorCode::kCorrupt, "the log's own bookkeeping is malformed");
  return out;
}

void SubjectKeys::use(privacy::KeyId key) {
  uint64_t& slots = privacy::is_tenant_key(key) ? used_.tenants : used_.subjects;
  slots = std::max(slots, privacy::slot_of(key) + 1);
}

SubjectKeys::Name SubjectKeys::name_of(std::string_view tenant, std::string_view subject) const {
  // A tenant's name has no zero byte: PostgreSQL's texts have none.
  std::string both;
  both.reserve(tenant.size() + 1 + subject.size());
  both.append(tenant).push_back('\0');
  both.append(subject);
  return wide_hash(name_key_, both);
}

std::string SubjectKeys::hex(const Name& name) { return to_hex(bytes_of(name)); }

Result<std::vector<HeldKey>> SubjectKeys::read(const Name& name) const {
  for (auto known = unwritten_.rbegin(); known != unwritten_.rend(); ++known)
    if (known->first == name) return known->second;
  return read_stored(name);
}

Result<std::vector<HeldKey>> SubjectKeys::read_stored(const Name& name) const {
  rocksdb::PinnableSlice value;
  RL_ASSIGN(const bool found, database_.get(Family::kSubjects, bytes_of(name), value));
  if (!found) return std::vector<HeldKey>();
  return decode_held(view(value));
}

// Where looking for the name begins. By its first bits, so that names in their order fill the slots in theirs.
size_t SubjectKeys::place_of(const Name& name) const {
  uint64_t first_bits = 0;
  for (size_t i = 0; i < sizeof first_bits; ++i) first_bits = first_bits << 8 | name[i];
  return first_bits >> (64 - std::countr_zero(slots_.size()));
}

// Where the name is, or the gap where it would be.
size_t SubjectKeys::slot_of(const Name& name) const {
  const size_t mask = slots_.size() - 1;
  size_t at = place_of(name);
  while (slots_[at].used && slots_[at].name != name) at = (at + 1) & mask;
  return at;
}

void SubjectKeys::remember(const Name& name, const HeldKey& held) {
  if (2 * used_slots_ >= slots_.size() && slots_.size() < kMaxSlots) {
    const std::vector<Cached> before = std::exchange(slots_, std::vector<Cached>(slots_.size() * 2));
    for (const Cached& known : before)
      if (known.used) slots_[slot_of(known.name)] = known;
  }
  size_t at = slot_of(name);
  if (!slots_[at].used) {
    if (2 * used_slots_ < slots_.size()) {
      ++used_slots_;
    } else {
      // No more room: another gives way, where this one is found first.
      at = place_of(name);
      has_all_ = false;
    }
  }
  slots_[at] = {name, held.key, held.since_day, true};
}

Result<privacy::KeyId> SubjectKeys::key_of_tenant(std::string_view tenant) {
  if (last_tenant_key_ == privacy::KeyId{} || last_tenant_ != tenant) {
    RL_ASSIGN(last_tenant_key_, ring_->tenant_key(tenant));
    last_tenant_ = tenant;
    use(last_tenant_key_);
  }
  return last_tenant_key_;
}

Result<privacy::KeyId> SubjectKeys::key_for(std::string_view tenant, const Name& name, Timestamp now) {
  const uint32_t today = day_of(now);
  const Cached& known = slots_[slot_of(name)];
  if (known.key != privacy::KeyId{} && today < known.since_day + period_days_) return known.key;
  std::vector<HeldKey> keys;
  if (known.key != privacy::KeyId{} || !has_all_) {
    RL_ASSIGN(keys, read(name));
  }
  if (!keys.empty() && today < keys.back().since_day + period_days_) {
    remember(name, keys.back());
    return keys.back().key;
  }
  return add_key(tenant, name, std::move(keys), today);
}

Result<privacy::KeyId> SubjectKeys::new_key_for(std::string_view tenant, std::string_view subject, Timestamp now) {
  const Name name = name_of(tenant, subject);
  RL_ASSIGN(std::vector<HeldKey> keys, read(name));
  return add_key(tenant, name, std::move(keys), day_of(now));
}

Result<privacy::KeyId> SubjectKeys::add_key(std::string_view tenant, const Name& name, std::vector<HeldKey> keys,
                                            uint32_t today) {
  RL_ASSIGN(const privacy::KeyId wrapping, key_of_tenant(tenant));
  RL_ASSIGN(const privacy::KeyId made, ring_->new_subject_key(wrapping));
  use(made);
  keys.push_back({made, today});
  remember(name, keys.back());
  unwritten_.emplace_back(name, std::move(keys));
  return made;
}

void SubjectKeys::write(rocksdb::WriteBatch& out) const {
  for (const auto& [name, keys] : unwritten_)
    out.Put(database_.family(Family::kSubjects), slice(bytes_of(name)), slice(encode_held(keys)));
  if (used_ == written_) return;
  std::string slots;
  ByteWriter writer(slots);
  writer.u64(used_.tenants);
  writer.u64(used_.subjects);
  out.Put(database_.family(Family::kMeta), slice(meta_key(kKeySlots)), slice(slots));
}

void SubjectKeys::written() {
  unwritten_.clear();
  written_ = used_;
}

Result<std::vector<HeldKey>> SubjectKeys::keys_of(std::string_view tenant, std::string_view subject) const {
  return read_stored(name_of(tenant, subject));
}

Result<std::vector<SubjectKeys::Expired>> SubjectKeys::expired(const RetentionRules& rules, uint32_t today,
                                                               size_t at_most) const {
  std::map<uint64_t, uint32_t> days_of;  // by the tenant's key
  for (const auto& [tenant, days] : rules.by_tenant)
    if (const auto key = ring_->find_tenant(tenant)) days_of[key->value] = days;
  std::set<Name> held;
  const std::set<std::string_view> held_names(rules.held.names.begin(), rules.held.names.end());
  for (const Owner& owner : rules.held.owners) {
    held.insert(name_of(owner.tenant, owner.subject));
    held.insert(name_of(owner.tenant, {}));
  }
  std::vector<Expired> out;
  size_t found = 0;
  const auto at = database_.iterate(Family::kSubjects);
  for (at->SeekToFirst(); at->Valid() && found < at_most; at->Next()) {
    Expired keys;
    if (at->key().size() != keys.name.size())
      return fail(ErrorCode::kCorrupt, "the record of a subject's keys is malformed");
    std::memcpy(keys.name.data(), at->key().data(), keys.name.size());
    if (held.contains(keys.name) || (!held_names.empty() && held_names.contains(hex(keys.name)))) continue;
    RL_ASSIGN(keys.left, decode_held(view(at->value())));
    size_t expired = 0;
    for (; expired < keys.left.size(); ++expired) {
      RL_ASSIGN(const privacy::KeyId tenant, ring_->tenant_of(keys.left[expired].key));
      const auto own = days_of.find(tenant.value);
      const uint64_t days = own == days_of.end() ? rules.erase_after_days : own->second;
      // Its oldest values decide. While it is still in use it stays, whatever the rules.
      if (days == 0 || keys.left[expired].since_day + std::max<uint64_t>(days, period_days_) > today) break;
    }
    if (expired == 0) continue;
    const auto first_left = keys.left.begin() + static_cast<ptrdiff_t>(expired);
    keys.expired.assign(keys.left.begin(), first_left);
    keys.left.erase(keys.left.begin(), first_left);
    found += expired;
    out.push_back(std::move(keys));
  }
  if (!at->status().ok()) return fail(error_of(at->status(), "reading the subjects' keys"));
  return out;
}

void SubjectKeys::add_days(const Expired& keys, KeyDays& days) const {
  for (size_t i = 0; i < keys.expired.size(); ++i) {
    const uint32_t since = keys.expired[i].since_day;
    if (i + 1 < keys.expired.size()) {
      days.add(since, keys.expired[i + 1].since_day);
    } else {
      days.add(since, keys.left.empty() ? since + longest_period_days_ : keys.left.front().since_day);
    }
  }
}

Result<std::vector<privacy::KeyId>> SubjectKeys::destroy(const std::vector<Expired>& keys) {
  std::vector<privacy::KeyId> destroyed;
  rocksdb::ColumnFamilyHandle* const family = database_.family(Family::kSubjects);
  for (const Expired& of_one : keys) {
    for (const HeldKey& held : of_one.expired) {
      RL_TRY(ring_->destroy(held.key));
      destroyed.push_back(held.key);
    }
    const std::string_view name = bytes_of(of_one.name);
    if (of_one.left.empty()) slots_[slot_of(of_one.name)].key = {};
    const rocksdb::Status status =
        of_one.left.empty()
            ? database_.db().Delete(rocksdb::WriteOptions(), family, slice(name))
            : database_.db().Put(rocksdb::WriteOptions(), family, slice(name), slice(encode_held(of_one.left)));
    if (!status.ok()) return fail(error_of(status, "forgetting expired keys"));
  }
  return destroyed;
}

Status SubjectKeys::forget(std::string_view tenant, std::string_view subject) {
  const Name name = name_of(tenant, subject);
  slots_[slot_of(name)].key = {};
  std::erase_if(unwritten_, [&](const auto& unwritten) { return unwritten.first == name; });
  const rocksdb::Status status =
      database_.db().Delete(synced(), database_.family(Family::kSubjects), slice(bytes_of(name)));
  if (!status.ok()) return fail(error_of(status, "forgetting a subject's keys"));
  return {};
}

}  // namespace rowledger::store
