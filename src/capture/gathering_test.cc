#include "capture/gathering.h"

#include <gtest/gtest.h>

namespace rowledger::capture {
namespace {

using namespace std::chrono_literals;

TEST(Gathering, AQuietSourceIsTakenAlmostAtOnce) {
  EXPECT_EQ(gathering_time(4, 10s), 2ms);
  EXPECT_EQ(gathering_time(4, 2ms), 2ms);
}

TEST(Gathering, TheWaitGrowsWithTheRateToALimit) {
  EXPECT_EQ(gathering_time(80, 5ms), 10ms);
  EXPECT_EQ(gathering_time(160, 10ms), 10ms) << "the same rate";
  EXPECT_EQ(gathering_time(1'000'000, 10ms), 20ms);
}

TEST(Gathering, NoTimeBetweenIsNoError) { EXPECT_EQ(gathering_time(1, 0us), 20ms); }

TEST(Gathering, ABulkChangeIsToldFromManySmallOnes) {
  EXPECT_TRUE(is_flood(80'000, 2'300us)) << "a Unix socket full in 2 ms";
  EXPECT_FALSE(is_flood(70'000, 9ms)) << "7,000 transactions a second";
  EXPECT_FALSE(is_flood(1'000, 10us));
}

TEST(Gathering, EndsWhenEnoughIsThereOrNoMoreComes) {
  EXPECT_FALSE(ends_gathering(20'000, 0));
  EXPECT_FALSE(ends_gathering(40'000, 20'000));
  EXPECT_TRUE(ends_gathering(40'000, 40'000)) << "the source waits for us";
  EXPECT_TRUE(ends_gathering(0, 0)) << "it is quiet";
  EXPECT_TRUE(ends_gathering(64 << 10, 20'000));
}

}  // namespace
}  // namespace rowledger::capture
