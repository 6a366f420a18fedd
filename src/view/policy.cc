#include "view/policy.h"

#include <algorithm>
#include <utility>

namespace rowledger::view {
namespace {

constexpr char kContext[] = "context", kDetail[] = "detail";

// What entries about reading, erasing, undoing and so on say about themselves: a search or a key can name a person, a
// reason was written by one.
MaskSettings details() {
  MaskSettings out;
  out.table = kDetail;
  out.plain = {"event", "version", "text", "at", "route", "table", "entries", "unmasked", "reader/kind", "reader/id",
               "reader/name", "reader/role", "reader/tenant", "basis",
               // Who has access, and who gave it: no more than what people sign in with.
               "by/kind", "by/id", "by/name", "by/role", "by/tenant", "user", "role", "before", "after", "from_lsn",
               "to_lsn", "what", "column", "setting", "subjects", "rows", "seq", "undoes", "config_changed"};
  out.text = {"reason"};
  return out;
}

// "language_id/1=English": false if it is none.
bool add_label(Labels& out, const std::string& text) {
  const size_t slash = text.find('/'), equals = text.find('=', slash == std::string::npos ? 0 : slash);
  if (slash == std::string::npos || slash == 0 || equals == std::string::npos || equals == slash + 1 ||
      equals + 1 == text.size())
    return false;
  out[text.substr(0, slash)][text.substr(slash + 1, equals - slash - 1)] = text.substr(equals + 1);
  return true;
}

// "language_id=languages.label", where the first "=" comes before any "/": false if it is none.
bool add_label_table(std::map<std::string, NamesSettings, std::less<>>& out, const std::string& text) {
  const size_t equals = text.find('='), dot = text.rfind('.');
  if (equals == std::string::npos || equals == 0 || text.find('/') < equals || dot == std::string::npos ||
      dot <= equals + 1 || dot + 1 == text.size())
    return false;
  std::string table = text.substr(equals + 1, dot - equals - 1);
  if (table.find('.') == std::string::npos) table.insert(0, "public.");
  out[text.substr(0, equals)] = {.table = std::move(table), .id_column = "", .name_column = text.substr(dot + 1)};
  return true;
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
  for (const std::string& text : settings.labels) {
    if (!add_label_table(out.label_tables, text) && !add_label(out.labels, text))
      return fail(ErrorCode::kInvalid,
                  "display.labels has texts such as \"language_id/1=English\", or \"language_id=languages.label\"");
  }
  return out;
}

bool Policy::is_tenant_column(std::string_view column) const {
  return std::ranges::any_of(tenant_columns, [&](const auto& each) { return each.second == column; });
}

Labels Policy::labels_for(const std::optional<std::string>& tenant) const {
  if (!tenant) return labels;
  Labels out;
  for (const auto& [column, values] : labels) {
    if (!is_tenant_column(column)) {
      out.emplace(column, values);
    } else if (const auto own = values.find(*tenant); own != values.end()) {
      out[column].insert(*own);
    }
  }
  return out;
}

}  // namespace rowledger::view
