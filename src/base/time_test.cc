#include "base/time.h"

#include <gtest/gtest.h>

#include <limits>

namespace rowledger {
namespace {

constexpr int64_t kMaxUs = std::numeric_limits<int64_t>::max(), kMinUs = std::numeric_limits<int64_t>::min();

// 2026-11-23T09:30:01.123456Z
constexpr Timestamp kMoment{1'795'426'201'123'456};

TEST(Time, AsText) {
  EXPECT_EQ(kMoment.to_string(), "2026-11-23T09:30:01.123456Z");
  EXPECT_EQ(Timestamp{0}.to_string(), "1970-01-01T00:00:00.000000Z");
  EXPECT_EQ(Timestamp{-1}.to_string(), "1969-12-31T23:59:59.999999Z");
  EXPECT_EQ(Timestamp{Timestamp::kPostgresEpochUs}.to_string(), "2000-01-01T00:00:00.000000Z");
}

TEST(Time, OutsideOfFourDigitYearsIsTheirEnd) {
  constexpr int64_t kLastUs = 253'402'300'799'999'999, kFirstUs = -62'167'219'200'000'000;
  for (const int64_t us : {kLastUs, kLastUs + 1, kMaxUs})
    EXPECT_EQ(Timestamp{us}.to_string(), "9999-12-31T23:59:59.999999Z") << us;
  for (const int64_t us : {kFirstUs, kFirstUs - 1, kMinUs})
    EXPECT_EQ(Timestamp{us}.to_string(), "0000-01-01T00:00:00.000000Z") << us;
  EXPECT_EQ(Timestamp{kFirstUs + 1}.to_string(), "0000-01-01T00:00:00.000001Z");
}

TEST(Time, FromText) {
  struct {
    const char* text;
    Timestamp moment;
  } const cases[] = {
      {"2026-11-23T09:30:01.123456Z", kMoment},
      {"2026-11-23T09:30:01.123456z", kMoment},
      {"2026-11-23t09:30:01.123456Z", kMoment},
      {"2026-11-23 09:30:01.123456", kMoment},
      {"2026-11-23 09:30:01.123456789+00", kMoment},
      {"2026-11-23T15:00:01.123456+05:30", kMoment},
      {"2026-11-23T15:00:01.123456+0530", kMoment},
      {"2026-11-23T01:30:01.123456-08", kMoment},
      {"2026-11-22T23:30:01.123456-10:00", kMoment},
      {"2026-11-23T09:30:01.1Z", {kMoment.us - 23'456}},
      {"2026-11-23T09:30:01Z", {kMoment.us - 123'456}},
      {"2026-11-23T09:30", {kMoment.us - 1'123'456}},
      {"2026-11-23", {kMoment.us - 34'201'123'456}},
      {"1970-01-01", {0}},
      {"1969-12-31T23:59:59.999999Z", {-1}},
      {"2024-02-29", {1'709'164'800'000'000}},
      {"0001-01-01", {-62'135'596'800'000'000}},
  };
  for (const auto& c : cases) {
    const auto parsed = Timestamp::parse(c.text);
    ASSERT_TRUE(parsed) << c.text;
    EXPECT_EQ(parsed->us, c.moment.us) << c.text;
  }
}

TEST(Time, WhatIsNoTime) {
  for (const char* text : {"",
                           "2026",
                           "2026-11",
                           "2026-11-2",
                           "26-11-23",
                           "2026-13-01",
                           "2026-00-01",
                           "2026-02-29",
                           "2026-11-31",
                           "2026-11-23T",
                           "2026-11-23T9:30",
                           "2026-11-23T24:00",
                           "2026-11-23T09:60",
                           "2026-11-23T09:30:61",
                           "2026-11-23T09:30:01.",
                           "2026-11-23T09:30:01.Z",
                           "2026-11-23T09:30Zx",
                           "2026-11-23T09:30 +05",
                           "2026-11-23T09:30+5",
                           "2026-11-23T09:30+05:",
                           "2026-11-23T09:30+05:3",
                           "2026-11-23T09:30+16",
                           "2026-11-23T09:30+05:60",
                           "2026-11-23x",
                           "2026-11-23Z",
                           " 2026-11-23",
                           "2026/11/23",
                           "-026-11-23"})
    EXPECT_EQ(Timestamp::parse(text), std::nullopt) << text;
}

TEST(Time, TextComesBack) {
  for (int64_t us = -60'000'000'000'000'000; us < 250'000'000'000'000'000; us += 7'777'777'777'777'777)
    EXPECT_EQ(Timestamp::parse(Timestamp{us}.to_string()), Timestamp{us}) << us;
}

TEST(Time, PostgresCountsFrom2000) {
  EXPECT_EQ(Timestamp::from_postgres(0).us, 946'684'800'000'000);
  EXPECT_EQ(kMoment.to_postgres(), 848'741'401'123'456);
  EXPECT_EQ(Timestamp::from_postgres(kMoment.to_postgres()), kMoment);
}

// 'infinity' has the largest number on PostgreSQL's wire.
TEST(Time, PostgresInfinityStaysAtTheEnd) {
  EXPECT_EQ(Timestamp::from_postgres(kMaxUs).us, kMaxUs);
  EXPECT_EQ(Timestamp{kMinUs}.to_postgres(), kMinUs);
}

TEST(Time, NowGoesOn) {
  const Timestamp before = Timestamp::now();
  EXPECT_GT(before.us, 1'700'000'000'000'000);
  EXPECT_LE(before, Timestamp::now());
}

}  // namespace
}  // namespace rowledger
