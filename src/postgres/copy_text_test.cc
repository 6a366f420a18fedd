#include "postgres/copy_text.h"

#include <gmock/gmock.h>

#include <string>

namespace rowledger::postgres {
namespace {

using ::testing::ElementsAre;
using Values = std::vector<std::optional<std::string>>;

Values split(std::string line) {
  std::vector<std::optional<std::string_view>> views;
  split_copy_line(line.data(), line.size(), views);
  Values out;
  for (const auto& view : views) out.push_back(view ? std::optional(std::string(*view)) : std::nullopt);
  return out;
}

TEST(CopyText, PlainValues) { EXPECT_EQ(split("1\tasha\t\n"), (Values{"1", "asha", ""})); }
TEST(CopyText, WithoutNewline) { EXPECT_EQ(split("1\t2"), (Values{"1", "2"})); }
TEST(CopyText, OneEmptyValue) { EXPECT_EQ(split("\n"), (Values{""})); }
TEST(CopyText, NullIsNotTheTextThatLooksLikeIt) {
  EXPECT_EQ(split("\\N\tN\t\\\\N\tx\\\\N\n"), (Values{std::nullopt, "N", "\\N", "x\\N"}));
}
TEST(CopyText, Escapes) {
  EXPECT_EQ(split("a\\tb\\nc\\rd\\be\\ff\\vg\\\\h\t2\n"), (Values{"a\tb\nc\rd\be\ff\vg\\h", "2"}));
}
TEST(CopyText, EscapedBackslashBeforeLetterAndAtEnds) {
  EXPECT_EQ(split("\\\\n\t\\\\\t\\\\\\\\\n"), (Values{"\\n", "\\", "\\\\"}));
}
TEST(CopyText, ReusesTheVector) {
  std::vector<std::optional<std::string_view>> views;
  std::string first = "1\t2\t3\n", second = "\\N\n";
  split_copy_line(first.data(), first.size(), views);
  split_copy_line(second.data(), second.size(), views);
  EXPECT_THAT(views, ElementsAre(std::nullopt));
}

}  // namespace
}  // namespace rowledger::postgres
