#pragma once
// What the configuration says about who sees what. Made once, immutable, safe from any thread.
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "view/mask_policy.h"
#include "view/scope.h"

namespace rowledger::view {

// A table that says what an id is called, captured like any other.
struct NamesSettings {
  std::string table, id_column = "id", name_column = "name";  // table empty: none; id_column empty: its only key column
};

// What values of a column are called: column to value to label, "language_id" to "1" to "English".
using Labels = std::map<std::string, std::map<std::string, std::string, std::less<>>, std::less<>>;

struct PolicySettings {
  TenantColumns tenant_columns;
  std::vector<MaskSettings> masks;
  MaskSettings context;  // members of the context that the application gave; .table is not used
  NamesSettings names;
  std::vector<std::string> labels;  // "language_id/1=English", "language_id=languages.label"
};

struct Policy {
  static Result<Policy> make(PolicySettings settings);

  TenantColumns tenant_columns;
  MaskPolicy masks;
  MaskNode context;                 // its children are the context's members
  MaskNode detail, detail_and_key;  // the members of control entries' details, without and with the key of a row
  NamesSettings names;
  Labels labels;
  std::map<std::string, NamesSettings, std::less<>> label_tables;  // by the column whose values are their keys

  bool is_tenant_column(std::string_view column) const;
  // Those for a reader of one tenant, who is not told of others, or (nothing) of all.
  Labels labels_for(const std::optional<std::string>& tenant) const;
};

}  // namespace rowledger::view
