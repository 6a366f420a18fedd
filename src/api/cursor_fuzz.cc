// A cursor comes back from the client, who may have altered it.
#include "api/cursor.h"

#include <cstdint>

#include "base/check.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace rowledger::api;
  const auto cursor = parse_cursor({reinterpret_cast<const char*>(data), size});
  if (cursor) CHECK(parse_cursor(to_text(*cursor)) == cursor);
  return 0;
}
