#pragma once
// The text that Prometheus reads (https://prometheus.io/docs/instrumenting/exposition_formats/, version 0.0.4).
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

namespace rowledger {

class PrometheusText {
 public:
  static constexpr std::string_view kContentType = "text/plain; version=0.0.4; charset=utf-8";

  using Labels = std::initializer_list<std::pair<std::string_view, std::string_view>>;

  // Begins a metric; its samples follow. type: "gauge", "counter" or "histogram". The name has its unit, and a
  // counter's ends in _total.
  void begin(std::string_view name, std::string_view type, std::string_view help);
  // A value of the metric begun last. suffix: behind its name, as in "_bucket".
  void sample(Labels labels, double value, std::string_view suffix = {});

  void gauge(std::string_view name, std::string_view help, double value) {
    begin(name, "gauge", help);
    sample({}, value);
  }
  void counter(std::string_view name, std::string_view help, double value) {
    begin(name, "counter", help);
    sample({}, value);
  }

  std::string take() { return std::move(out_); }

 private:
  std::string out_, name_;
};

}  // namespace rowledger
