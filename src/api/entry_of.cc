#include "api/entry_of.h"

#include "api/json_writer.h"

namespace rowledger::api {

std::string who_json(const people::Principal& by) {
  JsonWriter out;
  out.text("kind", to_string(by.kind)).text("id", by.id);
  if (!by.name.empty()) out.text("name", by.name);
  return out.finish();
}

record::Entry entry_of(record::EntryKind kind, const people::Principal& by, std::string_view tenant,
                       std::string_view detail) {
  record::Entry out;
  out.header.kind = kind;
  out.header.tenant = tenant;
  out.header.trust = record::Trust::kVerified;
  out.body.attribution.actor_id = by.id;
  out.body.attribution.actor_name = by.name;
  out.body.detail = detail;
  return out;
}

}  // namespace rowledger::api
