#include "record/erase_detail.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace rowledger::record {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(EraseDetailTest, NumbersOfKeys) {
  EXPECT_THAT(keys_destroyed(R"({"reason":"retention","keys":[7,8,18446744073709551615]})"),
              ElementsAre(7, 8, UINT64_MAX));
  EXPECT_THAT(keys_destroyed(R"({"keys":[7,"8",null,-1,9]})"), ElementsAre(7, 9));
  for (const char* none : {"", "{", "[]", "{}", R"({"keys":7})", R"({"keys":[]})", "null"})
    EXPECT_THAT(keys_destroyed(none), IsEmpty()) << none;
}

}  // namespace
}  // namespace rowledger::record
