#pragma once
// Which mask covers what, as configured (docs/masking.md). Immutable, safe from any thread.
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "view/mask.h"

namespace rowledger::view {

// One table's classified columns. "fields/*/label" names a place inside a JSON column: members' names, or * for each of
// an object's members or an array's elements.
struct MaskSettings {
  std::string table;  // "public.contacts"
  std::vector<std::string> plain, phone, name, date, text, hidden;
};

// The mask of a column, or of a place inside its JSON: either a mask, or places inside with masks of their own.
struct MaskNode {
  std::optional<Mask> mask;
  std::map<std::string, MaskNode, std::less<>> children;  // by member's name; "*": any other

  bool is(Mask wanted) const { return mask == wanted; }
  bool has_places() const { return !children.empty(); }
  // Null where nobody classified anything.
  const MaskNode* child(std::string_view name) const;
};

class MaskPolicy {
 public:
  // kInvalid: a place that is classified twice, a column that is classified and has places, a name that is empty.
  static Result<MaskPolicy> make(const std::vector<MaskSettings>& tables);

  // Null for what nobody classified.
  const MaskNode* column(std::string_view table, std::string_view column) const;
  // All of one table; empty when none of its columns is classified.
  MaskNode table(std::string_view table) const;

 private:
  std::map<std::string, MaskNode, std::less<>> tables_;  // children are the columns
};

// JSON text (query::is_json) as somebody is shown it: masked values become strings, members that nobody classified one
// member "••••". `changed`: whether anything is hidden.
std::string mask_json(const MaskNode& node, std::string_view json, bool& changed);

}  // namespace rowledger::view
