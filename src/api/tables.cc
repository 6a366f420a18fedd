// A table as it was.
#include "api/answer.h"
#include "api/cursor.h"
#include "api/json_writer.h"
#include "api/routes.h"

namespace rowledger::api {
namespace {

std::string row_json(const view::TableRow& row) {
  JsonWriter json;
  json.text("key", row.key);
  if (row.past.seq) json.number("seq", row.past.seq->value);
  json.raw("row", query::to_json(row.past.row));
  const query::Images images{{}, row.past.row};
  if (const auto masked = query::masked_columns(images); !masked.empty()) json.texts("masked", masked);
  return json.finish();
}

}  // namespace

http::Response get_table_at(const Call& call) {
  const std::string when(call.target.parameter("when").value_or("now")), q(call.target.parameter("q").value_or(""));
  const auto limit = number_parameter(call.target, "limit", kDefaultLimit, 1, kLargestLimit);
  if (!limit) return problem(limit.error());
  const Cursors cursors(call.dependencies.cursor_key, call.principal(),
                        fmt::format("table\n{}\n{}\n{}", call.path[0], when, q));
  // The pages are of one moment: what it came to for the first stands in the cursor.
  Cursor at{{}, Timestamp::now(), {}};
  const auto text = call.target.parameter("cursor");
  if (text) {
    const auto cursor = cursors.parse(*text);
    if (!cursor)
      return problem(
          Error{ErrorCode::kInvalid, "the cursor does not belong to this table, moment and search, or not to you"});
    at = *cursor;
  } else {
    const auto moment = call.view().moment(when, at.now);
    if (!moment) return problem(moment.error());
    at.from = moment->before;
  }
  const auto search = query::Search::parse(q, at.now, true);
  if (!search) return problem(search.error(), q);
  call.access.route = "table.at";
  call.access.table = call.path[0];
  call.access.search = q;
  call.access.query = "when=" + when;
  const auto page =
      call.view().table_at(call.path[0], {at.from}, *search, text ? std::optional(at.place) : std::nullopt, *limit);
  if (!page) return problem(page.error());
  call.access.entries = page->rows.size();
  std::string rows = "[";
  for (const view::TableRow& row : page->rows) {
    if (rows.size() > 1) rows += ',';
    rows += row_json(row);
  }
  JsonWriter json;
  json.text("table", call.path[0]).text("when", when).raw("rows", rows + "]");
  if (page->next) json.text("next_cursor", cursors.to_text({at.from, at.now, *page->next}));
  return json_answer(json.finish());
}

}  // namespace rowledger::api
