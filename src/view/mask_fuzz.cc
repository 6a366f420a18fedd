// The masks of a configuration, and the values that they cover. The first byte chooses how much is configuration: one
// place a line, in the lists' order; the rest is a value.
#include <cstdint>

#include "base/check.h"
#include "base/json_text.h"
#include "query/json_scan.h"
#include "view/mask.h"
#include "view/mask_policy.h"

namespace {

using namespace rowledger;
using namespace rowledger::view;

std::vector<MaskSettings> settings_of(std::string_view text) {
  MaskSettings out;
  out.table = "t";
  std::vector<std::string>* const lists[] = {&out.plain, &out.phone, &out.name, &out.date, &out.text, &out.hidden};
  for (size_t i = 0; !text.empty(); ++i) {
    const size_t end = std::min(text.find('\n'), text.size());
    lists[i % std::size(lists)]->emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return {out};
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  const size_t split = std::min<size_t>(data[0], bytes.size());
  const std::string_view value = bytes.substr(split);
  for (const Mask mask : {Mask::kHidden, Mask::kPhone, Mask::kName, Mask::kDate, Mask::kText}) {
    const std::string shown = mask_text(mask, value);
    CHECK(is_utf8(shown));
    CHECK(mask == Mask::kText || shown != value || value == kBullets);
  }
  const auto policy = MaskPolicy::make(settings_of(bytes.substr(0, split)));
  if (!policy || !query::is_json(value) || !is_utf8(value)) return 0;
  for (const auto& [column, node] : policy->table("t").children) {
    bool changed = false;
    const std::string shown = mask_json(node, value, changed);
    CHECK(query::is_json(shown) && is_utf8(shown));
    CHECK(changed || node.is(Mask::kPlain) || node.has_places() || node.mask.has_value());
  }
  return 0;
}
