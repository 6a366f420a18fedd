#include "api/answer.h"
#include "api/cursor.h"
#include "api/json_view.h"
#include "api/json_writer.h"
#include "api/routes.h"

namespace rowledger::api {
namespace {

struct RowAddress {
  std::string table, key;
};

Error unknown_row(const RowAddress& row) {
  return {ErrorCode::kNotFound, fmt::format("the log knows no row {} of {}", row.key, row.table)};
}

// The row that is asked for, put down as what is about to be shown.
RowAddress row_of(const Call& call, std::string_view route) {
  RowAddress row{call.path[0], call.path[1]};
  if (row.table.find('.') == std::string::npos) row.table.insert(0, "public.");
  Access& access = call.access;
  access.route = route;
  access.table = row.table;
  access.key = row.key;
  for (const auto& [name, value] : call.target.parameters) {
    if (name != "when" && name != "from" && name != "to") continue;
    if (!call.view().moment(value, Timestamp::now())) continue;  // some other text
    access.query += fmt::format("{}{}={}", access.query.empty() ? "" : " ", name, value);
  }
  return row;
}

JsonWriter begin(const RowAddress& row) {
  JsonWriter json;
  json.text("table", row.table).text("key", row.key);
  return json;
}

void add_past(JsonWriter& json, const query::PastRow& past) {
  json.boolean("known", past.known).boolean("exists", past.exists);
  if (past.erased) json.boolean("erased", true);
  if (past.seq) json.number("seq", past.seq->value);
}

Result<query::PastRow> row_at(const view::View& view, const RowAddress& row, std::string_view when) {
  RL_ASSIGN(const query::Moment moment, view.moment(when, Timestamp::now()));
  return view.at(row.table, row.key, moment);
}

void add_row(JsonWriter& json, const query::PastRow& past) {
  if (!past.exists || past.erased) return;
  json.raw("row", query::to_json(past.row));
  std::vector<std::string_view> masked;
  for (const auto& field : past.row.fields)
    if (field.masked) masked.push_back(field.name);
  if (!masked.empty()) json.texts("masked", masked);
}

// In the shape of an entry's changes, written by the entry's writer, so that one place knows how values and paths
// inside JSON are shown.
std::string changes_json(const view::RowDifference& difference) {
  record::Entry entry;
  entry.header.kind = record::EntryKind::kUpdate;
  entry.body.changes = difference.changes;
  const std::string json = query::to_json(entry);
  const JsonView changes = JsonView(json)["changes"];
  return changes ? std::string(changes.raw()) : "[]";
}

std::string side_json(std::string_view when, const query::PastRow& past) {
  JsonWriter json;
  json.text("when", when);
  add_past(json, past);
  return json.finish();
}

}  // namespace

http::Response get_row(const Call& call) {
  const RowAddress row = row_of(call, "row");
  const auto past = row_at(call.view(), row, "now");
  if (!past) return problem(past.error());
  if (!past->known) return problem(unknown_row(row));
  JsonWriter json = begin(row);
  add_past(json, *past);
  add_row(json, *past);
  return json_answer(json.finish());
}

http::Response get_row_at(const Call& call) {
  const RowAddress row = row_of(call, "row.at");
  const auto when = call.target.parameter("when");
  if (!when) return problem(Error{ErrorCode::kInvalid, "say when: a time, lsn:..., or seq:..."});
  const auto past = row_at(call.view(), row, *when);
  if (!past) return problem(past.error());
  if (!past->known) {
    return problem(Error{ErrorCode::kNotFound, fmt::format("the log says nothing about row {} of {} at or before {}",
                                                           row.key, row.table, *when)});
  }
  JsonWriter json = begin(row);
  json.text("when", *when);
  add_past(json, *past);
  add_row(json, *past);
  return json_answer(json.finish());
}

http::Response get_row_entries(const Call& call) {
  const RowAddress row = row_of(call, "row.entries");
  const auto limit = number_parameter(call.target, "limit", kDefaultLimit, 1, kLargestLimit);
  if (!limit) return problem(limit.error());
  const auto images = flag_parameter(call.target, "images");
  if (!images) return problem(images.error());
  const Cursors cursors(call.dependencies.cursor_key, call.principal(),
                        fmt::format("history\n{}\n{}", row.table, row.key));
  std::optional<Seq> before;
  if (const auto text = call.target.parameter("cursor")) {
    const auto cursor = cursors.parse(*text);
    if (!cursor)
      return problem(
          Error{ErrorCode::kInvalid, "the cursor does not belong to this row, or not to you: begin again without one"});
    before = cursor->from;
  }
  const auto page = call.view().history(row.table, row.key, before, *limit);
  if (!page) return problem(page.error());
  if (page->entries.empty() && !before) return problem(unknown_row(row));
  call.access.entries = page->entries.size();

  std::string body = "{\"entries\":[";
  for (bool first = true; const view::Shown& found : page->entries) {
    if (!std::exchange(first, false)) body += ',';
    if (!*images) {
      body += call.view().json(found);
      continue;
    }
    const auto both = call.view().images(found);
    if (!both) return problem(both.error());
    body += call.view().json(found, &*both);
  }
  body += "]";
  std::string cursor;
  if (page->next) {
    cursor = cursors.to_text({*page->next, Timestamp{}, {}});
    body += ",\"next_cursor\":\"" + cursor + "\"";
  }
  auto response = json_answer(body + "}");
  if (page->next) {
    response.headers.emplace_back("Link", fmt::format("<{}?limit={}&images={:d}&cursor={}>; rel=\"next\"",
                                                      call.target.path, *limit, *images, cursor));
  }
  return response;
}

http::Response get_row_diff(const Call& call) {
  const RowAddress row = row_of(call, "row.diff");
  const auto from_text = call.target.parameter("from"), to_text = call.target.parameter("to");
  if (!from_text || !to_text)
    return problem(Error{ErrorCode::kInvalid, "say from and to: a time, lsn:..., or seq:... each"});
  const Timestamp now = Timestamp::now();
  const auto from = call.view().moment(*from_text, now), to = call.view().moment(*to_text, now);
  if (!from) return problem(from.error());
  if (!to) return problem(to.error());
  const auto difference = call.view().difference(row.table, row.key, *from, *to);
  if (!difference) return problem(difference.error());
  if (!difference->from.known && !difference->to.known) return problem(unknown_row(row));
  JsonWriter json = begin(row);
  json.raw("from", side_json(*from_text, difference->from))
      .raw("to", side_json(*to_text, difference->to))
      .raw("changes", changes_json(*difference));
  return json_answer(json.finish());
}

}  // namespace rowledger::api
