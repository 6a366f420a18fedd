#include "view/mask.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <string>

#include "base/json_text.h"
#include "view/grapheme.h"
#include "view/mask_policy.h"

namespace rowledger::view {
namespace {

std::string phone(std::string_view value) { return mask_text(Mask::kPhone, value); }
std::string name(std::string_view value) { return mask_text(Mask::kName, value); }
std::string text(std::string_view value) { return mask_text(Mask::kText, value); }

TEST(Mask, ShowsTheFirstFourAndTheLastTwoOfAPhone) {
  EXPECT_EQ(phone("919812345678"), "9198******78");
  EXPECT_EQ(phone("+91 98123-45678"), "+919******78");
  EXPECT_EQ(phone("9812345678"), "9812******78");
}

TEST(Mask, NeverShowsTheWholeOfAShortNumberNorWhatIsNone) {
  for (std::string digits; digits.size() < 40; digits += static_cast<char>('0' + digits.size() % 10)) {
    const std::string shown = phone(digits);
    EXPECT_TRUE(digits.empty() || shown.find(digits) == std::string::npos) << digits;
    const size_t kept = shown.size() - 6;
    EXPECT_TRUE(digits.size() < 4 ? kept == 0 : digits.size() - kept >= 4) << digits << " " << shown;
  }
  EXPECT_EQ(phone("Asha Kumar"), kBullets);
  EXPECT_EQ(phone("919812345678 or ask Ravi"), kBullets);
}

TEST(Mask, MakesInitialsOfNames) {
  EXPECT_EQ(name("Asha Kumar"), "A. K.");
  EXPECT_EQ(name("  asha\tde  la Cruz Ruiz"), "a. d. l. C.");
  EXPECT_EQ(name("A K"), "\u2022 \u2022") << "a word of one letter would be shown whole";
  EXPECT_EQ(name("919812345678"), "\u2022");
  EXPECT_EQ(name("A. K."), kBullets) << "they would be shown whole";
  EXPECT_EQ(name(""), kBullets);
  EXPECT_EQ(name("\xff\xfe"), kBullets);
}

TEST(Mask, KeepsALetterAndItsMarksTogether) {
  EXPECT_EQ(name("श्रीकांत कुमार"), "श्री. कु.");
  EXPECT_EQ(name("श्री"), "\u2022") << "one letter as people see it";
  EXPECT_EQ(name("क्षमा"), "क्ष.");
  EXPECT_EQ(name("நித்யா"), "நி.");
  EXPECT_EQ(name("e\u0301lan"), "e\u0301.");
}

TEST(Mask, HidesNumbersAndAddressesInTexts) {
  EXPECT_EQ(text("caller 919812345678 asked"), "caller \u2022\u2022\u2022\u2022 asked");
  EXPECT_EQ(text("call +91 98123-45678, or 4 times"), "call \u2022\u2022\u2022\u2022, or 4 times");
  EXPECT_EQ(text("mail asha@example.org now"), "mail \u2022\u2022\u2022\u2022 now");
  EXPECT_EQ(text("फोन ९१९८१२३४५६७८ है"), "फोन \u2022\u2022\u2022\u2022 है");
  EXPECT_EQ(text("caller asked"), "caller asked");
  EXPECT_EQ(text("in 2026, 12 of 30"), "in 2026, 12 of 30");
}

TEST(Mask, OfADateShowsTheYear) {
  EXPECT_EQ(mask_text(Mask::kDate, "1990-04-01"), "1990-\u2022\u2022-\u2022\u2022");
  EXPECT_EQ(mask_text(Mask::kDate, "2026-11-23 09:30:01+05:30"), "2026-\u2022\u2022-\u2022\u2022");
  EXPECT_EQ(mask_text(Mask::kDate, "04/01/1990"), kBullets);
}

TEST(Mask, GivesTextThatIsUtf8WhateverItGets) {
  std::mt19937 random(7);
  const std::string_view pieces[] = {"\xe0\xa4", "श्", "\xff",   " ", "9",        "12345",
                                     "+",        "@", "\u200d", "A", "\xf0\x9f", "-"};
  for (int round = 0; round < 20'000; ++round) {
    std::string value;
    for (size_t n = random() % 12; n > 0; --n) value += pieces[random() % std::size(pieces)];
    for (const Mask mask : {Mask::kHidden, Mask::kPhone, Mask::kName, Mask::kDate, Mask::kText})
      EXPECT_TRUE(is_utf8(mask_text(mask, value))) << to_string(mask) << " of " << value;
  }
}

MaskNode places(std::vector<std::string> plain, std::vector<std::string> phones = {}) {
  auto policy = MaskPolicy::make({{.table = "t", .plain = std::move(plain), .phone = std::move(phones)}});
  EXPECT_TRUE(policy.has_value());
  return *policy->column("t", "fields");
}

std::string masked(const MaskNode& node, std::string_view json) {
  bool changed = false;
  return mask_json(node, json, changed);
}

TEST(MaskPolicy, MasksInsideJsonByPlace) {
  const MaskNode node = places({"fields/*/label"}, {"fields/*/phone"});
  EXPECT_EQ(masked(node, R"({"age": {"label": "Age", "value": "19", "phone": 919812345678}, "x": 7, "y": null})"),
            R"({"age": {"label": "Age", "phone": "9198******78", "••••": "••••"}, "x": "••••", "y": null})");
  EXPECT_EQ(masked(node, R"([{"label":1.10,"secret":[1]}])"), R"([{"label": 1.10, "••••": "••••"}])");
  EXPECT_EQ(masked(node, R"("text")"), R"("••••")");
}

TEST(MaskPolicy, RefusesWhatIsClassifiedTwice) {
  const auto fails = [](MaskSettings settings) { return !MaskPolicy::make({std::move(settings)}); };
  EXPECT_TRUE(fails({.table = "t", .plain = {"a"}, .phone = {"a"}}));
  EXPECT_TRUE(fails({.table = "t", .plain = {"a", "a/b"}}));
  EXPECT_TRUE(fails({.table = "t", .plain = {"a/b"}, .name = {"a"}}));
  EXPECT_TRUE(fails({.table = "t", .plain = {""}}));
  EXPECT_TRUE(fails({.table = "t", .plain = {"a//b"}}));
  EXPECT_FALSE(fails({.table = "t", .plain = {"a/b", "a/*"}, .name = {"c"}}));
}

TEST(MaskPolicy, KnowsNothingOfColumnsThatNobodyClassified) {
  const auto policy = MaskPolicy::make({{.table = "t", .plain = {"*"}}});
  ASSERT_TRUE(policy.has_value());
  EXPECT_EQ(policy->column("t", "phone"), nullptr) << "a star stands for members, not for columns";
  EXPECT_EQ(policy->column("u", "phone"), nullptr);
}

}  // namespace
}  // namespace rowledger::view
