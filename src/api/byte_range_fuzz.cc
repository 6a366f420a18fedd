// A Range header from anybody, over a file of any size.
#include "api/byte_range.h"

#include <cstring>

#include "base/check.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  uint64_t file_bytes = 0;
  if (size < sizeof file_bytes) return 0;
  std::memcpy(&file_bytes, data, sizeof file_bytes);
  const std::string_view header(reinterpret_cast<const char*>(data) + sizeof file_bytes, size - sizeof file_bytes);
  for (const uint64_t bytes : {file_bytes, file_bytes % 1'000, uint64_t{0}}) {
    const auto range = rowledger::api::parse_byte_range(header, bytes);
    if (!range) continue;
    CHECK(range->end <= bytes);
    if (range->whole) {
      CHECK(range->begin == 0 && range->end == bytes);
    } else {
      CHECK(range->begin < range->end && header.starts_with("bytes="));
    }
  }
  return 0;
}
