// A cursor comes back from the client, who may have altered it, or have had it from somebody else.
#include "api/cursor.h"

#include <cstdint>

#include "base/check.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace rowledger;
  using namespace rowledger::api;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  static const people::Principal kReader{.id = "user:priya", .tenant = "1"}, kOther{.id = "user:ravi", .tenant = "1"};
  const Digest key{};
  const Cursors cursors(key, kReader, "entries"), others(key, kOther, "entries"), elsewhere(key, kReader, "history");
  // Nobody without the key makes one.
  CHECK(!cursors.parse(bytes));
  const Cursor cursor{Seq{size}, Timestamp{static_cast<int64_t>(size) * 1'000'003}, std::string(bytes)};
  std::string text = cursors.to_text(cursor);
  if (text.size() > 16 << 10) return 0;
  CHECK(cursors.parse(text) == cursor);
  CHECK(!others.parse(text) && !elsewhere.parse(text));
  if (size == 0) return 0;
  char& changed = text[data[0] * text.size() / 256];
  changed = changed == 'A' ? 'B' : 'A';
  CHECK(!cursors.parse(text));
  return 0;
}
