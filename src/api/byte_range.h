#pragma once
// The Range header of a request (RFC 9110, 14.2): one range of bytes.
#include <cstdint>
#include <optional>
#include <string_view>

namespace rowledger::api {

struct ByteRange {
  uint64_t begin, end;  // [begin, end), within the file
  bool whole;           // nothing less was asked for
};

// header: empty when there is none. What is malformed, of another unit, or more than one range is as if it were not
// there. Nothing: it begins behind the end of a file of `size` bytes.
std::optional<ByteRange> parse_byte_range(std::string_view header, uint64_t size);

}  // namespace rowledger::api
