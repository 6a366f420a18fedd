// What values stand for: from the configuration, and from the tables that it names.
#include "view/view_state.h"

namespace rowledger::view {
namespace {

// Of one table. A browser is told all of them when it begins.
constexpr size_t kMaxIds = 1'000;

// What the table says, over what the configuration says.
void put(Label& label, const NameBook::Names& names) {
  if (names.empty()) return;
  if (!names.front().second.empty()) label.now = names.front().second;
  for (size_t i = 1; i < names.size(); ++i) {
    const std::string& name = names[i].second;
    if (!name.empty() && name != names[i - 1].second) label.before.push_back({names[i - 1].first, name});
  }
}

}  // namespace

Result<KnownLabels> View::labels() const {
  KnownLabels out;
  const Policy& policy = state_->policy;
  const auto& tenant = state_->reader.tenant;
  for (const auto& [column, values] : policy.labels_for(tenant))
    for (const auto& [value, label] : values) out[column][value].now = label;
  for (const auto& [column, table] : policy.label_tables) {
    NameBook book(table, state_->whole);
    if (tenant && policy.is_tenant_column(column)) {
      RL_ASSIGN(const NameBook::Names* names, book.history(*tenant));
      if (names != nullptr) put(out[column][*tenant], *names);
    } else {
      RL_TRY(book.histories(kMaxIds, [&, &column = column](std::string_view id, const NameBook::Names& names) {
        put(out[column][std::string(id)], names);
      }));
    }
  }
  return out;
}

}  // namespace rowledger::view
