#include "privacy/record_compressor.h"

#include <gtest/gtest.h>

#include "base/crypto.h"

namespace rowledger::privacy {
namespace {

const std::string kDictionary =
    R"({"city": {"type": "string", "label": "City", "value": "Pune", "inserted_at": "2026-01-01T00:00:00Z"}})";

std::string compressed(std::string_view record, const RecordDictionary* dictionary) {
  RecordCompressor compressor;
  std::string out;
  compressor.compress(record, dictionary, out);
  return out;
}

TEST(RecordCompressorTest, RoundTripOfEverySize) {
  for (const int level : {-5, -1, 1, 3}) {
    const RecordDictionary dictionary(kDictionary, level);
    RecordCompressor compressor(level);
    for (const RecordDictionary* used : {static_cast<const RecordDictionary*>(nullptr), &dictionary}) {
      for (size_t size = 0; size < 700'000; size = size * 3 / 2 + 1) {
        std::string text;
        while (text.size() < size) text += kDictionary + std::to_string(text.size());
        text.resize(size);
        for (const std::string& record : {text, random_bytes(size), std::string(size, 'x')}) {
          std::string out = "before", back = "kept";
          compressor.compress(record, used, out);
          EXPECT_LE(out.size(), 6 + record.size() + 1);
          ASSERT_TRUE(decompress_record(std::string_view(out).substr(6), used, size, back));
          EXPECT_EQ(back, "kept" + record);
          if (size > 0) {
            back = "kept";
            EXPECT_EQ(decompress_record(std::string_view(out).substr(6), used, size - 1, back).error().code,
                      ErrorCode::kCorrupt);
            EXPECT_EQ(back, "kept");
          }
        }
      }
    }
  }
}

TEST(RecordCompressorTest, ADictionaryShortens) {
  const RecordDictionary dictionary(kDictionary);
  const std::string record = "n" + kDictionary;
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
  const RecordDictionary dictionary(kDictionary);
  const std::string whole = compressed(kDictionary + " and more of it, more of it", &dictionary);
  std::string out;
  for (size_t i = 0; i < whole.size(); ++i) {
    for (int bit = 0; bit < 8; ++bit) {
      std::string altered = whole;
      altered[i] = static_cast<char>(altered[i] ^ (1 << bit));
      out.clear();
      const auto back = decompress_record(altered, &dictionary, 10'000, out);
      EXPECT_TRUE(back || out.empty());
      EXPECT_LE(out.size(), 10'000U);
    }
    out.clear();
    EXPECT_FALSE(decompress_record(whole.substr(0, i), &dictionary, 10'000, out) && out == kDictionary);
  }
  EXPECT_FALSE(decompress_record("", nullptr, 100, out));
}

}  // namespace
}  // namespace rowledger::privacy
