// How fast verify is, in one core's time. Not run by ctest: evidence_test --gtest_also_run_disabled_tests
// --gtest_filter='*Bench*'.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <ctime>

#include "evidence/evidence_testing.h"

namespace rowledger::evidence {
namespace {

double cpu_seconds() { return static_cast<double>(std::clock()) / CLOCKS_PER_SEC; }

class BenchTest : public ::testing::TestWithParam<bool> {};

TEST_P(BenchTest, DISABLED_EntriesPerSecond) {
  const char* size = std::getenv("ROWLEDGER_BENCH_ENTRIES");
  testing::TestLog log(GetParam());
  store::testing::Workload::Options shape;
  shape.max_entries = 1'000;
  shape.odd_cases = false;
  shape.inserts_first = 20'000;
  store::testing::Workload workload(3, shape);
  workload.keep_entries = false;
  log.open();
  log.grow_to(workload, size == nullptr ? 300'000 : std::strtoull(size, nullptr, 10));
  for (const bool values : {false, true}) {
    const double begin = cpu_seconds();
    const VerifyReport report = log.verify({.values = values});
    const double seconds = cpu_seconds() - begin;
    EXPECT_TRUE(report.ok());
    fmt::print(
        "{} {}: {:.0f} entries/s of processor time in all; by the clock {:.0f} (headers), {:.0f} (values), {} rows in "
        "{:.2f} s\n",
        GetParam() ? "sealed" : "in clear", values ? "with values" : "headers only", report.headers / seconds,
        report.headers / report.header_seconds, values ? report.headers / report.value_seconds : 0.0, report.rows,
        report.row_seconds);
  }
}

INSTANTIATE_TEST_SUITE_P(, BenchTest, ::testing::Bool(),
                         [](const auto& info) { return info.param ? "Sealed" : "InClear"; });

}  // namespace
}  // namespace rowledger::evidence
