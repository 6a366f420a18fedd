#pragma once
// Up to 256 consecutive entries as stored: one record of headers, one of salts and bodies
// (docs/format/store.md). Pure bytes, no database.
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "base/time.h"
#include "store/compression.h"

namespace rowledger::store {

inline constexpr uint64_t kBundleEntries = 256;
// A longer body has records of its own, so that reading its neighbours does not read it.
inline constexpr size_t kMaxInlineBody = 16 << 10;

// What can be said of a bundle without reading it: when its entries were committed, by which xids.
struct Bounds {
  Timestamp from{std::numeric_limits<int64_t>::max()}, to{std::numeric_limits<int64_t>::min()};
  uint32_t xid_min = std::numeric_limits<uint32_t>::max(), xid_max = 0;

  void add(Timestamp committed_at, std::optional<uint32_t> xid);
  void merge(const Bounds& other);
  bool operator==(const Bounds&) const = default;
};
void append_bounds(const Bounds& bounds, std::string& out);

struct BundleEntry {
  std::string_view header, salt, body;
  bool body_apart = false;  // the body is not in the bundle
};

void encode_headers(Seq first, const std::vector<BundleEntry>& entries, const Bounds& bounds, Compressor& compressor,
                    std::string& out);
void encode_bodies(Seq first, const std::vector<BundleEntry>& entries, Compressor& compressor, std::string& out);

// Decoded: all entries' bytes, found by position.
struct HeaderSection {
  Seq first;
  Bounds bounds;
  std::string bytes;
  std::vector<uint32_t> ends;

  size_t count() const { return ends.size(); }
  std::string_view header(size_t i) const {
    const uint32_t begin = i == 0 ? 0 : ends[i - 1];
    return std::string_view(bytes).substr(begin, ends[i] - begin);
  }
};
struct BodySection {
  Seq first;
  std::string bytes, salts;
  std::vector<uint32_t> ends;
  std::vector<bool> apart;

  size_t count() const { return ends.size(); }
  std::string_view body(size_t i) const {
    const uint32_t begin = i == 0 ? 0 : ends[i - 1];
    return std::string_view(bytes).substr(begin, ends[i] - begin);
  }
  std::string_view salt(size_t i) const;
};

Result<HeaderSection> decode_headers(std::string_view record);
Result<BodySection> decode_bodies(std::string_view record);

}  // namespace rowledger::store
