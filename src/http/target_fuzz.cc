// A request's target, from anybody who can reach the socket.
#include <cstdint>

#include "base/check.h"
#include "http/http.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace rowledger::http;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  CHECK(percent_decode(percent_encode(text)) == text);
  if (const auto decoded = percent_decode(text)) CHECK(decoded->size() <= text.size());
  const auto target = parse_target(text);
  if (!target) return 0;
  CHECK(target->path.starts_with('/') && target->path.find('?') == std::string::npos);
  std::string again = target->path;
  for (const auto& [name, value] : target->parameters) {
    CHECK(target->parameter(name).has_value());
    again += (again.size() == target->path.size() ? "?" : "&") + percent_encode(name) + '=' + percent_encode(value);
  }
  const auto second = parse_target(again);
  CHECK(second && second->path == target->path && second->parameters == target->parameters);
  return 0;
}
