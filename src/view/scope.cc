#include "view/scope.h"

#include <algorithm>

namespace rowledger::view {
namespace {

using record::EntryKind;
using record::Presence;
using store::Dimension;
using store::Filter;

constexpr EntryKind kForEveryone[] = {EntryKind::kGap, EntryKind::kSchema, EntryKind::kTruncate};

bool is_for_everyone(EntryKind kind) { return std::ranges::find(kForEveryone, kind) != std::end(kForEveryone); }

Filter term(Dimension dimension, std::string_view value) {
  return {Filter::Op::kTerm, {dimension, std::string(value)}, {}};
}

}  // namespace

Filter Scope::filter() const { return made_filter(true); }
Filter Scope::own_filter() const { return made_filter(false); }

Filter Scope::made_filter(bool with_everyones) const {
  if (!reads_) return {Filter::Op::kNone};
  Filter out{Filter::Op::kAnd};
  if (!reads_access_)
    out.children.push_back({Filter::Op::kNot, {}, {term(Dimension::kKind, to_string(EntryKind::kAccess))}});
  if (tenant_) {
    Filter& whose = out.children.emplace_back(Filter{Filter::Op::kOr});
    whose.children.push_back(term(Dimension::kTenant, *tenant_));
    if (with_everyones) {
      Filter kinds{Filter::Op::kOr};
      for (const EntryKind kind : kForEveryone) kinds.children.push_back(term(Dimension::kKind, to_string(kind)));
      whose.children.push_back({Filter::Op::kAnd, {}, {term(Dimension::kTenant, ""), std::move(kinds)}});
    }
  }
  return out;
}

bool Scope::may_see(const record::EntryHeader& header) const {
  if (!reads_ || (header.kind == EntryKind::kAccess && !reads_access_)) return false;
  return is_own(header) || (header.tenant.empty() && is_for_everyone(header.kind));
}

bool Scope::concerns_everyone(const record::Entry& entry) {
  return is_for_everyone(entry.header.kind) && entry.header.tenant.empty() && entry.body.key.empty() &&
         entry.body.changes.empty();
}

bool Scope::came_from_elsewhere(const record::Entry& entry) const {
  if (!tenant_ || entry.header.tenant.empty()) return false;
  const auto column = columns_.find(entry.header.table);
  return std::ranges::any_of(entry.body.changes, [&](const record::FieldChange& change) {
    // A column that is configured no more, or has another name now, is known by what it says.
    const bool is_tenants = column != columns_.end() && !column->second.empty()
                                ? change.field == column->second
                                : change.after.text == entry.header.tenant;
    return is_tenants && change.before.presence != Presence::kAbsent && change.before.text != *tenant_;
  });
}

bool Scope::owns_row(const record::TableSchema& schema, const store::RowState& row) const {
  if (!tenant_) return reads_;
  const auto column = columns_.find(schema.table);
  if (!reads_ || column == columns_.end()) return false;
  const auto at = schema.index_of(column->second);
  std::vector<record::Value> values;
  if (!at || !record::decode_image(row.image, schema.columns.size(), values)) return false;
  return values[*at].presence == Presence::kValue && values[*at].text == *tenant_;
}

}  // namespace rowledger::view
