#include "base/local_time.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <ctime>

namespace rowledger {
namespace {

class LocalTime : public ::testing::Test {
 protected:
  void TearDown() override { set_time_zone("UTC"); }

  static std::string first(std::string_view text) {
    const auto span = parse_time_span(text);
    return span ? span->first.to_string() : "none";
  }
  static std::string last(std::string_view text) {
    const auto span = parse_time_span(text);
    return span ? span->last.to_string() : "none";
  }
};

TEST_F(LocalTime, WhatIsShownIsRead) {
  for (const char* zone : {"UTC", "Asia/Kolkata", "America/New_York", "Asia/Kathmandu", "Pacific/Chatham"}) {
    ASSERT_TRUE(set_time_zone(zone));
    // A step that meets all hours and both sides of the changes of the clock.
    for (int64_t s = 1'700'000'000; s < 1'740'000'000; s += 123'457) {
      const Timestamp time{s * 1'000'000};
      const std::string shown = show_time(time);
      ASSERT_TRUE(is_shown_time(shown)) << shown;
      const auto read = parse_time_span(shown);
      ASSERT_TRUE(read) << shown;
      EXPECT_EQ(read->first, time) << zone << " " << shown;
      EXPECT_EQ(read->last, Timestamp{time.us + 999'999}) << shown;
    }
  }
}

TEST_F(LocalTime, WithoutAZoneItIsTheProcesssZone) {
  ASSERT_TRUE(set_time_zone("Asia/Kolkata"));
  EXPECT_EQ(first("2026-11-26T02:47:06"), "2026-11-25T21:17:06.000000Z");
  EXPECT_EQ(first("2026-11-26 02:47"), "2026-11-25T21:17:00.000000Z");
  EXPECT_EQ(last("2026-11-26 02:47"), "2026-11-25T21:17:59.999999Z");
  EXPECT_EQ(first("26 Nov 2026 02:47:06"), "2026-11-25T21:17:06.000000Z");
  EXPECT_EQ(first("2026-11-26T02:47:06.25"), "2026-11-25T21:17:06.250000Z");
  EXPECT_EQ(last("2026-11-26T02:47:06.25"), "2026-11-25T21:17:06.250000Z");
  EXPECT_EQ(first("2026-11-26T02:47:06Z"), "2026-11-26T02:47:06.000000Z");
  EXPECT_EQ(first("2026-11-26T02:47+01:00"), "2026-11-26T01:47:00.000000Z");
}

TEST_F(LocalTime, DaysAndMonthsAreThoseOfTheZone) {
  ASSERT_TRUE(set_time_zone("Asia/Kolkata"));
  EXPECT_EQ(first("2026-11-26"), "2026-11-25T18:30:00.000000Z");
  EXPECT_EQ(last("2026-11-26"), "2026-11-26T18:29:59.999999Z");
  EXPECT_EQ(first("26 Nov 2026"), "2026-11-25T18:30:00.000000Z");
  EXPECT_EQ(last("2026-12"), "2026-12-31T18:29:59.999999Z");
  ASSERT_TRUE(set_time_zone("America/New_York"));
  EXPECT_EQ(first("2026-11-01"), "2026-11-01T04:00:00.000000Z");
  EXPECT_EQ(last("2026-11-01"), "2026-11-02T04:59:59.999999Z");  // 25 hours
}

TEST_F(LocalTime, WhatIsNoTime) {
  for (const char* text : {"", "yesterdayish", "26 Nvo 2026", "2026-13", "2026-13-01", "31 Feb 2026",
                           "26 Nov 2026 02:47:06 +05:30 x", "126 Nov 2026", "2026-11-26T25:00", "26 Nov 26"})
    EXPECT_FALSE(parse_time_span(text)) << text;
}

TEST_F(LocalTime, UnknownZonesAreUtc) {
  EXPECT_FALSE(set_time_zone("Mars/Olympus"));
  EXPECT_FALSE(set_time_zone("../etc/passwd"));
  EXPECT_EQ(show_time({0}), "01 Jan 1970 00:00:00 +00:00");
}

}  // namespace
}  // namespace rowledger
