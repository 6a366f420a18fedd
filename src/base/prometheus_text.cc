#include "base/prometheus_text.h"

#include <fmt/format.h>

#include <cstdint>

namespace rowledger {
namespace {

void append_escaped(std::string& out, std::string_view text, bool quoted) {
  for (const char c : text) {
    if (c == '\\') {
      out += "\\\\";
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '"' && quoted) {
      out += "\\\"";
    } else {
      out += c;
    }
  }
}

}  // namespace

void PrometheusText::begin(std::string_view name, std::string_view type, std::string_view help) {
  name_ = name;
  out_ += fmt::format("# HELP {} ", name);
  append_escaped(out_, help, false);
  out_ += fmt::format("\n# TYPE {} {}\n", name, type);
}

void PrometheusText::sample(Labels labels, double value, std::string_view suffix) {
  out_.append(name_).append(suffix);
  for (bool first = true; const auto& [name, text] : labels) {
    out_ += std::exchange(first, false) ? '{' : ',';
    out_.append(name).append("=\"");
    append_escaped(out_, text, true);
    out_ += '"';
  }
  if (labels.size() > 0) out_ += '}';
  // Whole numbers in full: fmt's shortest form would write 1e+06.
  if (value == static_cast<double>(static_cast<int64_t>(value))) {
    out_ += fmt::format(" {}\n", static_cast<int64_t>(value));
  } else {
    out_ += fmt::format(" {}\n", value);
  }
}

}  // namespace rowledger
