#include "store/bundle.h"

#include <algorithm>

#include "base/bytes.h"
#include "base/check.h"
#include "record/entry.h"

namespace rowledger::store {
namespace {

constexpr uint8_t kVersion = 1;
constexpr size_t kMaxHeaderSection = kBundleEntries * (record::kMaxHeaderBytes + 3);
constexpr size_t kMaxBodySection = kBundleEntries * (kMaxInlineBody + 3);
constexpr size_t kCommitmentBytes = 32, kRefBytes = 16;

// Keyed hashes and commitments do not compress, and their bytes among the others spoil what does: they are
// stored beside the compressed part. Where they stand in an entry's header: docs/format/entry.md.
struct Hashes {
  size_t row_ref_at = 0, row_ref_size = 0;  // then what remains (the actor's reference), then the commitment
};

bool find_hashes(std::string_view header, Hashes& out) {
  constexpr uint8_t kHeaderVersion = 1, kHasRow = 8, kHasActor = 16;
  if (header.size() < 3 || header[0] != kHeaderVersion) return false;
  const auto parts = static_cast<uint8_t>(header[2]);
  const size_t actor = parts & kHasActor ? kRefBytes : 0;
  out.row_ref_size = parts & kHasRow ? kRefBytes : 0;
  if (header.size() < 3 + kCommitmentBytes + actor + out.row_ref_size) return false;
  out.row_ref_at = header.size() - kCommitmentBytes - actor - out.row_ref_size;
  return true;
}

Result<void> malformed() { return fail(ErrorCode::kCorrupt, "a bundle of the log is malformed"); }

uint64_t read_count(ByteReader& reader) {
  const uint64_t count = reader.u16();
  if (count == 0 || count > kBundleEntries) reader.fail();
  return count;
}

}  // namespace

void Bounds::add(Timestamp committed_at, std::optional<uint32_t> xid) {
  from = std::min(from, committed_at);
  to = std::max(to, committed_at);
  if (xid) {
    xid_min = std::min(xid_min, *xid);
    xid_max = std::max(xid_max, *xid);
  }
}

void Bounds::merge(const Bounds& other) {
  from = std::min(from, other.from);
  to = std::max(to, other.to);
  xid_min = std::min(xid_min, other.xid_min);
  xid_max = std::max(xid_max, other.xid_max);
}

void append_bounds(const Bounds& bounds, std::string& out) {
  ByteWriter writer(out);
  writer.u64(static_cast<uint64_t>(bounds.from.us));
  writer.u64(static_cast<uint64_t>(bounds.to.us));
  writer.u32(bounds.xid_min);
  writer.u32(bounds.xid_max);
}

void encode_headers(Seq first, const std::vector<BundleEntry>& entries, const Bounds& bounds, Compressor& compressor,
                    std::string& out) {
  CHECK(!entries.empty() && entries.size() <= kBundleEntries);
  ByteWriter writer(out);
  writer.u8(kVersion);
  writer.u64(first.value);
  writer.u16(static_cast<uint16_t>(entries.size()));
  append_bounds(bounds, out);
  std::string plain, hashes;
  ByteWriter plain_writer(plain);
  for (const BundleEntry& entry : entries) plain_writer.varint(entry.header.size());
  for (const BundleEntry& entry : entries) {
    Hashes at;
    CHECK(find_hashes(entry.header, at));
    const size_t commitment_at = entry.header.size() - kCommitmentBytes;
    const size_t after_row = at.row_ref_at + at.row_ref_size;
    plain.append(entry.header.substr(0, at.row_ref_at));
    plain.append(entry.header.substr(after_row, commitment_at - after_row));
    hashes.append(entry.header.substr(at.row_ref_at, at.row_ref_size));
    hashes.append(entry.header.substr(commitment_at));
  }
  compressor.append(plain, out);
  out.append(hashes);
}

Result<HeaderSection> decode_headers(std::string_view record) {
  ByteReader reader(record);
  HeaderSection out;
  if (reader.u8() != kVersion) reader.fail();
  out.first = {reader.u64()};
  const uint64_t count = read_count(reader);
  out.bounds.from = {static_cast<int64_t>(reader.u64())};
  out.bounds.to = {static_cast<int64_t>(reader.u64())};
  out.bounds.xid_min = reader.u32();
  out.bounds.xid_max = reader.u32();
  if (!reader.ok()) return fail(malformed().error());
  std::string_view rest = reader.rest();
  RL_ASSIGN(const std::string plain, decompress(rest, kMaxHeaderSection));
  ByteReader plain_reader(plain), hashes(rest);
  std::vector<size_t> sizes;
  for (uint64_t i = 0; i < count; ++i) sizes.push_back(plain_reader.varint());
  for (const size_t size : sizes) {
    // The parts byte, which says what was taken out, stands before anything taken out.
    const std::string_view ahead = plain_reader.rest();
    if (ahead.size() < 3 || size > record::kMaxHeaderBytes) return fail(malformed().error());
    std::string probe(ahead.substr(0, 3));
    probe.resize(size);
    Hashes at;
    if (!find_hashes(probe, at)) return fail(malformed().error());
    const size_t after_row = at.row_ref_at + at.row_ref_size;
    out.bytes.append(plain_reader.raw(at.row_ref_at));
    out.bytes.append(hashes.raw(at.row_ref_size));
    out.bytes.append(plain_reader.raw(size - kCommitmentBytes - after_row));
    out.bytes.append(hashes.raw(kCommitmentBytes));
    out.ends.push_back(static_cast<uint32_t>(out.bytes.size()));
  }
  if (!plain_reader.ok() || !hashes.ok() || !plain_reader.at_end() || !hashes.at_end())
    return fail(malformed().error());
  return out;
}

void encode_bodies(Seq first, const std::vector<BundleEntry>& entries, Compressor& compressor, std::string& out) {
  CHECK(!entries.empty() && entries.size() <= kBundleEntries);
  ByteWriter writer(out);
  writer.u8(kVersion);
  writer.u64(first.value);
  writer.u16(static_cast<uint16_t>(entries.size()));
  std::string plain;
  ByteWriter plain_writer(plain);
  for (const BundleEntry& entry : entries) plain_writer.varint(entry.body_apart ? 0 : entry.body.size() + 1);
  for (const BundleEntry& entry : entries)
    if (!entry.body_apart) plain.append(entry.body);
  compressor.append(plain, out);
  for (const BundleEntry& entry : entries) {
    CHECK(entry.salt.size() == record::kSaltBytes);
    out.append(entry.salt);
  }
}

Result<BodySection> decode_bodies(std::string_view record) {
  ByteReader reader(record);
  BodySection out;
  if (reader.u8() != kVersion) reader.fail();
  out.first = {reader.u64()};
  const uint64_t count = read_count(reader);
  if (!reader.ok()) return fail(malformed().error());
  std::string_view rest = reader.rest();
  RL_ASSIGN(std::string plain, decompress(rest, kMaxBodySection));
  ByteReader plain_reader(plain);
  uint64_t end = 0;
  for (uint64_t i = 0; i < count; ++i) {
    const uint64_t size = plain_reader.varint();
    out.apart.push_back(size == 0);
    if (size > kMaxInlineBody + 1) plain_reader.fail();
    end += size == 0 ? 0 : size - 1;
    out.ends.push_back(static_cast<uint32_t>(end));
  }
  if (!plain_reader.ok() || plain_reader.remaining() != end || rest.size() != count * record::kSaltBytes)
    return fail(malformed().error());
  plain.erase(0, plain.size() - end);
  out.bytes = std::move(plain);
  out.salts = rest;
  return out;
}

std::string_view BodySection::salt(size_t i) const {
  return std::string_view(salts).substr(i * record::kSaltBytes, record::kSaltBytes);
}

}  // namespace rowledger::store
