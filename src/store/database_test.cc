#include "store/database.h"

#include <gtest/gtest.h>

#include <fstream>
#include <string>

#include "base/bytes.h"
#include "store/store_keys.h"
#include "store/store_testing.h"

namespace rowledger::store {
namespace {

// What this process has read from files so far, be it from the system's cache.
uint64_t bytes_read() {
  std::ifstream io("/proc/self/io");
  std::string name;
  uint64_t value = 0;
  while (io >> name >> value)
    if (name == "rchar:") return value;
  ADD_FAILURE() << "no rchar in /proc/self/io";
  return 0;
}

std::string key_of(uint32_t row) { return state_key({1}, std::to_string(row) + '\0'); }

// A filter that covers a file's rows in one piece has more bytes than a table's share of the cache, and is then read
// for each row.
TEST(DatabaseTest, ARowOfALargeTableIsFoundWithLittleReading) {
  const testing::TempDirectory directory;
  StoreOptions options;
  options.directory = directory.path() / "log";
  options.cache_bytes = 64 << 10;
  auto database = Database::open(options);
  ASSERT_TRUE(database.has_value()) << database.error().message;
  rocksdb::ColumnFamilyHandle* const family = (*database)->family(Family::kState);
  constexpr uint32_t kRows = 200'000;
  rocksdb::WriteBatch batch;
  for (uint32_t row = 0; row < kRows; ++row) batch.Put(family, slice(key_of(row)), "a row");
  ASSERT_TRUE((*database)->db().Write({}, &batch).ok());
  rocksdb::CompactRangeOptions rewrite;  // of a file that was only moved, the filter stays pinned
  rewrite.bottommost_level_compaction = rocksdb::BottommostLevelCompaction::kForce;
  ASSERT_TRUE((*database)->db().CompactRange(rewrite, family, nullptr, nullptr).ok());

  constexpr uint32_t kLookups = 500;
  const uint64_t before = bytes_read();
  for (uint32_t i = 0; i < kLookups; ++i) {
    rocksdb::PinnableSlice value;
    const auto found = (*database)->get(Family::kState, key_of(i * 7'919 % kRows), value);
    ASSERT_TRUE(found.has_value() && *found);
  }
  EXPECT_LT((bytes_read() - before) / kLookups, 48u << 10);
}

}  // namespace
}  // namespace rowledger::store
