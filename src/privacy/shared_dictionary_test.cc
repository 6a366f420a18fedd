#include "privacy/shared_dictionary.h"

#include <gtest/gtest.h>

#include <deque>

namespace rowledger::privacy {
namespace {

// Samples that own their bytes.
class Samples {
 public:
  void add(const std::string& subject, std::initializer_list<std::pair<std::string, bool>> values) {
    Sample sample{.subject = keep(subject), .values = {}};
    for (const auto& [text, is_json] : values) sample.values.push_back({.text = keep(text), .is_json = is_json});
    samples_.push_back(sample);
  }
  std::string build(size_t max_bytes = kMaxDictionaryBytes, size_t names_of_one = 1) const {
    return build_shared_dictionary(samples_, max_bytes, names_of_one);
  }

 private:
  std::string_view keep(const std::string& text) { return texts_.emplace_back(text); }
  std::deque<std::string> texts_;
  std::vector<Sample> samples_;
};

std::string fields(const std::string& city, const std::string& date) {
  return R"({"city": {"type": "string", "label": "City", "value": ")" + city + R"(", "inserted_at": ")" + date +
         R"("}})";
}

// Contacts with what all share, what few share, and what is one person's.
Samples contacts() {
  Samples samples;
  for (int i = 0; i < 200; ++i) {
    const std::string n = std::to_string(1000 + i);
    samples.add("contacts/" + n, {{"Given" + n, false},
                                  {"9190000" + n, false},
                                  {"session", false},
                                  {i < 15   ? "fifteen-share-this"
                                   : i < 31 ? "sixteen-share-this"
                                            : "valid",
                                   false},
                                  {fields(i % 2 == 0 ? "Pune" : "Town" + n, "2026-01-01T00:00:" + n), true}});
  }
  return samples;
}

bool has(const std::string& dictionary, std::string_view text) { return dictionary.find(text) != std::string::npos; }

TEST(SharedDictionary, SomebodyWithTwoNamesCountsOnce) {
  const std::string dictionary = contacts().build(kMaxDictionaryBytes, 2);
  EXPECT_TRUE(has(dictionary, "session"));
  EXPECT_FALSE(has(dictionary, "sixteen-share-this"));
}

TEST(SharedDictionary, HoldsWhatManyShareAndNothingElse) {
  const std::string dictionary = contacts().build();
  EXPECT_TRUE(has(dictionary, R"({"city": {"type": "string", "label": "City", "value": "Pune", "inserted_at": )"));
  EXPECT_TRUE(has(dictionary, "session"));
  EXPECT_TRUE(has(dictionary, "sixteen-share-this"));
  EXPECT_FALSE(has(dictionary, "fifteen-share-this"));
  for (int i = 0; i < 200; ++i) EXPECT_FALSE(has(dictionary, std::to_string(1000 + i))) << i;
  EXPECT_FALSE(has(dictionary, "Given"));
  EXPECT_FALSE(has(dictionary, "9190000"));
}

TEST(SharedDictionary, OnePersonsManyRowsCountOnce) {
  Samples samples;
  for (int i = 0; i < 300; ++i) {
    samples.add("the same", {{"phone 919876543210", false}, {"a secret of theirs, often told", false}});
    samples.add(std::to_string(i), {{"what everybody has", false}, {"and this as well, all of them", false}});
  }
  const std::string dictionary = samples.build();
  EXPECT_TRUE(has(dictionary, "what everybody has"));
  EXPECT_FALSE(has(dictionary, "919876543210"));
  EXPECT_FALSE(has(dictionary, "secret"));
}

TEST(SharedDictionary, ACombinationMustBeSharedToo) {
  // Each of the three words is many people's; all three together are one person's.
  Samples samples;
  const std::string a = "left-handed", b = "red-haired", c = "vegetarian";
  for (int i = 0; i < 40; ++i) samples.add("a" + std::to_string(i), {{a, false}, {b, false}});
  for (int i = 0; i < 40; ++i) samples.add("b" + std::to_string(i), {{b, false}, {c, false}});
  for (int i = 0; i < 5; ++i) samples.add("the one", {{a, false}, {b, false}, {c, false}});
  const std::string dictionary = samples.build();
  EXPECT_TRUE(has(dictionary, a + b) || has(dictionary, b + c));
  EXPECT_FALSE(has(dictionary, a + b + c));
}

TEST(SharedDictionary, IsDeterministicAndBounded) {
  EXPECT_EQ(contacts().build(), contacts().build());
  for (const size_t max : {0, 40, 100, 200}) EXPECT_LE(contacts().build(max).size(), max);
  EXPECT_EQ(Samples().build(), "");
  Samples one;
  one.add("only", {{"value", false}});
  EXPECT_EQ(one.build(), "");
}

TEST(SharedDictionary, JsonTokensPutTogetherAreTheText) {
  for (const std::string_view text :
       {R"({"a": 1, "b": [true, null, "x\"y"], "c": {}})", "", "{", "\"", R"("open)", R"("\)", R"({"a":"b")",
        "plain words", "[1,2,3]", "  ", ",,::", "\"a\" : 5", "\"a\"  "}) {
    std::string together;
    for (const std::string_view token : json_tokens(text)) {
      EXPECT_FALSE(token.empty());
      together += token;
    }
    EXPECT_EQ(together, text);
  }
  const auto tokens = json_tokens(R"({"a": 1, "b": "x"})");
  EXPECT_EQ(tokens, (std::vector<std::string_view>{R"({"a": )", "1", R"(, "b": )", R"("x")", "}"}));
}

}  // namespace
}  // namespace rowledger::privacy
