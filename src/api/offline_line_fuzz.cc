#include <cstddef>
#include <cstdint>

#include "api/json_view.h"
#include "api/offline_line.h"
#include "base/check.h"

// Whatever stands in the file, the entry's detail is an object that names what was done.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto parsed = rowledger::api::parse_offline_line({reinterpret_cast<const char*>(data), size});
  const rowledger::api::JsonView detail(parsed.detail);
  CHECK(detail.kind() == rowledger::api::JsonView::Kind::kObject);
  CHECK(parsed.actor_id.empty() == (detail["route"].text() == "unreadable" && !detail["reader"] && !detail["by"]));
  CHECK(!parsed.actor_id.empty() || parsed.kind == rowledger::record::EntryKind::kAccess);
  return 0;
}
