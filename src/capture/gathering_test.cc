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

}  // namespace
}  // namespace rowledger::capture
