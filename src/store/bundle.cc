#include "store/bundle.h"

#include <algorithm>

#include "base/bytes.h"
#include "base/check.h"
#include "record/entry.h"

namespace rowledger::store {
namespace {

constexpr uint8_t kHeadersVersion = 2, kBodiesVersion = 1;
constexpr size_t kMaxHeaderSection = kBundleEntries * (record::kMaxHeaderBytes + 3);
// A frame has the names of at most 1,664 columns, and a context.
constexpr size_t kMaxFrameBytes = 512 << 10;
constexpr size_t kMaxBodySection = kBundleEntries * (kMaxFrameBytes + kMaxInlineValues + 64);
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

Result<void> malformed_bundle() { return fail(ErrorCode::kCorrupt, "a bundle of the log is malformed"); }

Result<void> unknown_version() {
  return fail(ErrorCode::kCorrupt, "a bundle of the log has an unknown version: another version of Rowledger wrote it");
}

uint64_t read_count(ByteReader& reader) {
  const uint64_t count = reader.u16();
  if (count == 0 || count > kBundleEntries) reader.fail();
  return count;
}

}  // namespace

void encode_headers(Seq first, const std::vector<BundleEntry>& entries, Compressor& compressor, std::string& out) {
  CHECK(!entries.empty() && entries.size() <= kBundleEntries);
  ByteWriter writer(out);
  writer.u8(kHeadersVersion);
  writer.u64(first.value);
  writer.u16(static_cast<uint16_t>(entries.size()));
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
  if (reader.u8() != kHeadersVersion) return fail(unknown_version().error());
  out.first = {reader.u64()};
  const uint64_t count = read_count(reader);
  if (!reader.ok()) return fail(malformed_bundle().error());
  std::string_view rest = reader.rest();
  RL_ASSIGN(const std::string plain, decompress(rest, kMaxHeaderSection));
  ByteReader plain_reader(plain), hashes(rest);
  std::vector<size_t> sizes;
  for (uint64_t i = 0; i < count; ++i) sizes.push_back(plain_reader.varint());
  for (const size_t size : sizes) {
    // The parts byte, which says what was taken out, stands before anything taken out.
    const std::string_view ahead = plain_reader.rest();
    if (ahead.size() < 3 || size > record::kMaxHeaderBytes) return fail(malformed_bundle().error());
    std::string probe(ahead.substr(0, 3));
    probe.resize(size);
    Hashes at;
    if (!find_hashes(probe, at)) return fail(malformed_bundle().error());
    const size_t after_row = at.row_ref_at + at.row_ref_size;
    out.bytes.append(plain_reader.raw(at.row_ref_at));
    out.bytes.append(hashes.raw(at.row_ref_size));
    out.bytes.append(plain_reader.raw(size - kCommitmentBytes - after_row));
    out.bytes.append(hashes.raw(kCommitmentBytes));
    out.ends.push_back(static_cast<uint32_t>(out.bytes.size()));
  }
  if (!plain_reader.ok() || !hashes.ok() || !plain_reader.at_end() || !hashes.at_end())
    return fail(malformed_bundle().error());
  return out;
}

// Entries in clear keep their values among the frames, where they compress together; sealed ones would not.
void encode_bodies(Seq first, const std::vector<BundleEntry>& entries, Compressor& compressor, const Sealing& sealing,
                   std::string& out) {
  CHECK(!entries.empty() && entries.size() <= kBundleEntries);
  ByteWriter writer(out);
  writer.u8(kBodiesVersion);
  writer.u64(first.value);
  writer.u16(static_cast<uint16_t>(entries.size()));
  std::string plain, section;
  bool has_sealed = false;
  ByteWriter plain_writer(plain);
  for (const BundleEntry& entry : entries) {
    CHECK(entry.frame.size() <= kMaxFrameBytes);
    has_sealed = has_sealed || entry.key != KeyId{};
    plain_writer.varint(entry.frame.size());
    plain_writer.varint(entry.key.value);
    plain_writer.varint(entry.values_apart ? 0 : entry.values.size() + 1);
  }
  for (const BundleEntry& entry : entries) plain.append(entry.frame);
  for (const BundleEntry& entry : entries)
    if (entry.key == KeyId{} && !entry.values_apart) plain.append(entry.values);
  compressor.append(plain, section);
  sealing.seal_section(first, section, has_sealed, out);
  for (const BundleEntry& entry : entries)
    if (entry.key != KeyId{} && !entry.values_apart) out.append(entry.values);
}

namespace {

struct PartSizes {
  uint64_t frame = 0, values = 0;
};

// The table of sizes, and the frames behind it.
bool read_frames(ByteReader& plain, uint64_t count, BodySection& out, std::vector<PartSizes>& sizes) {
  uint64_t frames_end = 0, values_end = 0;
  for (uint64_t i = 0; i < count && plain.ok(); ++i) {
    PartSizes size;
    size.frame = plain.varint();
    const KeyId key{plain.varint()};
    const uint64_t values = plain.varint();
    if (size.frame > kMaxFrameBytes || values > kMaxInlineValues + kSealOverheadBytes + 1) return false;
    size.values = values == 0 ? 0 : values - 1;
    frames_end += size.frame;
    values_end += size.values;
    out.parts.push_back({static_cast<uint32_t>(frames_end), static_cast<uint32_t>(values_end), key, values == 0});
    sizes.push_back(size);
  }
  out.frames = plain.raw(frames_end);
  return plain.ok();
}

}  // namespace

Result<BodySection> decode_bodies(std::string_view record, const Sealing& sealing) {
  ByteReader reader(record);
  BodySection out;
  if (reader.u8() != kBodiesVersion) return fail(unknown_version().error());
  out.first = {reader.u64()};
  const uint64_t count = read_count(reader);
  if (!reader.ok()) return fail(malformed_bundle().error());
  std::string_view rest = reader.rest();
  RL_ASSIGN(const std::optional<Sealing::Section> section, sealing.open_section(out.first, rest));
  if (!section) {
    out.parts.resize(count);
    out.locked = true;
    return out;
  }
  std::string_view compressed = section->bytes;
  RL_ASSIGN(const std::string plain, decompress(compressed, kMaxBodySection));
  ByteReader plain_reader(plain), sealed(rest);
  std::vector<PartSizes> sizes;
  if (!compressed.empty() || !read_frames(plain_reader, count, out, sizes)) return fail(malformed_bundle().error());
  // Nothing would bind the frames of entries that were erased.
  if (section->in_clear && !std::ranges::all_of(out.parts, [](const auto& part) { return part.key == KeyId{}; }))
    return fail(ErrorCode::kCorrupt, "a bundle has sealed values, but its frames are in clear: it was altered");
  for (uint64_t i = 0; i < count; ++i)
    out.values.append(out.parts[i].key == KeyId{} ? plain_reader.raw(sizes[i].values) : sealed.raw(sizes[i].values));
  if (!plain_reader.ok() || !plain_reader.at_end() || !sealed.ok() || !sealed.at_end())
    return fail(malformed_bundle().error());
  return out;
}

}  // namespace rowledger::store
