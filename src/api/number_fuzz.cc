// Numbers from anybody: Last-Event-ID, after=, limit=, the number of an entry in an address.
#include "api/number.h"

#include <algorithm>
#include <string>

#include "base/check.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto number = rowledger::api::parse_number(text);
  const bool digits = !text.empty() && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
  std::string_view plain = text;
  while (plain.size() > 1 && plain.front() == '0') plain.remove_prefix(1);
  CHECK(!number || (digits && std::to_string(*number) == plain));
  if (digits && plain.size() < 20) CHECK(number.has_value());
  return 0;
}
