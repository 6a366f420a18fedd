#pragma once
// An entry's JSON taken apart once, for the formats that put it together in another way. Borrows the text.
#include <string>
#include <string_view>

#include "api/json_view.h"

namespace rowledger::api {

struct ExportEntry {
  explicit ExportEntry(std::string_view json);

  std::string_view json;
  JsonView seq, kind, source, table, key, tenant, subject, changes, actor, via, db, context, tx, received_at, detail;
  bool housekeeping = false, erased = false, locked = false, forged = false, bulk = false;

  // When it was committed; else when it was written here. RFC 3339.
  std::string time() const;
  // As in a search: "42", or "a,b" with its parts percent-encoded.
  std::string key_text() const;
  // "change", "baseline", or "control" for what is no row.
  std::string_view family() const;
};

}  // namespace rowledger::api
