#include "store/key_days.h"

#include <gtest/gtest.h>

namespace rowledger::store {
namespace {

TEST(KeyDays, AreReadAsTheyAreWritten) {
  KeyDays days;
  EXPECT_EQ(days.format(), "");
  days.add(20'830, 20'860);
  days.add(20'800, 20'830);
  days.add(20'800, 20'810);
  EXPECT_EQ(days.format(), "20800-20830\n20830-20860\n");
  EXPECT_EQ(KeyDays::parse(days.format()).value(), days);
  EXPECT_TRUE(KeyDays::parse("").value().empty());
  for (const char* text : {"1", "1-2", "-2\n", "1-\n", "x-2\n", "1-2\n3", "1-2\n\n", "99999999999-1\n"})
    EXPECT_EQ(KeyDays::parse(text).error().code, ErrorCode::kCorrupt) << text;
}

TEST(KeyDays, LeadToTheRangesOfTheirTime) {
  using Ranges = std::vector<uint64_t>;
  KeyDays days;
  days.add(100, 130);
  // A range begins every twenty days, on day 40 the first.
  std::vector<KeyDays::Begin> begins;
  for (uint32_t day = 40; day <= 240; day += 20) begins.push_back({day, day + 1});
  // From day 100 on, one before for what waited, one more because another day's beginning stands in it.
  EXPECT_EQ(days.ranges(begins), (Ranges{1, 2, 3, 4}));
  days.add(215, 216);
  EXPECT_EQ(days.ranges(begins), (Ranges{1, 2, 3, 4, 7, 8}));
  EXPECT_EQ(days.ranges({{90, 95}}), (Ranges{0})) << "the newest range has no end";
  EXPECT_EQ(days.ranges({{90, 300}}), (Ranges{0})) << "its first entry counts";
  EXPECT_EQ(days.ranges({{217, 217}}), (Ranges{}));
  EXPECT_EQ(days.ranges({}), (Ranges{}));
}

// A line that was noted while the program was not running is taken over with its time.
TEST(KeyDays, AnEntryNotedLongBeforeHidesNoRange) {
  KeyDays days;
  days.add(100, 130);
  EXPECT_EQ(days.ranges({{80, 81}, {90, 91}, {2, 140}, {3, 150}}), (std::vector<uint64_t>{0, 1, 2, 3}));
}

}  // namespace
}  // namespace rowledger::store
