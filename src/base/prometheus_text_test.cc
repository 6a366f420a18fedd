#include "base/prometheus_text.h"

#include <gtest/gtest.h>

namespace rowledger {
namespace {

TEST(PrometheusText, WritesFamiliesWithTheirSamples) {
  PrometheusText text;
  text.gauge("rowledger_lag_bytes", "WAL that is not captured yet.", 1'500'000'000);
  text.begin("rowledger_wait_seconds", "histogram", "How long.");
  text.sample({{"route", "/v1/entries"}, {"le", "0.005"}}, 3, "_bucket");
  text.sample({{"route", "/v1/entries"}}, 0.25, "_sum");
  EXPECT_EQ(text.take(),
            "# HELP rowledger_lag_bytes WAL that is not captured yet.\n"
            "# TYPE rowledger_lag_bytes gauge\n"
            "rowledger_lag_bytes 1500000000\n"
            "# HELP rowledger_wait_seconds How long.\n"
            "# TYPE rowledger_wait_seconds histogram\n"
            "rowledger_wait_seconds_bucket{route=\"/v1/entries\",le=\"0.005\"} 3\n"
            "rowledger_wait_seconds_sum{route=\"/v1/entries\"} 0.25\n");
}

TEST(PrometheusText, EscapesWhatWouldEndALineOrALabel) {
  PrometheusText text;
  text.begin("rowledger_x", "gauge", "one\ntwo \\ \"three\"");
  text.sample({{"version", "a\"b\\c\nd"}}, 1);
  EXPECT_EQ(text.take(),
            "# HELP rowledger_x one\\ntwo \\\\ \"three\"\n"
            "# TYPE rowledger_x gauge\n"
            "rowledger_x{version=\"a\\\"b\\\\c\\nd\"} 1\n");
}

}  // namespace
}  // namespace rowledger
