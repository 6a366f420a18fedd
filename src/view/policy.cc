#include "view/policy.h"

#include <utility>

namespace rowledger::view {
namespace {

constexpr char kContext[] = "context", kDetail[] = "detail";

// What entries about reading, erasing, undoing and so on say about themselves: a search or a key can name a person, a
// reason was written by one.
MaskSettings details() {
  MaskSettings out;
  out.table = kDetail;
  out.plain = {"event",    "version",     "text",      "at",          "route",       "table",         "entries",
               "unmasked", "reader/kind", "reader/id", "reader/name", "reader/role", "reader/tenant", "basis",
               "before",   "after",       "from_lsn",  "to_lsn",      "what",        "column",        "setting",
               "subjects", "rows",        "seq",       "undoes"};
  out.text = {"reason"};
  return out;
}

}  // namespace

Result<Policy> Policy::make(PolicySettings settings) {
  Policy out;
  out.tenant_columns = std::move(settings.tenant_columns);
  out.names = std::move(settings.names);
  settings.context.table = kContext;
  RL_ASSIGN(out.masks, MaskPolicy::make(settings.masks));
  RL_ASSIGN(const MaskPolicy others, MaskPolicy::make({settings.context, details()}));
  out.context = others.table(kContext);
  out.detail = others.table(kDetail);
  out.detail_and_key = out.detail;
  out.detail_and_key.children["key"].mask = Mask::kPlain;
  return out;
}

}  // namespace rowledger::view
