#pragma once
// What the configuration says about who sees what. Made once, immutable, safe from any thread.
#include <string>
#include <vector>

#include "base/result.h"
#include "view/mask_policy.h"
#include "view/scope.h"

namespace rowledger::view {

// The table that says what an actor is called: ids and names, captured like any other.
struct NamesSettings {
  std::string table, id_column = "id", name_column = "name";  // table empty: none
};

struct PolicySettings {
  TenantColumns tenant_columns;
  std::vector<MaskSettings> masks;
  MaskSettings context;  // members of the context that the application gave; .table is not used
  NamesSettings names;
};

struct Policy {
  static Result<Policy> make(PolicySettings settings);

  TenantColumns tenant_columns;
  MaskPolicy masks;
  MaskNode context;                 // its children are the context's members
  MaskNode detail, detail_and_key;  // the members of control entries' details, without and with the key of a row
  NamesSettings names;
};

}  // namespace rowledger::view
