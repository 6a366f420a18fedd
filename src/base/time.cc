#include "base/time.h"

#include <algorithm>
#include <chrono>
#include <span>

namespace rowledger {
namespace {

constexpr int64_t kDayUs = 86'400'000'000;
// The years that RFC 3339 can write: from 0000-01-01T00:00:00Z to 9999-12-31T23:59:59.999999Z.
constexpr int64_t kFirstUs = -719'528 * kDayUs, kLastUs = 2'932'897 * kDayUs - 1;

// Takes exactly `digits` decimal digits off the front of text.
bool take_number(std::string_view& text, size_t digits, int& out) {
  if (text.size() < digits) return false;
  out = 0;
  for (size_t i = 0; i < digits; ++i) {
    if (text[i] < '0' || text[i] > '9') return false;
    out = out * 10 + (text[i] - '0');
  }
  text.remove_prefix(digits);
  return true;
}

bool take_char(std::string_view& text, char c) {
  if (text.empty() || text.front() != c) return false;
  text.remove_prefix(1);
  return true;
}

// Writes the number into all of `out`, with zeros in front.
void put_number(std::span<char> out, uint64_t number) {
  for (size_t i = out.size(); i-- > 0; number /= 10) out[i] = static_cast<char>('0' + number % 10);
}

}  // namespace

Timestamp Timestamp::now() {
  using namespace std::chrono;
  return {duration_cast<microseconds>(system_clock::now().time_since_epoch()).count()};
}

std::string Timestamp::to_string() const {
  using namespace std::chrono;
  const int64_t clamped = std::clamp(us, kFirstUs, kLastUs), of_day = clamped % kDayUs;
  const year_month_day date{sys_days(days(clamped / kDayUs - (of_day < 0 ? 1 : 0)))};
  const hh_mm_ss clock{microseconds(of_day < 0 ? of_day + kDayUs : of_day)};
  // Every entry that is shown has two of these: no format string to be read each time.
  std::string out = "0000-00-00T00:00:00.000000Z";
  const auto put = [&](size_t at, size_t digits, auto number) {
    put_number(std::span(out).subspan(at, digits), static_cast<uint64_t>(number));
  };
  put(0, 4, int(date.year()));
  put(5, 2, unsigned(date.month()));
  put(8, 2, unsigned(date.day()));
  put(11, 2, clock.hours().count());
  put(14, 2, clock.minutes().count());
  put(17, 2, clock.seconds().count());
  put(20, 6, clock.subseconds().count());
  return out;
}

std::optional<Timestamp> Timestamp::parse(std::string_view text) {
  using namespace std::chrono;
  int y, mo, d, h = 0, mi = 0, s = 0;
  int64_t fraction_us = 0, offset_s = 0;
  if (!take_number(text, 4, y) || !take_char(text, '-') || !take_number(text, 2, mo) || !take_char(text, '-') ||
      !take_number(text, 2, d))
    return std::nullopt;
  const year_month_day date{year(y), month(static_cast<unsigned>(mo)), day(static_cast<unsigned>(d))};
  if (!date.ok()) return std::nullopt;
  if (!text.empty()) {
    if (!take_char(text, 'T') && !take_char(text, ' ') && !take_char(text, 't')) return std::nullopt;
    if (!take_number(text, 2, h) || !take_char(text, ':') || !take_number(text, 2, mi)) return std::nullopt;
    if (take_char(text, ':')) {
      if (!take_number(text, 2, s)) return std::nullopt;
      if (take_char(text, '.')) {
        int64_t unit = 100'000;
        if (text.empty() || text[0] < '0' || text[0] > '9') return std::nullopt;
        while (!text.empty() && text[0] >= '0' && text[0] <= '9') {
          fraction_us += (text[0] - '0') * unit;
          unit /= 10;
          text.remove_prefix(1);
        }
      }
    }
    if (h > 23 || mi > 59 || s > 60) return std::nullopt;
    if (!text.empty() && !take_char(text, 'Z') && !take_char(text, 'z')) {
      const char sign = text.front();
      if (sign != '+' && sign != '-') return std::nullopt;
      text.remove_prefix(1);
      int oh, om = 0;
      if (!take_number(text, 2, oh)) return std::nullopt;
      const bool colon = take_char(text, ':');
      if ((colon || !text.empty()) && !take_number(text, 2, om)) return std::nullopt;
      if (oh > 15 || om > 59) return std::nullopt;
      offset_s = (oh * 3600 + om * 60) * (sign == '-' ? -1 : 1);
    }
    if (!text.empty()) return std::nullopt;
  }
  const int64_t seconds_of_day = h * 3600 + mi * 60 + s - offset_s;
  const int64_t days_since = sys_days(date).time_since_epoch().count();
  return Timestamp{(days_since * 86'400 + seconds_of_day) * 1'000'000 + fraction_us};
}

}  // namespace rowledger
