#include "store/log_reader.h"

#include <fmt/format.h>

#include "base/bytes.h"
#include "record/body_parts.h"
#include "store/store_keys.h"

namespace rowledger::store {
namespace {

constexpr uint8_t kChunkVersion = 1;
constexpr uint32_t kMaxValuesChunks = (uint64_t{1} << 33) / kValuesChunkBytes;  // 8 GB, as much as unpacking gives

Error missing(std::string_view what, uint64_t number) {
  return {ErrorCode::kCorrupt,
          fmt::format("the log lacks the {} {}: restore the data directory from a backup", what, number)};
}

Error misplaced(uint64_t number) {
  return {ErrorCode::kCorrupt, fmt::format("bundle {} of the log holds other entries than it should", number)};
}

Error misplaced_entry(Seq seq) {
  return {ErrorCode::kCorrupt, fmt::format("what stands in the log as entry {} says that it is another", seq.value)};
}

}  // namespace

void encode_values_chunk(std::string_view bytes, uint32_t chunks, Compressor& compressor, std::string& out) {
  ByteWriter writer(out);
  writer.u8(kChunkVersion);
  writer.u32(chunks);
  compressor.append(bytes, out);
}

Result<std::shared_ptr<const Bundle>> LogReader::bundle(uint64_t number, bool keep) const {
  {
    std::lock_guard lock(mutex_);
    if (const auto found = by_number_.find(number); found != by_number_.end()) {
      by_use_.splice(by_use_.begin(), by_use_, found->second);
      return found->second->bundle;
    }
  }
  RL_ASSIGN(std::shared_ptr<const Bundle> out, load(number, keep));
  if (!keep) return out;
  const size_t bytes =
      out->headers.bytes.size() + out->bodies.frames.size() + out->bodies.values.size() + sizeof(Bundle);
  std::lock_guard lock(mutex_);
  if (by_number_.contains(number)) return out;
  by_use_.push_front({number, out, bytes});
  by_number_[number] = by_use_.begin();
  cached_bytes_ += bytes;
  while (cached_bytes_ > cache_bytes_ && by_use_.size() > 1) {
    cached_bytes_ -= by_use_.back().bytes;
    by_number_.erase(by_use_.back().number);
    by_use_.pop_back();
  }
  return out;
}

void LogReader::forget() const {
  std::lock_guard lock(mutex_);
  by_number_.clear();
  by_use_.clear();
  cached_bytes_ = 0;
}

Result<HeaderSection> LogReader::headers(uint64_t number) const { return load_headers(number, false); }

Result<HeaderSection> LogReader::load_headers(uint64_t number, bool keep) const {
  const Seq first{number * kBundleEntries};
  rocksdb::PinnableSlice record;
  RL_ASSIGN(const bool found, database_.get(Family::kHeaders, seq_key(first), record, keep));
  if (!found) return fail(missing("bundle", number));
  RL_ASSIGN(HeaderSection out, decode_headers(view(record)));
  if (out.first != first || out.count() != kBundleEntries) return fail(misplaced(number));
  return out;
}

Result<std::shared_ptr<const Bundle>> LogReader::load(uint64_t number, bool keep) const {
  const Seq first{number * kBundleEntries};
  const std::string key = seq_key(first);
  auto out = std::make_shared<Bundle>();
  RL_ASSIGN(out->headers, load_headers(number, keep));
  rocksdb::PinnableSlice record;
  RL_ASSIGN(const bool has_bodies, database_.get(Family::kBodies, key, record, keep));
  if (!has_bodies) return fail(missing("values of bundle", number));
  RL_ASSIGN(out->bodies, decode_bodies(view(record), sealing_));
  if (out->bodies.first != first || out->bodies.count() != kBundleEntries) return fail(misplaced(number));
  return std::shared_ptr<const Bundle>(std::move(out));
}

Result<record::OwnedEntry> LogReader::entry(const Bundle& bundle, Seq seq) const {
  const size_t i = seq.value - bundle.headers.first.value;
  std::string header(bundle.headers.header(i));
  if (!bundle.bodies.locked) return entry(std::move(header), seq, bundle.bodies.body(i));
  RL_ASSIGN(auto out, record::OwnedEntry::of_header(std::move(header)));
  if (out.header().seq != seq) return fail(misplaced_entry(seq));
  return out;
}

Result<record::OwnedEntry> LogReader::entry(std::string header, Seq seq, const BundleEntry& parts) const {
  RL_ASSIGN(auto out, record::OwnedEntry::of_header(std::move(header)));
  if (out.header().seq != seq) return fail(misplaced_entry(seq));
  SubjectKey key;
  record::Values state = record::Values::kHere;
  if (parts.key != KeyId{}) {
    RL_ASSIGN(state, sealing_.find(parts.key, key));
  }
  if (state != record::Values::kHere) {
    RL_ASSIGN(std::string body, record::body_without_values(parts.frame));
    RL_TRY(out.put_body({}, std::move(body), state));
    return out;
  }
  std::string values(parts.values);
  if (parts.values_apart) {
    RL_ASSIGN(values, values_apart(seq));
  }
  Digest salt = sealing_.clear_salt(seq);
  if (parts.key != KeyId{}) {
    RL_ASSIGN(values, sealing_.open_values(key, seq, out.header().commitment, values));
    salt = key.salt(seq);
  }
  RL_ASSIGN(std::string body, record::join_body(out.header().table, parts.frame, values));
  RL_TRY(out.put_body(std::string(as_view(salt)), std::move(body)));
  return out;
}

Result<std::string> LogReader::values_apart(Seq seq) const {
  std::string out;
  uint32_t chunks = 1;
  for (uint32_t chunk = 0; chunk < chunks; ++chunk) {
    rocksdb::PinnableSlice record;
    RL_ASSIGN(const bool found, database_.get(Family::kBodies, body_chunk_key(seq, chunk), record, false));
    if (!found) return fail(missing("values of entry", seq.value));
    ByteReader reader(view(record));
    if (reader.u8() != kChunkVersion) return fail(ErrorCode::kCorrupt, "a large value's record has an unknown version");
    const uint32_t said = reader.u32();
    if (chunk == 0) chunks = said;
    if (said != chunks || chunks == 0 || chunks > kMaxValuesChunks)
      return fail(ErrorCode::kCorrupt,
                  fmt::format("the parts of entry {}'s large value do not fit together", seq.value));
    std::string_view rest = reader.rest();
    RL_ASSIGN(std::string bytes, decompress(rest, kValuesChunkBytes));
    if (chunk == 0 && chunks == 1) return bytes;
    out += bytes;
  }
  return out;
}

}  // namespace rowledger::store
