#include "base/ascii.h"

#include <gtest/gtest.h>

namespace rowledger {
namespace {

TEST(Ascii, LowerCaseChangesLettersOfAsciiOnly) {
  EXPECT_EQ(lower_case(std::string_view("X-Forwarded-FOR: @[`{ \xC3\x84")), "x-forwarded-for: @[`{ \xC3\x84");
}

TEST(Ascii, ComparesWithoutRegardToCase) {
  EXPECT_TRUE(equals_ignoring_case("gZip", "GziP"));
  EXPECT_FALSE(equals_ignoring_case("gzip", "gzip2"));
  EXPECT_FALSE(equals_ignoring_case("[", "{"));  // one bit apart, as letters are
}

TEST(Ascii, TrimsBlanksAround) {
  EXPECT_EQ(trimmed("\t a b\t "), "a b");
  EXPECT_EQ(trimmed("a"), "a");
  EXPECT_EQ(trimmed(" \t"), "");
  EXPECT_EQ(trimmed(""), "");
}

}  // namespace
}  // namespace rowledger
