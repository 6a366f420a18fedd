#pragma once
// Times as people of one place read and write them, in the process's zone (display.time_zone). What show_time
// prints, parse_time_span reads.
#include <optional>
#include <string>
#include <string_view>

#include "base/time.h"

namespace rowledger {

// Sets the process's zone, before there are threads; false, and UTC, when the system does not know the name.
bool set_time_zone(const std::string& name);

// "23 Nov 2026 15:00:01 +05:30"
std::string show_time(Timestamp time);

struct TimeSpan {
  Timestamp first, last;  // both included
};

// The stretch of time that a text names, as long as the last part given: a month ("2026-08"), a day ("2026-08-01"), a
// minute, a second or a microsecond, in the forms of Timestamp::parse, or a second or minute as show_time prints them.
// Without a zone in the text: of the process's zone, so that a date means that day there.
std::optional<TimeSpan> parse_time_span(std::string_view text);

// The text is in the form of show_time, which tells no fraction of the second.
bool is_shown_time(std::string_view text);

}  // namespace rowledger
