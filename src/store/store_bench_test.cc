// What an append costs. Run by name: the test program with --gtest_also_run_disabled_tests
// --gtest_filter='StoreBench.*'. Prints one figure a line; asserts no time.
#include <gtest/gtest.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>

#include "store/rocksdb_store.h"
#include "store/store_testing.h"

namespace rowledger::store {
namespace {

double seconds(clockid_t clock) {
  timespec now{};
  ::clock_gettime(clock, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

size_t from_environment(const char* name, size_t otherwise) {
  const char* value = std::getenv(name);
  return value == nullptr ? otherwise : std::strtoull(value, nullptr, 10);
}

TEST(StoreBench, DISABLED_Append) {
  testing::TempDirectory directory;
  StoreOptions options;
  options.directory = directory.path() / "log";
  auto store = open_rocksdb_store(options);
  ASSERT_TRUE(store.has_value());
  testing::Workload::Options shape;
  shape.max_entries = from_environment("BATCH", 2'000);
  shape.odd_cases = false;
  shape.inserts_first = from_environment("ROWS", 200'000);
  testing::Workload workload(1, shape);
  workload.keep_entries = false;
  const size_t total = from_environment("ENTRIES", 1'000'000);
  double wall = 0, cpu = 0, adding = 0;
  size_t entries = 0;
  uint64_t disk_before = 0;
  while (workload.seq < total) {
    const bool is_update = workload.seq >= shape.inserts_first;
    if (is_update && disk_before == 0) disk_before = (*store)->stats().disk_bytes;
    Batch batch;
    const double start = seconds(CLOCK_THREAD_CPUTIME_ID);
    workload.next(batch);
    const double made = seconds(CLOCK_THREAD_CPUTIME_ID), wall_start = seconds(CLOCK_MONOTONIC);
    ASSERT_TRUE((*store)->append(batch).has_value());
    if (!is_update) continue;
    wall += seconds(CLOCK_MONOTONIC) - wall_start;
    cpu += seconds(CLOCK_THREAD_CPUTIME_ID) - made;
    adding += made - start;
    entries += batch.entries();
  }
  const auto count = static_cast<double>(entries);
  std::printf("append.us_per_entry.wall %.2f\nappend.us_per_entry.cpu %.2f\n", wall / count * 1e6, cpu / count * 1e6);
  std::printf("make.us_per_entry.cpu %.2f\n", adding / count * 1e6);
  std::printf("append.entries_per_s %.0f\n", count / wall);
  store->reset();
  double open_start = seconds(CLOCK_MONOTONIC);
  store = open_rocksdb_store(options);
  ASSERT_TRUE(store.has_value());
  std::printf("open.ms %.0f\n", (seconds(CLOCK_MONOTONIC) - open_start) * 1e3);
  std::printf("disk.bytes_per_change %.1f\n", static_cast<double>((*store)->stats().disk_bytes - disk_before) / count);
  if (std::getenv("KEEP") != nullptr) {
    std::filesystem::copy(options.directory, std::getenv("KEEP"), std::filesystem::copy_options::recursive);
  }
  double row_time = 0, read_time = 0;
  std::mt19937_64 random(5);
  for (int i = 0; i < 20'000; ++i) {
    const std::string key = std::to_string(random() % shape.inserts_first) + '\0';
    double t = seconds(CLOCK_MONOTONIC);
    ASSERT_TRUE((*store)->row({1}, key).value().has_value());
    row_time += seconds(CLOCK_MONOTONIC) - t;
    if (i % 20 != 0) continue;
    t = seconds(CLOCK_MONOTONIC);
    ASSERT_TRUE((*store)->read({random() % total}).value().has_value());
    read_time += seconds(CLOCK_MONOTONIC) - t;
  }
  std::printf("row.us %.2f\nread.us %.1f\n", row_time / 20'000 * 1e6, read_time / 1'000 * 1e6);
}

}  // namespace
}  // namespace rowledger::store
