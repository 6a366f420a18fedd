#include "store/subject_keys.h"

#include <algorithm>
#include <cstring>

#include "base/bytes.h"

namespace rowledger::store {
namespace {

constexpr int64_t kMicrosecondsPerDay = 86'400'000'000;

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

}  // namespace

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
  std::vector<HeldKey> out;
  if (!found) return out;
  ByteReader reader(view(value));
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

SubjectKeys::Cached* SubjectKeys::cached(const Name& name) {
  if (cache_.empty()) return nullptr;
  size_t set;
  std::memcpy(&set, name.data(), sizeof(set));
  Cached* const first = &cache_[set % kSets * kWays];
  Cached* const found = std::find_if(first, first + kWays, [&](const Cached& c) { return c.name == name; });
  return found == first + kWays || found->key == privacy::KeyId{} ? nullptr : found;
}

// The set's first place; the others move one on, and the last is forgotten.
SubjectKeys::Cached& SubjectKeys::place_for(const Name& name) {
  if (cache_.empty()) cache_.resize(kSets * kWays);
  size_t set;
  std::memcpy(&set, name.data(), sizeof(set));
  Cached* const first = &cache_[set % kSets * kWays];
  std::move_backward(first, first + kWays - 1, first + kWays);
  return *first;
}

Result<privacy::KeyId> SubjectKeys::key_for(std::string_view tenant, std::string_view subject, Timestamp now) {
  if (last_tenant_key_ == privacy::KeyId{} || last_tenant_ != tenant) {
    RL_ASSIGN(last_tenant_key_, ring_->tenant_key(tenant));
    last_tenant_ = tenant;
  }
  if (subject.empty()) return last_tenant_key_;
  const auto today = static_cast<uint32_t>(std::max<int64_t>(now.us, 0) / kMicrosecondsPerDay);
  const Name name = name_of(tenant, subject);
  if (Cached* known = cached(name); known != nullptr && today < known->since_day + period_days_) return known->key;
  RL_ASSIGN(std::vector<HeldKey> keys, read(name));
  if (keys.empty() || today >= keys.back().since_day + period_days_) {
    RL_ASSIGN(const privacy::KeyId made, ring_->new_subject_key(last_tenant_key_));
    keys.push_back({made, today});
    unwritten_.emplace_back(name, keys);
  }
  if (Cached* known = cached(name)) {
    known->key = keys.back().key;
    known->since_day = keys.back().since_day;
  } else {
    place_for(name) = {name, keys.back().key, keys.back().since_day};
  }
  return keys.back().key;
}

void SubjectKeys::write(rocksdb::WriteBatch& out) const {
  for (const auto& [name, keys] : unwritten_)
    out.Put(database_.family(Family::kSubjects), slice(bytes_of(name)), slice(encode_held(keys)));
}

Result<std::vector<HeldKey>> SubjectKeys::keys_of(std::string_view tenant, std::string_view subject) const {
  return read(name_of(tenant, subject));
}

Status SubjectKeys::forget(std::string_view tenant, std::string_view subject) {
  const Name name = name_of(tenant, subject);
  if (Cached* known = cached(name)) *known = {};
  const rocksdb::Status status =
      database_.db().Delete(rocksdb::WriteOptions(), database_.family(Family::kSubjects), slice(bytes_of(name)));
  if (!status.ok()) return fail(error_of(status, "forgetting a subject's keys"));
  return {};
}

}  // namespace rowledger::store
