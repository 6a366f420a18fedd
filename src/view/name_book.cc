#include "view/name_book.h"

#include <algorithm>
#include <utility>

#include "query/row_chain.h"

namespace rowledger::view {
namespace {

// Of one row's entries. Whoever has more than this is called by what the newest of them say.
constexpr size_t kMaxNamed = 2'000;
constexpr size_t kMaxPages = 20'000;

}  // namespace

bool NameBook::find_table() {
  if (std::exchange(looked_for_table_, true)) return table_.has_value();
  if (settings_.table.empty()) return false;
  for (const record::TableSchema& schema : store_.schemas()) {
    if (schema.table != settings_.table) continue;
    const auto key = std::ranges::find_if(schema.columns, &record::Column::is_key);
    const bool by_id = std::ranges::count_if(schema.columns, &record::Column::is_key) == 1 &&
                       (settings_.id_column.empty() || key->name == settings_.id_column);
    if (by_id) table_ = schema.table_id;
  }
  return table_.has_value();
}

Result<const NameBook::Page*> NameBook::page_of(std::string_view actor, Seq seq) {
  if (actor.empty() || !find_table()) return nullptr;
  const auto known = pages_.find(actor);
  if (known != pages_.end() && seq <= known->second.as_of) return &known->second;
  if (pages_.size() >= kMaxPages) pages_.clear();
  const Seq end = store_.end();
  RL_ASSIGN(const auto row, store_.row(*table_, record::encode_key({actor})));
  Page& page = pages_[std::string(actor)];
  if (row && row->erased) {
    page.since.clear();  // the row's newest entry is the same as before
  } else if (row && (page.since.empty() || page.newest != row->newest)) {
    RL_ASSIGN(page, read(actor, *row));
  }
  page.as_of = end;
  return &page;
}

Result<NameBook::Page> NameBook::read(std::string_view actor, const store::RowState& row) const {
  Page page{{}, row.newest, {}};
  const std::vector<std::string> key{std::string(actor)};
  // Before the oldest entry that names him he was called as the row says, or as that entry's old value.
  std::string before;
  if (const auto schema = store_.schema(row.schema); schema != nullptr && !row.deleted) {
    std::vector<record::Value> values;
    const auto at = schema->index_of(settings_.name_column);
    if (at && record::decode_image(row.image, schema->columns.size(), values)) before = values[*at].text;
  }
  query::PlaceWalk walk(store_, key, row.newest);
  Seq oldest = row.newest;
  for (size_t i = 0; i < kMaxNamed; ++i) {
    RL_ASSIGN(const auto entry, walk.next());
    if (!entry) break;
    oldest = entry->header().seq;
    const auto& changes = entry->body().changes;
    const auto change = std::ranges::find(changes, settings_.name_column, &record::FieldChange::field);
    if (change == changes.end()) continue;
    page.since.emplace_back(oldest, change->after.text);
    before = change->before.text;
  }
  if (!before.empty()) page.since.emplace_back(oldest, before);
  return page;
}

Result<std::optional<std::string>> NameBook::name_at(std::string_view actor, Seq seq) {
  RL_ASSIGN(const Page* page, page_of(actor, seq));
  if (page == nullptr) return std::optional<std::string>();
  for (const auto& [since, name] : page->since) {
    if (since >= seq) continue;
    return name.empty() ? std::optional<std::string>() : std::optional(name);
  }
  return std::optional<std::string>();
}

Result<std::vector<std::string>> NameBook::names(std::string_view actor) {
  std::vector<std::string> out;
  RL_ASSIGN(const Page* page, page_of(actor, store_.end()));
  if (page == nullptr) return out;
  for (const auto& [since, name] : page->since)
    if (!name.empty() && std::ranges::count(out, name) == 0) out.push_back(name);
  return out;
}

Result<const NameBook::Names*> NameBook::history(std::string_view id) {
  RL_ASSIGN(const Page* page, page_of(id, store_.end()));
  return page == nullptr ? nullptr : &page->since;
}

Status NameBook::histories(size_t at_most, const std::function<void(std::string_view id, const Names&)>& visit) {
  if (!find_table()) return {};
  Status inner;
  RL_TRY(store_.scan_rows(*table_, {}, [&](std::string_view key, const store::RowState& row) {
    const std::vector<std::string_view> parts = record::decode_key(key);
    if (at_most-- == 0 || parts.size() != 1) return false;
    auto page = read(parts.front(), row);
    if (!page) {
      inner = fail(std::move(page.error()));
      return false;
    }
    visit(parts.front(), page->since);
    return true;
  }));
  return inner;
}

}  // namespace rowledger::view
