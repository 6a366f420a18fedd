#include "api/request_metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace rowledger::api {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(RequestMetrics, CountsCumulativelyAndByOutcome) {
  RequestMetrics metrics;
  metrics.observe("GET", "/v1/entries", 200, 0.001);  // on a bound: belongs to its bucket
  metrics.observe("GET", "/v1/entries", 204, 0.03);
  metrics.observe("GET", "/v1/entries", 503, 60);
  PrometheusText text;
  metrics.write(text);
  const std::string out = text.take();
  const std::string good = R"({route="/v1/entries",method="GET",status="2xx")";
  EXPECT_THAT(out, HasSubstr("_bucket" + good + ",le=\"0.001\"} 1\n"));
  EXPECT_THAT(out, HasSubstr("_bucket" + good + ",le=\"0.025\"} 1\n"));
  EXPECT_THAT(out, HasSubstr("_bucket" + good + ",le=\"0.05\"} 2\n"));
  EXPECT_THAT(out, HasSubstr("_bucket" + good + ",le=\"+Inf\"} 2\n"));
  EXPECT_THAT(out, HasSubstr("_sum" + good + "} 0.031\n"));
  EXPECT_THAT(out, HasSubstr("_count" + good + "} 2\n"));
  EXPECT_THAT(out, HasSubstr(R"(status="5xx",le="10"} 0)"));
  EXPECT_THAT(out, HasSubstr(R"(status="5xx",le="+Inf"} 1)"));
  EXPECT_THAT(out, Not(HasSubstr("4xx")));
}

TEST(RequestMetrics, KnowsHowManyStreamsAreOpen) {
  RequestMetrics metrics;
  const auto count = [&] {
    PrometheusText text;
    metrics.write(text);
    const std::string out = text.take(), name = "\nrowledger_live_streams ";
    return out.substr(out.find(name) + name.size(), 2);
  };
  EXPECT_EQ(count(), "0\n");
  auto one = metrics.stream_opened(), two = metrics.stream_opened();
  EXPECT_EQ(count(), "2\n");
  one.reset();
  EXPECT_EQ(count(), "1\n");
}

}  // namespace
}  // namespace rowledger::api
