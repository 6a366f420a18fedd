#pragma once
// How long capture lets a busy source write before it takes the next messages together.
#include <algorithm>
#include <chrono>
#include <cstddef>

namespace rowledger::capture {

// Each wake-up, batch and sync costs the source's machine far more than a row does; but what was committed wants to be
// seen. So the wait grows with the rate: 2 ms up to about 800 transactions a second (of four messages each), 20 ms from
// 8,000 on. taken: messages that arrived in the time `since` the last were taken.
inline std::chrono::microseconds gathering_time(std::size_t taken, std::chrono::microseconds since) {
  using namespace std::chrono_literals;
  constexpr double kMessagesPerSecondAndMillisecond = 1'600;
  const double per_second = static_cast<double>(taken) * 1e6 / static_cast<double>(std::max<long>(since.count(), 1));
  const double wait_us = std::min(per_second / kMessagesPerSecondAndMillisecond * 1'000, 20e3);
  return std::max<std::chrono::microseconds>(std::chrono::microseconds(static_cast<long>(wait_us)), 2ms);
}

}  // namespace rowledger::capture
