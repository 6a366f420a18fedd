#pragma once
// How long requests take, by route and outcome. The route is the table's pattern, never the address that was asked
// for: that has people's and tenants' ids in it.
#include <array>
#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string_view>
#include <tuple>

#include "base/prometheus_text.h"

namespace rowledger::api {

// Safe from any thread.
class RequestMetrics {
 public:
  // method and route: of the route table, so that they outlive this. Seconds from the request's arrival at its handler
  // until the answer begins: of a stream, until its first byte could be sent.
  void observe(std::string_view method, std::string_view route, int status, double seconds);
  // Counts one live stream for as long as what is returned lives.
  std::shared_ptr<void> stream_opened();
  // rowledger_http_request_duration_seconds, a histogram, and rowledger_live_streams.
  void write(PrometheusText& out) const;

 private:
  static constexpr std::array kBounds = {0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0};
  struct Histogram {
    std::array<uint64_t, kBounds.size() + 1> counts{};  // of each bucket by itself; the last one has no bound
    double sum = 0;
  };
  using Name = std::tuple<std::string_view, std::string_view, int>;  // route, method, the status's first digit

  mutable std::mutex mutex_;
  std::map<Name, Histogram> histograms_;
  // Shared, because a stream can end after everything else.
  const std::shared_ptr<std::atomic<int64_t>> live_streams_ = std::make_shared<std::atomic<int64_t>>(0);
};

}  // namespace rowledger::api
