// A line of COPY's text format is split in place; whatever stands in it, the values stay within the line, and what was
// not escaped comes out as it went in.
#include <algorithm>
#include <cstdint>
#include <string>

#include "base/check.h"
#include "postgres/copy_text.h"

namespace {

// As the server writes it.
std::string escaped(std::string_view value) {
  std::string out;
  for (const char c : value) {
    switch (c) {
      case '\\': out += "\\\\"; break;
      case '\b': out += "\\b"; break;
      case '\f': out += "\\f"; break;
      case '\n': out += "\\n"; break;
      case '\r': out += "\\r"; break;
      case '\t': out += "\\t"; break;
      case '\v': out += "\\v"; break;
      default: out += c;
    }
  }
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string line(reinterpret_cast<const char*>(data), size);
  const size_t tabs = static_cast<size_t>(std::count(line.begin(), line.end(), '\t'));
  std::vector<std::optional<std::string_view>> values;
  rowledger::postgres::split_copy_line(line.data(), line.size(), values);
  CHECK(values.size() == tabs + 1);
  std::string again;
  const char* end = line.data();
  for (const auto& value : values) {
    if (&value != values.data()) again += '\t';
    again += value ? escaped(*value) : "\\N";
    if (!value) continue;
    CHECK(value->data() >= end && value->data() + value->size() <= line.data() + line.size());
    end = value->data() + value->size();
  }
  again += '\n';
  std::vector<std::optional<std::string_view>> second;
  const std::vector<std::optional<std::string>> first(values.begin(), values.end());
  rowledger::postgres::split_copy_line(again.data(), again.size(), second);
  CHECK(std::equal(first.begin(), first.end(), second.begin(), second.end()));
  return 0;
}
