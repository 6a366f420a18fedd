#include "api/request_metrics.h"

#include <fmt/format.h>

#include <algorithm>

namespace rowledger::api {

void RequestMetrics::observe(std::string_view method, std::string_view route, int status, double seconds) {
  const auto bucket = static_cast<size_t>(std::lower_bound(kBounds.begin(), kBounds.end(), seconds) - kBounds.begin());
  std::lock_guard lock(mutex_);
  Histogram& histogram = histograms_[{route, method, status / 100}];
  ++histogram.counts[bucket];
  histogram.sum += seconds;
}

std::shared_ptr<void> RequestMetrics::stream_opened() {
  live_streams_->fetch_add(1);
  return {nullptr, [count = live_streams_](void*) { count->fetch_sub(1); }};
}

void RequestMetrics::write(PrometheusText& out) const {
  out.gauge("rowledger_live_streams", "Live streams that are open.", static_cast<double>(live_streams_->load()));
  out.begin("rowledger_http_request_duration_seconds", "histogram",
            "From a request's arrival until its answer begins, by route.");
  std::lock_guard lock(mutex_);
  for (const auto& [name, histogram] : histograms_) {
    const auto& [route, method, digit] = name;
    const std::string status = fmt::format("{}xx", digit);
    uint64_t total = 0;
    for (size_t i = 0; i < histogram.counts.size(); ++i) {
      total += histogram.counts[i];
      const std::string bound = i < kBounds.size() ? fmt::format("{}", kBounds[i]) : "+Inf";
      out.sample({{"route", route}, {"method", method}, {"status", status}, {"le", bound}}, static_cast<double>(total),
                 "_bucket");
    }
    out.sample({{"route", route}, {"method", method}, {"status", status}}, histogram.sum, "_sum");
    out.sample({{"route", route}, {"method", method}, {"status", status}}, static_cast<double>(total), "_count");
  }
}

}  // namespace rowledger::api
