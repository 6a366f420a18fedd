#pragma once
// Writing and reading of the stored formats: fixed-width big-endian integers, LEB128 varints,
// and length-prefixed byte strings, over plain std::string buffers.
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace rowledger {

// Appends to a buffer that it borrows. Trivially cheap to make.
class ByteWriter {
 public:
  explicit ByteWriter(std::string& out) : out_(out) {}

  void u8(uint8_t v) { out_.push_back(static_cast<char>(v)); }
  void u16(uint16_t v) { fixed<2>(v); }
  void u32(uint32_t v) { fixed<4>(v); }
  void u64(uint64_t v) { fixed<8>(v); }
  void varint(uint64_t v) {
    char buffer[10];
    size_t n = 0;
    while (v >= 0x80) {
      buffer[n++] = static_cast<char>(v | 0x80);
      v >>= 7;
    }
    buffer[n++] = static_cast<char>(v);
    out_.append(buffer, n);
  }
  void signed_varint(int64_t v) { varint(static_cast<uint64_t>(v) << 1 ^ static_cast<uint64_t>(v >> 63)); }
  void raw(std::string_view bytes) { out_.append(bytes); }
  void string(std::string_view bytes) {
    varint(bytes.size());
    out_.append(bytes);
  }

 private:
  template <int N>
  void fixed(uint64_t v) {
    char buffer[N];
    for (int i = N; i-- > 0; v >>= 8) buffer[i] = static_cast<char>(v);
    out_.append(buffer, N);
  }
  std::string& out_;
};

// Reads from bytes that it borrows. Reading past the end, or a malformed varint, makes ok() false
// for good and yields zeros and empty strings, so that a parser may check once at its end.
class ByteReader {
 public:
  explicit ByteReader(std::string_view in) : in_(in) {}

  bool ok() const { return ok_; }
  bool at_end() const { return in_.empty(); }
  size_t remaining() const { return in_.size(); }
  std::string_view rest() const { return in_; }
  // For parsers that find a value out of range.
  void fail() {
    ok_ = false;
    in_ = {};
  }

  uint8_t u8() { return static_cast<uint8_t>(fixed<1>()); }
  uint16_t u16() { return static_cast<uint16_t>(fixed<2>()); }
  uint32_t u32() { return static_cast<uint32_t>(fixed<4>()); }
  uint64_t u64() { return fixed<8>(); }
  uint64_t varint() {
    uint64_t v = 0;
    for (int shift = 0; shift < 64 && !in_.empty(); shift += 7) {
      const auto byte = static_cast<uint8_t>(in_.front());
      in_.remove_prefix(1);
      if (shift == 63 && byte > 1) break;
      v |= static_cast<uint64_t>(byte & 0x7f) << shift;
      if (byte < 0x80) return v;
    }
    fail();
    return 0;
  }
  // A varint of at most 32 bits.
  uint32_t varint32() {
    const uint64_t v = varint();
    if (v <= UINT32_MAX) return static_cast<uint32_t>(v);
    fail();
    return 0;
  }
  int64_t signed_varint() {
    const uint64_t v = varint();
    return static_cast<int64_t>(v >> 1) ^ -static_cast<int64_t>(v & 1);
  }
  std::string_view raw(uint64_t n) {
    if (n > in_.size()) {
      fail();
      return {};
    }
    std::string_view out = in_.substr(0, n);
    in_.remove_prefix(n);
    return out;
  }
  std::string_view string() { return raw(varint()); }
  // Text ended by a zero byte, as in PostgreSQL's messages; the zero is consumed.
  std::string_view zero_terminated() {
    const size_t n = in_.find('\0');
    if (n == std::string_view::npos) {
      fail();
      return {};
    }
    std::string_view out = in_.substr(0, n);
    in_.remove_prefix(n + 1);
    return out;
  }

 private:
  template <int N>
  uint64_t fixed() {
    if (in_.size() < N) {
      fail();
      return 0;
    }
    uint64_t v = 0;
    for (int i = 0; i < N; ++i) v = v << 8 | static_cast<uint8_t>(in_[i]);
    in_.remove_prefix(N);
    return v;
  }
  std::string_view in_;
  bool ok_ = true;
};

}  // namespace rowledger
