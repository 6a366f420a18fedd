// Bundles as read from disk. The first byte says how the rest is taken: as a record; as what stands inside its
// compressed section, which bytes at random never reach; or as entries, which must come back.
#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/check.h"
#include "record/entry.h"
#include "store/bundle.h"

namespace rowledger::store {
namespace {

Compressor& compressor() {
  static Compressor one;
  return one;
}

void try_headers(std::string_view record) {
  const auto section = decode_headers(record);
  if (!section) {
    CHECK(section.error().code == ErrorCode::kCorrupt);
    return;
  }
  CHECK(section->count() >= 1 && section->count() <= kBundleEntries);
  size_t bytes = 0;
  for (size_t i = 0; i < section->count(); ++i) {
    bytes += section->header(i).size();
    (void)record::decode_header(section->header(i));
  }
  CHECK(bytes == section->bytes.size());
}

const Sealing& sealing() {
  static const Sealing one(nullptr, false, "salt");
  return one;
}

void try_bodies(std::string_view record) {
  const auto section = decode_bodies(record, sealing());
  if (!section) {
    CHECK(section.error().code == ErrorCode::kCorrupt);
    return;
  }
  CHECK(section->count() >= 1 && section->count() <= kBundleEntries);
  if (section->locked) return;
  size_t frames = 0, values = 0;
  for (size_t i = 0; i < section->count(); ++i) {
    frames += section->body(i).frame.size();
    values += section->body(i).values.size();
    if (section->parts[i].values_apart) CHECK(section->body(i).values.empty());
  }
  CHECK(frames == section->frames.size() && values == section->values.size());
}

// A record around the bytes of its compressed section; a first part stays in the clear.
std::string headers_around(std::string_view bytes) {
  constexpr size_t kCommitmentAndRef = 48;
  ByteReader reader(bytes);
  const size_t count = reader.u8() % 8;
  std::string out(1, '\x02');
  ByteWriter writer(out);
  writer.u64(256);
  writer.u16(static_cast<uint16_t>(count));
  compressor().append(reader.rest(), out);
  return out.append(count * kCommitmentAndRef, 'h');
}

std::string bodies_around(std::string_view bytes) {
  ByteReader reader(bytes);
  const size_t count = reader.u8() % 8, sealed = reader.u8();
  std::string out(1, '\x01'), section;
  ByteWriter writer(out);
  writer.u64(256);
  writer.u16(static_cast<uint16_t>(count));
  compressor().append(reader.rest(), section);
  sealing().seal_section({256}, section, false, out);
  return out.append(sealed, 'v');
}

void round_trip(std::string_view bytes) {
  ByteReader reader(bytes);
  const size_t count = 1 + reader.u8() % 8;
  std::vector<std::string> headers, frames, values;
  std::vector<BundleEntry> entries;
  for (size_t i = 0; i < count; ++i) {
    record::EntryHeader header;
    header.seq = {256 + i};
    const uint8_t parts = reader.u8();
    header.source = reader.raw(std::min<size_t>(reader.u8(), reader.remaining()));
    if (parts & 1) header.row_ref.fill(parts);
    if (parts & 2) header.actor_ref.fill(parts);
    if (parts & 4) header.tenant = "tenant";
    record::encode_header(header, headers.emplace_back());
    frames.emplace_back(reader.raw(std::min<size_t>(reader.u8(), reader.remaining())));
    values.emplace_back(reader.raw(std::min<size_t>(reader.u8(), reader.remaining())));
  }
  // In clear: beside sealed values the frames are sealed, too, for which there is no key here.
  for (size_t i = 0; i < count; ++i)
    entries.push_back({headers[i], frames[i], values[i], KeyId{}, values[i].size() == 7});
  std::string header_record, body_record;
  encode_headers({256}, entries, compressor(), header_record);
  encode_bodies({256}, entries, compressor(), sealing(), body_record);
  const auto header_section = decode_headers(header_record);
  const auto body_section = decode_bodies(body_record, sealing());
  CHECK(header_section && body_section);
  CHECK(header_section->first == Seq{256} && body_section->first == Seq{256});
  CHECK(header_section->count() == count && body_section->count() == count);
  for (size_t i = 0; i < count; ++i) {
    CHECK(header_section->header(i) == headers[i]);
    const BundleEntry body = body_section->body(i);
    CHECK(body.frame == frames[i] && body.key == entries[i].key && body.values_apart == entries[i].values_apart);
    CHECK(body.values == (body.values_apart ? "" : values[i]));
  }
}

}  // namespace
}  // namespace rowledger::store

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace rowledger::store;
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0] % 5) {
    case 0: try_headers(bytes); break;
    case 1: try_bodies(bytes); break;
    case 2: try_headers(headers_around(bytes)); break;
    case 3: try_bodies(bodies_around(bytes)); break;
    default: round_trip(bytes);
  }
  return 0;
}
