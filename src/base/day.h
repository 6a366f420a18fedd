#pragma once
// Days of UTC, counted from 1970-01-01: what the periods of keys and retention are counted in.
#include <algorithm>
#include <cstdint>

#include "base/time.h"

namespace rowledger {

inline constexpr int64_t kMicrosecondsPerDay = 86'400'000'000;

// 0 for what is earlier.
constexpr uint32_t day_of(Timestamp time) {
  return static_cast<uint32_t>(std::max<int64_t>(time.us, 0) / kMicrosecondsPerDay);
}

}  // namespace rowledger
