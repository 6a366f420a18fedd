#include "store/subject_keys.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <set>
#include <utility>

#include "base/bytes.h"
#include "base/day.h"
#include "store/store_keys.h"

namespace rowledger::store {
namespace {

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
  if (ring_ == nullptr) return {};
  // Key files from before would give new keys the numbers of others that are in use.
  if (used_.tenants > 0) RL_TRY(ring_->reaches(privacy::tenant_key_id(used_.tenants - 1)));
  return used_.subjects > 0 ? ring_->reaches(privacy::subject_key_id(used_.subjects - 1)) : Status();
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

Result<std::vector<HeldKey>> SubjectKeys::read(const Name& name) const {
  for (auto known = unwritten_.rbegin(); known != unwritten_.rend(); ++known)
    if (known->first == name) return known->second;
  rocksdb::PinnableSlice value;
  RL_ASSIGN(const bool found, database_.get(Family::kSubjects, bytes_of(name), value));
  if (!found) return std::vector<HeldKey>();
  return decode_held(view(value));
}

// Where the name is, or the gap where it would be.
size_t SubjectKeys::slot_of(const Name& name) const {
  size_t at;
  std::memcpy(&at, name.data(), sizeof(at));
  const size_t mask = slots_.size() - 1;
  for (at &= mask; slots_[at].used && slots_[at].name != name; at = (at + 1) & mask) {
  }
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
      std::memcpy(&at, name.data(), sizeof(at));
      at &= slots_.size() - 1;
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

Result<privacy::KeyId> SubjectKeys::key_for(std::string_view tenant, std::string_view subject, Timestamp now) {
  const uint32_t today = day_of(now);
  const Name name = name_of(tenant, subject);
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
  return read(name_of(tenant, subject));
}

Result<std::vector<privacy::KeyId>> SubjectKeys::destroy_expired(const RetentionRules& rules, uint32_t today,
                                                                 size_t at_most) {
  std::map<uint64_t, uint32_t> days_of;  // by the tenant's key
  for (const auto& [tenant, days] : rules.by_tenant)
    if (const auto key = ring_->find_tenant(tenant)) days_of[key->value] = days;
  std::set<Name> held;
  for (const Owner& owner : rules.held) {
    held.insert(name_of(owner.tenant, owner.subject));
    held.insert(name_of(owner.tenant, {}));
  }
  std::vector<privacy::KeyId> destroyed;
  const auto at = database_.iterate(Family::kSubjects);
  for (at->SeekToFirst(); at->Valid() && destroyed.size() < at_most; at->Next()) {
    Name name{};
    if (at->key().size() != name.size())
      return fail(ErrorCode::kCorrupt, "the record of a subject's keys is malformed");
    std::memcpy(name.data(), at->key().data(), name.size());
    if (held.contains(name)) continue;
    RL_ASSIGN(const std::vector<HeldKey> keys, decode_held(view(at->value())));
    size_t expired = 0;
    for (; expired < keys.size(); ++expired) {
      RL_ASSIGN(const privacy::KeyId tenant, ring_->tenant_of(keys[expired].key));
      const auto own = days_of.find(tenant.value);
      const uint64_t days = own == days_of.end() ? rules.erase_after_days : own->second;
      // Its oldest values decide. While it is still in use it stays, whatever the rules.
      if (days == 0 || keys[expired].since_day + std::max<uint64_t>(days, period_days_) > today) break;
    }
    if (expired == 0) continue;
    for (size_t i = 0; i < expired; ++i) {
      RL_TRY(ring_->destroy(keys[i].key));
      destroyed.push_back(keys[i].key);
    }
    const std::vector<HeldKey> left(keys.begin() + static_cast<ptrdiff_t>(expired), keys.end());
    if (left.empty()) slots_[slot_of(name)].key = {};
    rocksdb::ColumnFamilyHandle* const family = database_.family(Family::kSubjects);
    const rocksdb::Status status =
        left.empty() ? database_.db().Delete(rocksdb::WriteOptions(), family, at->key())
                     : database_.db().Put(rocksdb::WriteOptions(), family, at->key(), slice(encode_held(left)));
    if (!status.ok()) return fail(error_of(status, "forgetting expired keys"));
  }
  if (!at->status().ok()) return fail(error_of(at->status(), "reading the subjects' keys"));
  return destroyed;
}

Status SubjectKeys::forget(std::string_view tenant, std::string_view subject) {
  const Name name = name_of(tenant, subject);
  slots_[slot_of(name)].key = {};
  std::erase_if(unwritten_, [&](const auto& unwritten) { return unwritten.first == name; });
  rocksdb::WriteOptions synced;
  synced.sync = true;
  const rocksdb::Status status =
      database_.db().Delete(synced, database_.family(Family::kSubjects), slice(bytes_of(name)));
  if (!status.ok()) return fail(error_of(status, "forgetting a subject's keys"));
  return {};
}

}  // namespace rowledger::store
