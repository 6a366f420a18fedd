#include "api/byte_range.h"

#include <gtest/gtest.h>

#include <fmt/format.h>

namespace rowledger::api {
namespace {

std::string of(std::string_view header, uint64_t size) {
  const auto range = parse_byte_range(header, size);
  if (!range) return "none";
  return range->whole ? "whole" : fmt::format("{}..{}", range->begin, range->end);
}

TEST(ByteRange, IsWithinTheFile) {
  EXPECT_EQ(of("bytes=0-9", 100), "0..10");
  EXPECT_EQ(of("bytes=90-", 100), "90..100");
  EXPECT_EQ(of("bytes=90-200", 100), "90..100");
  EXPECT_EQ(of("bytes=-7", 100), "93..100");
  EXPECT_EQ(of("bytes=-700", 100), "0..100");
  EXPECT_EQ(of("bytes=0-18446744073709551615", 100), "0..100") << "one more than the largest number is none";
}

TEST(ByteRange, NothingWhenItBeginsBehindTheEnd) {
  for (const char* header : {"bytes=100-", "bytes=100-200", "bytes=-0"}) EXPECT_EQ(of(header, 100), "none") << header;
  for (const char* header : {"bytes=0-", "bytes=-1"}) EXPECT_EQ(of(header, 0), "none") << header;
}

TEST(ByteRange, WhatIsNotUnderstoodIsNotThere) {
  for (const char* header : {"", "lines=1-2", "bytes=", "bytes=-", "bytes=9-5", "bytes=a-", "bytes=1-b", "bytes=1",
                             "bytes=0-1,5-6", "bytes= 0-1", "bytes=0--1", "bytes=99999999999999999999-"})
    EXPECT_EQ(of(header, 100), "whole") << header;
}

}  // namespace
}  // namespace rowledger::api
