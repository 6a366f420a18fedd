#include "base/log.h"

#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include "base/json_text.h"

namespace rowledger::log {
namespace {

bool terminal() {
  static const bool is_terminal = isatty(STDERR_FILENO) == 1;
  return is_terminal;
}

spdlog::logger& logger() {
  static const auto instance = [] {
    auto made = std::make_shared<spdlog::logger>("rowledger", std::make_shared<spdlog::sinks::stderr_color_sink_mt>());
    made->set_pattern(terminal() ? "%^%v%$" : "%v");
    made->flush_on(spdlog::level::info);
    return made;
  }();
  return *instance;
}

spdlog::level::level_enum to_spdlog(Level level) {
  switch (level) {
    case Level::kDebug: return spdlog::level::debug;
    case Level::kInfo: return spdlog::level::info;
    case Level::kWarning: return spdlog::level::warn;
    case Level::kError: return spdlog::level::err;
  }
  return spdlog::level::info;
}

std::string_view name_of(Level level) {
  switch (level) {
    case Level::kDebug: return "debug";
    case Level::kInfo: return "info";
    case Level::kWarning: return "warning";
    case Level::kError: return "error";
  }
  return "info";
}

}  // namespace

std::string format_line(Level level, std::string_view message, Fields fields, Timestamp time, bool terminal) {
  std::string out;
  if (terminal) {
    out = fmt::format("{} {} {}", time.to_string().substr(11, 12), name_of(level), message);
    for (const auto& [name, text] : fields) out += fmt::format(" {}={}", name, text);
    return out;
  }
  out = fmt::format(R"({{"time":"{}","level":"{}","message":)", time.to_string(), name_of(level));
  append_json_string(out, message);
  for (const auto& [name, text] : fields) {
    out += ',';
    append_json_string(out, name);
    out += ':';
    append_json_string(out, text);
  }
  return out + '}';
}

void set_level(Level level) { logger().set_level(to_spdlog(level)); }

void write(Level level, std::string_view message, Fields fields) {
  if (logger().should_log(to_spdlog(level)))
    logger().log(to_spdlog(level), format_line(level, message, fields, Timestamp::now(), terminal()));
}

}  // namespace rowledger::log
