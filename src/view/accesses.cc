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
  AccessSearch(const View& view, const AccessQuestion& question) : question_(question) {
    if (!question.table.empty()) table_ = view.state_->full_name(question.table);
  }

  bool matches(const Shown& shown) const {
    const record::Entry& entry = *shown.plain_;
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

 private:
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

  const AccessQuestion& question_;
  std::string table_;
};

Result<std::optional<Seq>> find_accesses(const View& view, const AccessQuestion& question, std::optional<Seq> from,
                                         const std::function<bool(const Shown&)>& visit) {
  const auto search = query::Search::parse("kind:access", Timestamp::now(), true);
  if (!search) return fail(ErrorCode::kInternal, search.error().message);
  const AccessSearch wanted(view, question);
  size_t looked_at = 0;
  std::optional<Seq> next;
  RL_TRY(view.search(*search, query::Order::kNewestFirst, from, [&](const Shown& shown) {
    if (looked_at++ == kMaxEntries) {
      next = shown.seq();
      return false;
    }
    return !wanted.matches(shown) || visit(shown);
  }));
  return next;
}

}  // namespace rowledger::view
