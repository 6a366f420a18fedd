#pragma once
// The program's own log (not the audit log): one line an event, to stderr, as text on a terminal
// and as JSON otherwise. Never a value of a captured row, never a secret. Any thread.
#include <fmt/format.h>

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

#include "base/time.h"

namespace rowledger::log {

enum class Level { kDebug, kInfo, kWarning, kError };

void set_level(Level level);
// fields: what a program reading the log looks for, by itself: members of the JSON object, "name=text" on a terminal.
using Fields = std::initializer_list<std::pair<std::string_view, std::string>>;
void write(Level level, std::string_view message, Fields fields = {});
// The line as it is written, without its end, for a terminal or as JSON.
std::string format_line(Level level, std::string_view message, Fields fields, Timestamp time, bool terminal);

template <class... Args>
void debug(fmt::format_string<Args...> format, Args&&... args) {
  write(Level::kDebug, fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args>
void info(fmt::format_string<Args...> format, Args&&... args) {
  write(Level::kInfo, fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args>
void warning(fmt::format_string<Args...> format, Args&&... args) {
  write(Level::kWarning, fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args>
void error(fmt::format_string<Args...> format, Args&&... args) {
  write(Level::kError, fmt::format(format, std::forward<Args>(args)...));
}

}  // namespace rowledger::log
