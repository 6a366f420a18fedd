#pragma once
// How far long work is, on standard error, when that is a terminal.
#include <chrono>
#include <cstdint>
#include <string_view>

namespace rowledger::app {

class ProgressBar {
 public:
  ProgressBar();
  // total: 0 when it is not known. Draws a few times a second at most.
  void show(std::string_view what, uint64_t done, uint64_t total);
  // Takes the bar away.
  void clear();

 private:
  const bool wanted_;
  bool shown_ = false;
  std::chrono::steady_clock::time_point last_{};
};

}  // namespace rowledger::app
