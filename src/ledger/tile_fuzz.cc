// Paths and entry bundles from anybody. The first byte says how many entries the bundle should have.
#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.h"
#include "ledger/tile.h"

namespace rowledger::ledger {
namespace {

void check_path(std::string_view text) {
  const auto path = parse_tile_path(text);
  if (!path) {
    CHECK(path.error().code == ErrorCode::kInvalid);
    return;
  }
  CHECK(path->width >= 1 && path->width <= kTileWidth && path->id.level <= kMaxPathLevel);
  CHECK((path->entries ? entries_path(path->id.index, path->width) : tile_path(path->id, path->width)) == text);
}

void check_bundle(std::string_view bytes, uint32_t width) {
  const auto entries = decode_bundle(bytes, width);
  if (!entries) {
    CHECK(entries.error().code == ErrorCode::kCorrupt);
    return;
  }
  CHECK(entries->size() == width);
  std::string again;
  for (const std::string_view entry : *entries) append_to_bundle(entry, again);
  CHECK(again == bytes);
}

}  // namespace
}  // namespace rowledger::ledger

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  rowledger::ledger::check_path(bytes);
  if (!bytes.empty()) rowledger::ledger::check_bundle(bytes.substr(1), data[0] + 1U);
  return 0;
}
