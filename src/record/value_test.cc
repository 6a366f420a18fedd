#include "record/value.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

namespace rowledger::record {
namespace {

using namespace std::string_literals;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::string image_of(const std::vector<Value>& values) {
  std::string out;
  for (const Value& value : values) append_value(out, value);
  return out;
}

TEST(RowImage, ComesBack) {
  const std::string long_text(300, 'x'), odd = "\0\xff"s;
  const std::vector<Value> row = {Value::of("42"), Value::null(),  Value::unknown(),    {},
                                  Value::of(""),   Value::of(odd), Value::of(long_text)};
  const std::string image = image_of(row);
  std::vector<Value> decoded = {Value::of("what stood here before")};
  ASSERT_TRUE(decode_image(image, row.size(), decoded));
  EXPECT_EQ(decoded, row);
  ASSERT_TRUE(decode_image("", 0, decoded));
  EXPECT_THAT(decoded, IsEmpty());
}

TEST(RowImage, EmptyTextIsNotNull) {
  EXPECT_EQ(image_of({{}}), "\0"s);
  EXPECT_EQ(image_of({Value::null()}), "\x01");
  EXPECT_EQ(image_of({Value::unknown()}), "\x02");
  EXPECT_EQ(image_of({Value::of("")}), "\x03");
  EXPECT_EQ(image_of({Value::of("a")}),
            "\x04"
            "a");
}

TEST(RowImage, RefusesWhatIsMalformed) {
  const std::string good = image_of({Value::of("42"), Value::null(), Value::of("abc")});
  std::vector<Value> out;
  ASSERT_TRUE(decode_image(good, 3, out));
  for (const size_t columns : {0u, 1u, 2u, 4u}) EXPECT_FALSE(decode_image(good, columns, out)) << columns;
  for (size_t length = 0; length < good.size(); ++length) EXPECT_FALSE(decode_image(good.substr(0, length), 3, out));
  EXPECT_FALSE(decode_image("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 1, out)) << "a length beyond the end";
}

TEST(RowKey, ComesBack) {
  for (const std::vector<std::string_view>& parts :
       std::vector<std::vector<std::string_view>>{{}, {"42"}, {""}, {"a", ""}, {"", "a"}, {"a,b", "c/d", "\xff"}})
    EXPECT_EQ(decode_key(encode_key(parts)), parts);
  EXPECT_EQ(encode_key({"a", "b"}), "a\0b\0"s);
}

TEST(RowKey, WithoutItsLastZeroIsReadAllTheSame) { EXPECT_THAT(decode_key("a\0b"s), ElementsAre("a", "b")); }

TEST(RowKey, SortsAsItsParts) {
  std::vector<std::vector<std::string_view>> keys = {{"a", "b"}, {"a"},     {"", "z"}, {"ab"},
                                                     {"a", "a"}, {"a\x01"}, {"\xff"}};
  std::ranges::sort(keys);
  std::vector<std::string> bytes;
  bytes.reserve(keys.size());
  for (const auto& key : keys) bytes.push_back(encode_key(key));
  EXPECT_TRUE(std::ranges::is_sorted(bytes));
}

}  // namespace
}  // namespace rowledger::record
