#pragma once
// Up to 256 consecutive entries as stored: one record of headers, one of bodies (docs/format/store.md).
// Bytes and keys, no database.
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "store/compression.h"
#include "store/sealing.h"

namespace rowledger::store {

inline constexpr uint64_t kBundleEntries = 256;
// Longer values have records of their own, so that reading their neighbours does not read them.
inline constexpr size_t kMaxInlineValues = 16 << 10;

// An entry as it is stored: the header with its commitment, the body's two parts (record/body_parts.h).
struct BundleEntry {
  std::string_view header, frame;
  std::string_view values;  // sealed with `key` (Sealing::seal_values); in clear when there is none
  KeyId key;
  bool values_apart = false;  // the values are not in the bundle
};

void encode_headers(Seq first, const std::vector<BundleEntry>& entries, Compressor& compressor, std::string& out);
void encode_bodies(Seq first, const std::vector<BundleEntry>& entries, Compressor& compressor, const Sealing& sealing,
                   std::string& out);

// Decoded: all entries' bytes, found by position.
struct HeaderSection {
  Seq first;
  std::string bytes;
  std::vector<uint32_t> ends;

  size_t count() const { return ends.size(); }
  std::string_view header(size_t i) const {
    const uint32_t begin = i == 0 ? 0 : ends[i - 1];
    return std::string_view(bytes).substr(begin, ends[i] - begin);
  }
};
struct BodySection {
  struct Part {
    uint32_t frame_end = 0, values_end = 0;
    KeyId key;
    bool values_apart = false;
  };
  Seq first;
  std::string frames, values;
  std::vector<Part> parts;
  bool locked = false;  // the section's key cannot be had: count() is right, all else is missing

  size_t count() const { return parts.size(); }
  BundleEntry body(size_t i) const {
    const uint32_t frame = i == 0 ? 0 : parts[i - 1].frame_end, value = i == 0 ? 0 : parts[i - 1].values_end;
    return {{},
            std::string_view(frames).substr(frame, parts[i].frame_end - frame),
            std::string_view(values).substr(value, parts[i].values_end - value),
            parts[i].key,
            parts[i].values_apart};
  }
};

Result<HeaderSection> decode_headers(std::string_view record);
Result<BodySection> decode_bodies(std::string_view record, const Sealing& sealing);

}  // namespace rowledger::store
