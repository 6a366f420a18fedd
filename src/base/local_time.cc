#include "base/local_time.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <vector>

namespace rowledger {
namespace {

constexpr std::array<std::string_view, 12> kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                      "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
constexpr int64_t kSecondUs = 1'000'000;
constexpr size_t kDateChars = 10, kMonthChars = 7;

bool is_digit(char c) { return c >= '0' && c <= '9'; }

int64_t whole_seconds(Timestamp time) {
  return time.us >= 0 ? time.us / kSecondUs : (time.us - kSecondUs + 1) / kSecondUs;
}

std::vector<std::string_view> words_of(std::string_view text) {
  std::vector<std::string_view> words;
  while (true) {
    text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
    if (text.empty()) return words;
    const size_t end = std::min(text.find(' '), text.size());
    words.push_back(text.substr(0, end));
    text.remove_prefix(end);
  }
}

// "23 Nov 2026 15:00:01 +05:30" as "2026-11-23T15:00:01+05:30"; empty for another form.
std::string iso_of_shown(std::string_view text) {
  const std::vector<std::string_view> words = words_of(text);
  if (words.size() < 3 || words.size() > 5 || words[0].size() > 2 || !std::ranges::all_of(words[0], is_digit))
    return {};
  const auto month = std::ranges::find(kMonths, words[1]);
  if (month == kMonths.end()) return {};
  std::string out = fmt::format("{}-{:02}-{:0>2}", words[2], month - kMonths.begin() + 1, words[0]);
  if (words.size() > 3) out += fmt::format("T{}", words[3]);
  if (words.size() > 4) out += words[4];
  return out;
}

// What a clock of the process's zone shows is taken for UTC in `clock`; answers the moment meant.
std::optional<Timestamp> from_local_clock(Timestamp clock) {
  const std::time_t shown = static_cast<std::time_t>(whole_seconds(clock));
  std::tm fields{};
  if (::gmtime_r(&shown, &fields) == nullptr) return std::nullopt;
  fields.tm_isdst = -1;
  const std::time_t moment = ::mktime(&fields);
  return Timestamp{int64_t{moment} * kSecondUs + (clock.us - int64_t{shown} * kSecondUs)};
}

std::optional<Timestamp> parse_local(std::string_view text) {
  const auto parsed = Timestamp::parse(text);
  if (!parsed) return std::nullopt;
  const bool has_zone = text.size() > kDateChars && text.find_first_of("Zz+-", kDateChars) != std::string_view::npos;
  return has_zone ? parsed : from_local_clock(*parsed);
}

// The date that many days after "2026-08-01", or the first of the next month.
std::string date_after(std::string_view date, bool month) {
  int y = 0, m = 0, d = 1;
  std::from_chars(date.data(), date.data() + 4, y);
  std::from_chars(date.data() + 5, date.data() + 7, m);
  if (!month) std::from_chars(date.data() + 8, date.data() + 10, d);
  std::tm next{};
  next.tm_year = y - 1900;
  next.tm_mon = month ? m : m - 1;
  next.tm_mday = month ? 1 : d + 1;
  ::timegm(&next);
  return fmt::format("{:04}-{:02}-{:02}", next.tm_year + 1900, next.tm_mon + 1, next.tm_mday);
}

}  // namespace

bool set_time_zone(const std::string& name) {
  if (name.empty() || name == "UTC") {
    ::setenv("TZ", "UTC0", 1);
    ::tzset();
    return true;
  }
  const bool plain = name.find("..") == std::string::npos && name.front() != '/' && name.front() != ':';
  std::error_code ignored;
  if (!plain || !std::filesystem::is_regular_file("/usr/share/zoneinfo/" + name, ignored)) {
    set_time_zone("UTC");
    return false;
  }
  ::setenv("TZ", (":" + name).c_str(), 1);
  ::tzset();
  return true;
}

std::string show_time(Timestamp time) {
  const std::time_t moment = static_cast<std::time_t>(whole_seconds(time));
  std::tm local{};
  if (::localtime_r(&moment, &local) == nullptr) return time.to_string();
  const long offset = local.tm_gmtoff / 60, absolute = offset < 0 ? -offset : offset;
  return fmt::format("{:02} {} {} {:02}:{:02}:{:02} {}{:02}:{:02}", local.tm_mday,
                     kMonths[static_cast<size_t>(local.tm_mon)], local.tm_year + 1900, local.tm_hour, local.tm_min,
                     local.tm_sec, offset < 0 ? '-' : '+', absolute / 60, absolute % 60);
}

bool is_shown_time(std::string_view text) { return !iso_of_shown(text).empty(); }

std::optional<TimeSpan> parse_time_span(std::string_view text) {
  const std::string iso = iso_of_shown(text);
  if (!iso.empty()) text = iso;
  const bool is_month = text.size() == kMonthChars;
  const std::string date = is_month ? std::string(text) + "-01" : std::string(text);
  const auto first = parse_local(date);
  if (!first) return std::nullopt;
  if (text.size() <= kDateChars) {
    // Not 24 hours on: the clock may be set within the day.
    const auto after = parse_local(date_after(date, is_month));
    if (!after) return std::nullopt;
    return TimeSpan{*first, {after->us - 1}};
  }
  int64_t length = 1;
  if (text.find('.', kDateChars) == std::string_view::npos) {
    const bool has_seconds = text.size() > 16 && text[16] == ':';
    length = has_seconds ? kSecondUs : 60 * kSecondUs;
  }
  return TimeSpan{*first, {first->us + length - 1}};
}

}  // namespace rowledger
