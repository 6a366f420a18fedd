#include "view/accesses.h"

#include <algorithm>

#include "query/json_scan.h"
#include "view/view_state.h"

namespace rowledger::view {
namespace {

constexpr size_t kMaxEntries = 50'000;

std::string text_at(std::string_view detail, std::initializer_list<std::string> path) {
  const auto value = query::json_at(detail, path);
  return value ? query::json_scalar_text(*value).value_or("") : std::string();
}

}  // namespace

// Looks into what the entries say about themselves before anything is masked.
class AccessSearch {
 public:
  AccessSearch(const View& view, const AccessQuestion& question) : view_(view), question_(question) {
    if (!question.table.empty()) table_ = view.state_->full_name(question.table);
  }

  // Whoever looked at one row is found without reading who looked at all the others.
  store::Filter filter() const {
    using store::Dimension;
    using store::Filter;
    const auto term = [](Dimension dimension, std::string_view value) {
      return Filter{Filter::Op::kTerm, {dimension, std::string(value)}, {}};
    };
    Filter out{Filter::Op::kAnd, {}, {term(Dimension::kKind, to_string(record::EntryKind::kAccess))}};
    if (!question_.key.empty()) {
      out.children.push_back(
          {Filter::Op::kOr, {}, {term(Dimension::kKey, question_.key), term(Dimension::kKey, question_.key_token)}});
    }
    if (!question_.reader.empty()) out.children.push_back(term(Dimension::kActor, question_.reader));
    return out;
  }

  // Newest first, from `from` on, until visit returns false, or so many entries were looked at; then where to go on.
  Result<std::optional<Seq>> find(std::optional<Seq> from, const std::function<bool(const Shown&)>& visit) const {
    const store::Store& store = view_.scope();
    const store::Filter wanted = filter();
    size_t looked_at = 0;
    const uint64_t end = from ? std::min(from->value + 1, store.end().value) : store.end().value;
    for (uint64_t range = (end + kIndexRange - 1) / kIndexRange; range-- > 0;) {
      RL_ASSIGN(const std::vector<Seq> candidates, store.candidates(range, wanted));
      for (size_t i = candidates.size(); i-- > 0;) {
        if (candidates[i].value >= end) continue;
        if (looked_at++ == kMaxEntries) return std::optional(candidates[i]);
        RL_ASSIGN(const std::optional<Shown> shown, view_.entry(candidates[i]));
        if (shown && matches(*shown) && !visit(*shown)) return std::optional<Seq>();
      }
    }
    return std::optional<Seq>();
  }

 private:
  static constexpr uint64_t kIndexRange = store::Store::kIndexRange;

  bool matches(const Shown& shown) const {
    const record::Entry& entry = *shown.plain_;
    if (entry.header.kind != record::EntryKind::kAccess) return false;
    const Timestamp at = entry.header.received_at;
    if ((question_.from && at < *question_.from) || (question_.to && at > *question_.to)) return false;
    const std::string_view detail = entry.body.detail;
    if (!query::is_json(detail)) return false;
    if (!table_.empty() && text_at(detail, {"table"}) != table_) return false;
    if (!question_.key.empty()) {
      const std::string key = text_at(detail, {"key"});
      if (key != question_.key && key != question_.key_token) return false;
    }
    if (!question_.tokens.empty() && !looks_for(detail)) return false;
    return question_.reader.empty() || text_at(detail, {"reader", "id"}) == question_.reader ||
           text_at(detail, {"reader", "name"}) == question_.reader;
  }

  bool looks_for(std::string_view detail) const {
    const auto is_wanted = [&](std::string_view text) {
      return std::ranges::find(question_.tokens, text) != question_.tokens.end();
    };
    if (is_wanted(text_at(detail, {"key"}))) return true;
    const std::string query = text_at(detail, {"query"});
    for (size_t at = query.find('#'); at != std::string::npos; at = query.find('#', at + 1)) {
      const size_t digits = query.find_first_not_of("0123456789abcdef", at + 1);
      const size_t end = digits != std::string::npos && query[digits] == '*' ? digits + 1 : digits;
      if (is_wanted(std::string_view(query).substr(at, end == std::string::npos ? end : end - at))) return true;
    }
    return false;
  }

  const View& view_;
  const AccessQuestion& question_;
  std::string table_;
};

Result<std::optional<Seq>> find_accesses(const View& view, const AccessQuestion& question, std::optional<Seq> from,
                                         const std::function<bool(const Shown&)>& visit) {
  return AccessSearch(view, question).find(from, visit);
}

}  // namespace rowledger::view
