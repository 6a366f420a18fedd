// The command line shows whatever answers on the socket; reading it must stay within the text.
#include "api/json_view.h"

#include <cstdint>

#include "base/check.h"

namespace rowledger::api {
namespace {

void walk(JsonView value, std::string_view whole, int depth) {
  if (!value.raw().empty())
    CHECK(value.raw().data() >= whole.data() && value.raw().data() + value.raw().size() <= whole.data() + whole.size());
  (void)value.text();
  if (depth == 8) return;
  value.for_each_member([&](std::string_view name, JsonView member) {
    CHECK(value.member(name).kind() != JsonView::Kind::kNone);
    walk(member, value.raw(), depth + 1);
    return true;
  });
  value.for_each_item([&](JsonView item) {
    walk(item, value.raw(), depth + 1);
    return true;
  });
}

}  // namespace
}  // namespace rowledger::api

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  rowledger::api::walk(rowledger::api::JsonView(text), text, 0);
  return 0;
}
