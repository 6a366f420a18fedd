#pragma once
// A moment, in microseconds, UTC. The only time type that rooms exchange.
#include <compare>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>

namespace rowledger {

struct Timestamp {
  int64_t us = 0;  // since 1970-01-01T00:00:00Z
  constexpr auto operator<=>(const Timestamp&) const = default;

  // PostgreSQL counts microseconds since 2000-01-01T00:00:00Z on the wire. What would not fit, such as
  // its infinity, becomes the last or first number that does.
  static constexpr int64_t kPostgresEpochUs = 946'684'800'000'000;
  static constexpr Timestamp from_postgres(int64_t us) {
    constexpr int64_t kMax = std::numeric_limits<int64_t>::max();
    return {us > kMax - kPostgresEpochUs ? kMax : us + kPostgresEpochUs};
  }
  constexpr int64_t to_postgres() const {
    constexpr int64_t kMin = std::numeric_limits<int64_t>::min();
    return us < kMin + kPostgresEpochUs ? kMin : us - kPostgresEpochUs;
  }

  static Timestamp now();  // wall clock

  // RFC 3339 with six digits and Z: "2026-11-23T09:30:01.123456Z". It has the years 0000 to 9999 only;
  // what lies outside is written as the first or last moment of these.
  std::string to_string() const;

  // Reads a date ("2026-08-01", midnight UTC), a date and time with 'T' or a space, with or
  // without seconds, fraction, and zone ("Z", "+05:30", "+0530"; none means UTC).
  static std::optional<Timestamp> parse(std::string_view text);
};

}  // namespace rowledger
