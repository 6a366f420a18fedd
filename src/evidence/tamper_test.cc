// Whatever is altered behind the log's back is noticed: by the store, which then refuses, or by verify.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "base/bytes.h"
#include "evidence/evidence_testing.h"
#include "store/store_keys.h"

namespace rowledger::evidence {
namespace {

using store::Database;
using store::Family;
using store::testing::Workload;
using testing::drop;
using testing::put;
using testing::Records;
using testing::records_of;
using testing::TestLog;

class TamperTest : public ::testing::TestWithParam<bool> {
 protected:
  TamperTest() : log_(GetParam()) {
    Workload::Options shape;
    shape.max_entries = 7;
    shape.odd_cases = false;
    shape.inserts_first = 60;
    Workload workload(8, shape);
    log_.cache_bytes = 4 << 10;
    log_.open();
    log_.grow_to(workload, 256 * 2 + 40);
    log_.close();
  }

  Records read(Family family) {
    Records out;
    log_.alter([&](Database& database) { out = records_of(database, family); });
    return out;
  }
  void write(Family family, std::string_view key, std::string_view value) {
    log_.alter([&](Database& database) { put(database, family, key, value); });
  }

  // Flips each `step`th byte of each record, one after the other, and looks at the log as it is then. With
  // ROWLEDGER_EVERY_BYTE=1 all of them: minutes.
  void flip_bytes(Family family, size_t step,
                  const std::function<bool(std::string_view key, size_t at)>& is_meant = {}) {
    if (std::getenv("ROWLEDGER_EVERY_BYTE") != nullptr) step = 1;
    log_.open();
    size_t offset = 0, flips = 0;
    for (const auto& [key, value] : records_of(log_.database(), family)) {
      for (size_t at = offset++ % step; at < value.size(); at += step) {
        if (is_meant && !is_meant(key, at)) continue;
        for (const int mask : {0x01, 0xff}) {
          std::string altered = value;
          altered[at] = static_cast<char>(altered[at] ^ mask);
          put(log_.database(), family, key, altered);
          forget_bundle(family, key);
          EXPECT_NE(TestLog::complaint_of(log_.verify()), "")
              << "byte " << at << " of " << value.size() << " xor " << mask << " of record " << to_hex(key);
          ++flips;
        }
      }
      put(log_.database(), family, key, value);
      forget_bundle(family, key);
    }
    EXPECT_GT(flips, 10u);
    EXPECT_EQ(TestLog::complaint_of(log_.verify()), "");
  }

  // The same, but the log is opened anew each time.
  void flip_bytes_before_opening(Family family, size_t step) {
    if (std::getenv("ROWLEDGER_EVERY_BYTE") != nullptr) step = 23;
    size_t flips = 0;
    for (const auto& [key, value] : read(family)) {
      for (size_t at = flips % step; at < value.size(); at += step) {
        std::string altered = value;
        altered[at] = static_cast<char>(altered[at] ^ 0xff);
        write(family, key, altered);
        EXPECT_NE(log_.complaint(), "") << "byte " << at << " of " << value.size() << " of record " << to_hex(key);
        ++flips;
      }
      write(family, key, value);
    }
    EXPECT_GE(flips, 2u);
    EXPECT_EQ(log_.complaint(), "");
  }

  // The store keeps one bundle in memory at least: let it be another than the one of this key.
  void forget_bundle(Family family, std::string_view key) {
    if (family != Family::kHeaders && family != Family::kBodies) return;
    ByteReader reader(key);
    const Seq other{reader.u64() < store::kBundleEntries ? store::kBundleEntries : 0};
    ASSERT_TRUE(log_.store().read(other).has_value());
  }

  void expect_complaint() { EXPECT_NE(log_.complaint(), ""); }

  TestLog log_;
};

TEST_P(TamperTest, Headers) { flip_bytes(Family::kHeaders, 307); }
TEST_P(TamperTest, Bodies) { flip_bytes(Family::kBodies, 503); }
TEST_P(TamperTest, Tiles) { flip_bytes(Family::kTiles, 211); }

TEST_P(TamperTest, Checkpoint) {
  const std::string key = store::meta_key(store::kCheckpoint);
  // When it was stored is told to people, and proves nothing.
  flip_bytes(Family::kMeta, 1, [&](std::string_view k, size_t at) { return k == key && at >= 8; });
}

TEST_P(TamperTest, BeforeOpening) {
  flip_bytes_before_opening(Family::kHeaders, 9'001);
  flip_bytes_before_opening(Family::kBodies, 20'011);
  flip_bytes_before_opening(Family::kRuns, 701);
  flip_bytes_before_opening(Family::kTiles, 7'001);
}

// Replaced, exchanged, dropped.
TEST_P(TamperTest, WholeRecords) {
  for (const Family family : {Family::kHeaders, Family::kBodies, Family::kRuns, Family::kTiles}) {
    const Records records = read(family);
    ASSERT_GE(records.size(), 2u);
    for (size_t i = 0; i < records.size(); ++i) {
      SCOPED_TRACE(::testing::Message() << "family " << static_cast<int>(family) << " record " << i);
      const auto& [key, value] = records[i];
      const auto& [other_key, other] = records[(i + 1) % records.size()];
      log_.alter([&](Database& database) { drop(database, family, key); });
      expect_complaint();
      write(family, key, other);
      expect_complaint();
      write(family, other_key, value);
      expect_complaint();
      write(family, key, value);
      expect_complaint();
      write(family, other_key, other);
      EXPECT_EQ(log_.complaint(), "");
    }
  }
}

TEST_P(TamperTest, TheEndCutOff) {
  const Records runs = read(Family::kRuns);
  log_.alter([&](Database& database) { drop(database, Family::kRuns, runs.back().first); });
  expect_complaint();
}

TEST_P(TamperTest, NoCheckpoint) {
  log_.alter([&](Database& database) { drop(database, Family::kMeta, store::meta_key(store::kCheckpoint)); });
  expect_complaint();
}

INSTANTIATE_TEST_SUITE_P(, TamperTest, ::testing::Bool(),
                         [](const auto& info) { return info.param ? "Sealed" : "InClear"; });

}  // namespace
}  // namespace rowledger::evidence
