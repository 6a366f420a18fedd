#include "base/json_text.h"

#include <gtest/gtest.h>

namespace rowledger {
namespace {

using namespace std::string_literals;

std::string as_json(std::string_view text) {
  std::string out = "x";
  append_json_string(out, text);
  EXPECT_EQ(out.front(), 'x');
  return out.substr(1);
}

TEST(JsonString, PlainTextStays) {
  EXPECT_EQ(as_json(""), "\"\"");
  EXPECT_EQ(as_json("a/b 'c'"), "\"a/b 'c'\"");
  EXPECT_EQ(as_json("Priyā 😀 \u0939"), "\"Priyā 😀 \u0939\"");
}

TEST(JsonString, Escapes) {
  EXPECT_EQ(as_json("\"\\"), R"("\"\\")");
  EXPECT_EQ(as_json("\b\f\n\r\t"), R"("\b\f\n\r\t")");
  EXPECT_EQ(as_json("a\0b\x1f\x7f"s), R"("a\u0000b\u001f\u007f")");
}

// Each byte that belongs to no character becomes one replacement character.
TEST(JsonString, WhatIsNoUtf8IsReplaced) {
  const std::string r = "\xef\xbf\xbd";
  EXPECT_EQ(as_json("a\xff"
                    "b"),
            "\"a" + r + "b\"");
  EXPECT_EQ(as_json("\xc3"), '"' + r + '"');
  EXPECT_EQ(as_json("\xe2\x82"), '"' + r + r + '"');
  EXPECT_EQ(as_json("\xed\xa0\x80"), '"' + r + r + r + '"');
}

TEST(JsonObject, LeavesOutEmptyMembers) {
  EXPECT_EQ(json_object({}), "{}");
  EXPECT_EQ(json_object({{"a", ""}}), "{}");
  EXPECT_EQ(json_object({{"a", ""}, {"b", "1"}, {"c", ""}, {"d\"", "\n"}}), R"({"b":"1","d\"":"\n"})");
}

// Unicode's table 3-7.
TEST(Utf8, WellFormed) {
  for (const char* text : {"", "plain", "\x7f", "\xc2\x80", "\xdf\xbf", "\xe0\xa0\x80", "\xed\x9f\xbf", "\xee\x80\x80",
                           "\xef\xbf\xbf", "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf", "हिन्दी"})
    EXPECT_TRUE(is_utf8(text)) << as_json(text);
  EXPECT_TRUE(is_utf8("a\0b"s));
}

TEST(Utf8, IllFormed) {
  for (const char* text : {"\x80", "\xbf", "\xc0\x80", "\xc1\xbf", "\xc2", "\xc2\x41", "\xe0\x9f\xbf", "\xe2\x82",
                           "\xe2\x82\x41", "\xed\xa0\x80", "\xed\xbf\xbf", "\xf0\x8f\xbf\xbf", "\xf0\x90\x80",
                           "\xf0\x90\x80\xc0", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xff", "a\xfe"})
    EXPECT_FALSE(is_utf8(text)) << as_json(text);
}

}  // namespace
}  // namespace rowledger
