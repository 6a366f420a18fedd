#include "privacy/record_compressor.h"

#include <gtest/gtest.h>

#include "base/crypto.h"

namespace rowledger::privacy {
namespace {

const std::string kDictionary =
    R"({"city": {"type": "string", "label": "City", "value": "Pune", "inserted_at": "2026-01-01T00:00:00Z"}})";

std::string compressed(std::string_view record, const RecordDictionary* dictionary) {
  std::string out;
  compress_record(record, dictionary, out);
  return out;
}

FindDictionary only(const RecordDictionary& dictionary) {
  return [&](uint32_t number) { return number == dictionary.number() ? &dictionary : nullptr; };
}

const FindDictionary kNone = [](uint32_t) { return nullptr; };

TEST(RecordCompressorTest, RoundTripOfEverySize) {
  const RecordDictionary dictionary(300, kDictionary, 0);
  for (const RecordDictionary* used : {static_cast<const RecordDictionary*>(nullptr), &dictionary}) {
    for (size_t size = 0; size < 700'000; size = size * 3 / 2 + 1) {
      std::string text;
      while (text.size() < size) text += kDictionary + std::to_string(text.size());
      text.resize(size);
      for (const std::string& record : {text, random_bytes(size), std::string(size, 'x')}) {
        std::string out = "before", back = "kept";
        compress_record(record, used, out);
        EXPECT_LE(out.size(), 6 + record.size() + 1);
        ASSERT_TRUE(decompress_record(std::string_view(out).substr(6), only(dictionary), size, back));
        EXPECT_EQ(back, "kept" + record);
        if (size > 0) {
          back = "kept";
          EXPECT_EQ(decompress_record(std::string_view(out).substr(6), only(dictionary), size - 1, back).error().code,
                    ErrorCode::kCorrupt);
          EXPECT_EQ(back, "kept");
        }
      }
    }
  }
}

// The sizes around which another way is taken.
TEST(RecordCompressorTest, RoundTripWhereTheMethodChanges) {
  const RecordDictionary dictionary(1, kDictionary, 0);
  for (const size_t size : {127, 128, 16'383, 16'384, 65'535, 65'536}) {
    std::string record;
    while (record.size() < size) record += kDictionary;
    record.resize(size);
    for (const RecordDictionary* used : {static_cast<const RecordDictionary*>(nullptr), &dictionary}) {
      std::string back;
      ASSERT_TRUE(decompress_record(compressed(record, used), only(dictionary), size, back)) << size;
      EXPECT_EQ(back, record);
    }
  }
}

TEST(RecordCompressorTest, ADictionaryShortens) {
  const RecordDictionary dictionary(1, kDictionary, 0);
  const std::string record = "n" + kDictionary + kDictionary;
  EXPECT_LT(compressed(record, &dictionary).size(), 20U);
  EXPECT_LT(compressed(record, &dictionary).size(), compressed(record, nullptr).size());
}

TEST(RecordCompressorTest, ShortAndRandomRecordsStayAsTheyAre) {
  EXPECT_EQ(compressed("", nullptr), std::string(1, '\0'));
  EXPECT_EQ(compressed("short", nullptr), std::string("\0short", 6));
  const std::string random = random_bytes(100);
  EXPECT_EQ(compressed(random, nullptr), std::string(1, '\0') + random);
}

TEST(RecordCompressorTest, AlteredBytesNeverCrash) {
  const RecordDictionary dictionary(1, kDictionary, 0);
  const std::string whole = compressed(kDictionary + " and more of it, more of it", &dictionary);
  std::string out;
  for (size_t i = 0; i < whole.size(); ++i) {
    for (int bit = 0; bit < 8; ++bit) {
      std::string altered = whole;
      altered[i] = static_cast<char>(altered[i] ^ (1 << bit));
      out.clear();
      const auto back = decompress_record(altered, only(dictionary), 10'000, out);
      EXPECT_TRUE(back || out.empty());
      EXPECT_LE(out.size(), 10'000U);
    }
    out.clear();
    EXPECT_FALSE(decompress_record(whole.substr(0, i), only(dictionary), 10'000, out) && out == kDictionary);
  }
  EXPECT_FALSE(decompress_record("", kNone, 100, out));
}

TEST(RecordCompressorTest, AnotherDictionaryIsNotTakenForIt) {
  const RecordDictionary dictionary(1, kDictionary, 0), other(2, kDictionary, 0);
  std::string out = "kept";
  const auto back = decompress_record(compressed(kDictionary + kDictionary, &dictionary), only(other), 10'000, out);
  ASSERT_FALSE(back);
  EXPECT_EQ(back.error().message, "a record was compressed with a dictionary that is not here");
  EXPECT_EQ(out, "kept");
}

}  // namespace
}  // namespace rowledger::privacy
