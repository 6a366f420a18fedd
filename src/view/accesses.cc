#include "view/accesses.h"

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
    if (!question_.key.empty() && text_at(detail, {"key"}) != question_.key) return false;
    return question_.reader.empty() || text_at(detail, {"reader", "id"}) == question_.reader ||
           text_at(detail, {"reader", "name"}) == question_.reader;
  }

 private:
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
