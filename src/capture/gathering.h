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

// A bulk change comes as fast as the socket lets it: then the wait is what half of a Unix socket takes to fill, a
// quarter of a slice.
inline constexpr std::chrono::microseconds kFloodTime{500};
inline bool is_flood(std::size_t bytes, std::chrono::microseconds since) {
  constexpr double kBytesPerUs = 16;
  return bytes >= 16 << 10 && static_cast<double>(bytes) >= kBytesPerUs * static_cast<double>(since.count());
}

// A look at the socket while capture waits: what is in it, and what was in it a slice of the time before.
inline constexpr std::chrono::milliseconds kGatheringSlice{2};
// Enough is there, or no more comes: the source is quiet, or waits itself because the socket is full. A Unix socket
// holds some 200 messages (each takes 768 bytes and more of its 208 KB), so that a bulk change fills it in 2 ms.
inline bool ends_gathering(std::size_t waiting_bytes, std::size_t before) {
  constexpr std::size_t kEnoughBytes = 64 << 10;
  return waiting_bytes >= kEnoughBytes || waiting_bytes == before;
}

}  // namespace rowledger::capture
