#include "base/bytes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <vector>

namespace rowledger {
namespace {

using namespace std::string_literals;
constexpr uint64_t kMax = std::numeric_limits<uint64_t>::max();

template <class Write>
std::string written(Write write) {
  std::string out = "before";
  ByteWriter writer(out);
  write(writer);
  EXPECT_TRUE(out.starts_with("before"));
  return out.substr(6);
}
std::string varint(uint64_t v) {
  return written([&](ByteWriter& w) { w.varint(v); });
}

TEST(Bytes, FixedWidthIsBigEndian) {
  EXPECT_EQ(written([](ByteWriter& w) {
              w.u8(0x01);
              w.u16(0x0203);
              w.u32(0x04050607);
              w.u64(0x08090a0b0c0d0e0f);
            }),
            "\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f");
}

TEST(Bytes, VarintIsLeb128) {
  EXPECT_EQ(varint(0), "\0"s);
  EXPECT_EQ(varint(127), "\x7f");
  EXPECT_EQ(varint(128), "\x80\x01");
  EXPECT_EQ(varint(300), "\xac\x02");
  EXPECT_EQ(varint(kMax), "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01");
}

TEST(Bytes, SignedVarintIsZigZag) {
  const auto of = [](int64_t v) { return written([&](ByteWriter& w) { w.signed_varint(v); }); };
  EXPECT_EQ(of(0), "\0"s);
  EXPECT_EQ(of(-1), "\x01");
  EXPECT_EQ(of(1), "\x02");
  EXPECT_EQ(of(-2), "\x03");
  EXPECT_EQ(of(std::numeric_limits<int64_t>::min()), varint(kMax));
  EXPECT_EQ(of(std::numeric_limits<int64_t>::max()), varint(kMax - 1));
}

TEST(Bytes, ReadsBackWhatWasWritten) {
  std::string bytes;
  ByteWriter writer(bytes);
  writer.u8(0xff);
  writer.u16(0xfffe);
  writer.u32(0xfffffffd);
  writer.u64(kMax - 3);
  writer.signed_varint(std::numeric_limits<int64_t>::min());
  writer.string("a\0b"s);
  writer.string("");
  writer.raw("raw");
  ByteReader reader(bytes);
  EXPECT_EQ(reader.u8(), 0xff);
  EXPECT_EQ(reader.u16(), 0xfffe);
  EXPECT_EQ(reader.u32(), 0xfffffffd);
  EXPECT_EQ(reader.u64(), kMax - 3);
  EXPECT_EQ(reader.signed_varint(), std::numeric_limits<int64_t>::min());
  EXPECT_EQ(reader.string(), "a\0b"s);
  EXPECT_EQ(reader.string(), "");
  EXPECT_EQ(reader.rest(), "raw");
  EXPECT_EQ(reader.raw(3), "raw");
  EXPECT_TRUE(reader.at_end());
  EXPECT_TRUE(reader.ok());
}

TEST(Bytes, EveryPowerOfTwoComesBackFromAVarint) {
  for (int bit = 0; bit < 64; ++bit) {
    for (const uint64_t v : {uint64_t{1} << bit, (uint64_t{1} << bit) - 1}) {
      const std::string bytes = varint(v);
      ByteReader reader(bytes);
      EXPECT_EQ(reader.varint(), v);
      EXPECT_TRUE(reader.ok() && reader.at_end());
    }
  }
}

TEST(Bytes, BrokenVarintsFail) {
  for (const std::string& bytes :
       {""s, "\x80"s, "\xff\xff\xff\xff\xff\xff\xff\xff\xff"s, "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02"s,
        "\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01"s}) {
    ByteReader reader(bytes);
    EXPECT_EQ(reader.varint(), 0u);
    EXPECT_FALSE(reader.ok());
  }
}

TEST(Bytes, AVarintOf32BitsTakesNoMore) {
  const std::string largest = varint(UINT32_MAX), larger = varint(uint64_t{UINT32_MAX} + 1);
  ByteReader good(largest), bad(larger);
  EXPECT_EQ(good.varint32(), UINT32_MAX);
  EXPECT_TRUE(good.ok());
  EXPECT_EQ(bad.varint32(), 0u);
  EXPECT_FALSE(bad.ok());
}

TEST(Bytes, ReadingPastTheEndFailsForGood) {
  using Read = void (*)(ByteReader&);
  for (const Read read : std::vector<Read>{
           [](ByteReader& r) { EXPECT_EQ(r.u16(), 0); },  //
           [](ByteReader& r) { EXPECT_EQ(r.u32(), 0u); }, [](ByteReader& r) { EXPECT_EQ(r.u64(), 0u); },
           [](ByteReader& r) { EXPECT_EQ(r.raw(2), ""); }, [](ByteReader& r) { EXPECT_EQ(r.raw(kMax), ""); },
           [](ByteReader& r) { EXPECT_EQ(r.string(), ""); },
           [](ByteReader& r) { EXPECT_EQ(r.zero_terminated(), ""); }}) {
    ByteReader reader("\x05");
    read(reader);
    EXPECT_FALSE(reader.ok());
    EXPECT_TRUE(reader.at_end());
    EXPECT_EQ(reader.u8(), 0) << "what is left must not be read as something else";
    EXPECT_FALSE(reader.ok());
  }
}

TEST(Bytes, ZeroTerminatedTextTakesItsZero) {
  const std::string bytes = "a\0\0b"s;
  ByteReader reader(bytes);
  EXPECT_EQ(reader.zero_terminated(), "a");
  EXPECT_EQ(reader.zero_terminated(), "");
  EXPECT_EQ(reader.rest(), "b");
}

}  // namespace
}  // namespace rowledger
