#pragma once
// Writes one JSON object, member by member, in the order of the calls.
#include <fmt/format.h>

#include <optional>
#include <string>
#include <string_view>

#include "base/json_text.h"

namespace rowledger::api {

class JsonWriter {
 public:
  JsonWriter& text(std::string_view name, std::string_view value) {
    begin(name);
    append_json_string(out_, value);
    return *this;
  }
  // null when there is none.
  JsonWriter& text_or_null(std::string_view name, std::string_view value) {
    return value.empty() ? raw(name, "null") : text(name, value);
  }
  template <class Number>
  JsonWriter& number(std::string_view name, Number value) {
    return raw(name, fmt::format("{}", value));
  }
  template <class Number>
  JsonWriter& number_or_null(std::string_view name, const std::optional<Number>& value) {
    return value ? number(name, *value) : raw(name, "null");
  }
  JsonWriter& boolean(std::string_view name, bool value) { return raw(name, value ? "true" : "false"); }
  // json: a whole JSON value.
  JsonWriter& raw(std::string_view name, std::string_view json) {
    begin(name);
    out_.append(json);
    return *this;
  }
  template <class Texts>
  JsonWriter& texts(std::string_view name, const Texts& values) {
    begin(name);
    out_ += '[';
    for (bool first = true; const auto& value : values) {
      if (!std::exchange(first, false)) out_ += ',';
      append_json_string(out_, value);
    }
    out_ += ']';
    return *this;
  }
  std::string finish() { return out_ + '}'; }

 private:
  void begin(std::string_view name) {
    if (out_.size() > 1) out_ += ',';
    append_json_string(out_, name);
    out_ += ':';
  }
  std::string out_ = "{";
};

}  // namespace rowledger::api
