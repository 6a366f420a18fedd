// A table as it was: each row that the log knows of it, looked at one by one in the order of the keys.
#include <algorithm>

#include "base/bytes.h"
#include "store/terms.h"
#include "view/masker.h"
#include "view/view_state.h"

namespace rowledger::view {
namespace {

// What one page looks at, whatever matches.
constexpr size_t kMaxRows = 20'000;

// Where a page begins: in which of the table's sets of keys, and at which key.
struct Position {
  uint32_t table = 0;
  std::string key;
};

std::string to_text(const Position& place) {
  std::string out;
  ByteWriter writer(out);
  writer.u32(place.table);
  writer.raw(place.key);
  return out;
}

std::optional<Position> parse_place(std::string_view text) {
  ByteReader reader(text);
  Position out;
  out.table = reader.u32();
  out.key = reader.rest();
  return reader.ok() ? std::optional(out) : std::nullopt;
}

std::string address_of(const std::vector<std::string_view>& parts) {
  if (parts.size() == 1) return std::string(parts.front());
  std::vector<record::KeyPart> key;
  key.reserve(parts.size());
  for (const std::string_view part : parts) key.push_back({{}, part});
  return store::key_text(key);
}

}  // namespace

// Looks at the rows of one table under one set of keys.
class View::TableWalk {
 public:
  TableWalk(const View& view, std::vector<record::TableSchema> versions, query::Moment moment,
            const query::Search& search, size_t limit)
      : view_(view),
        state_(*view.state_),
        versions_(std::move(versions)),
        moment_(moment),
        search_(search),
        limit_(limit) {}

  Status walk(TableId table, std::string_view from) {
    Status inner;
    RL_TRY(state_.store.scan_rows(table, from, [&](std::string_view key, const store::RowState& row) {
      if (page_.rows.size() == limit_ || looked_at_ == kMaxRows) {
        page_.next = to_text({table.value, std::string(key)});
        return false;
      }
      ++looked_at_;
      inner = look(key, row);
      return bool(inner);
    }));
    return inner;
  }

  bool is_full() const { return page_.next.has_value(); }
  TablePage take() { return std::move(page_); }

 private:
  Status look(std::string_view key, const store::RowState& row) {
    const std::vector<std::string_view> parts = record::decode_key(key);
    TableRow out{address_of(parts), {}};
    const std::string& table = versions_.back().table;
    if (row.newest < moment_.before && !row.deleted && !row.erased) {
      RL_TRY(read_image(row, out.past));
    } else {
      RL_ASSIGN(out.past, state_.log_reader.at(table, out.key, moment_));
    }
    if (!out.past.exists || !matches(table, parts, out.past)) return {};
    if (state_.masks) {
      state_.masker.mask(table, out.past.row);
      if (state_.masker.hides_key(table)) out.key = kBullets;
    }
    page_.rows.push_back(std::move(out));
    return {};
  }

  // The row has not changed since.
  Status read_image(const store::RowState& row, query::PastRow& out) const {
    const auto schema = state_.store.schema(row.schema);
    std::vector<record::Value> values;
    if (schema == nullptr || !record::decode_image(row.image, schema->columns.size(), values))
      return fail(ErrorCode::kCorrupt, "the stored image of a row does not fit its columns; run rowledger verify");
    out.known = out.exists = true;
    out.seq = row.newest;
    for (size_t i = 0; i < values.size(); ++i) {
      const record::Column& column = schema->columns[i];
      out.row.fields.push_back({column.name, column.form, values[i].presence, std::string(values[i].text)});
    }
    return {};
  }

  // As an entry that has found the row so would match.
  bool matches(const std::string& table, const std::vector<std::string_view>& parts, const query::PastRow& past) const {
    record::Entry entry;
    entry.header.kind = record::EntryKind::kBaseline;
    entry.header.table = table;
    if (const auto& tenant = state_.scope.tenant()) entry.header.tenant = *tenant;
    size_t part = 0;
    for (const record::Column& column : versions_.back().columns)
      if (column.is_key && part < parts.size()) entry.body.key.push_back({column.name, parts[part++]});
    for (const auto& field : past.row.fields)
      entry.body.changes.push_back({field.name, field.form, {}, {field.presence, field.text}});
    if (!state_.masks || !search_.looks_at_values()) return search_.matches(entry);
    record::Entry shown = entry;
    std::deque<std::string> texts;
    state_.masker.mask(shown, texts);
    return search_.matches(entry, shown);
  }

  const View& view_;
  State& state_;
  const std::vector<record::TableSchema> versions_;
  const query::Moment moment_;
  const query::Search& search_;
  const size_t limit_;
  size_t looked_at_ = 0;
  TablePage page_;
};

Result<TablePage> View::table_at(std::string_view table, query::Moment moment, const query::Search& search,
                                 const std::optional<std::string>& from, size_t limit) const {
  RL_TRY(check_search(search));
  const std::string name = state_->full_name(table);
  std::vector<record::TableSchema> versions;
  std::vector<TableId> tables;
  for (record::TableSchema& schema : state_->whole.schemas()) {
    if (schema.table != name) continue;
    if (std::ranges::count(tables, schema.table_id) == 0) tables.push_back(schema.table_id);
    versions.push_back(std::move(schema));
  }
  if (versions.empty()) return fail(ErrorCode::kNotFound, "that table was never captured");
  Position begin{tables.front().value, {}};
  if (from) {
    const auto place = parse_place(*from);
    if (!place) return fail(ErrorCode::kInvalid, "the next page begins nowhere");
    begin = *place;
  }
  TableWalk walk(*this, std::move(versions), moment, search, limit);
  bool begun = false;
  for (const TableId id : tables) {
    const bool is_first = id.value == begin.table;
    begun = begun || is_first;
    if (!begun || walk.is_full()) continue;
    RL_TRY(walk.walk(id, is_first ? begin.key : std::string()));
  }
  return walk.take();
}

}  // namespace rowledger::view
