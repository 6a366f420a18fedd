#include <algorithm>
#include <chrono>

#include "api/answer.h"
#include "api/cursor.h"
#include "api/json_writer.h"
#include "api/routes.h"
#include "view/completion.h"

namespace rowledger::api {
namespace {

// A page ends early beyond this, so that rows with huge values do not pile up in memory.
constexpr size_t kPageBytes = 8 << 20;

struct Page {
  query::Order order = query::Order::kNewestFirst;
  uint64_t limit = kDefaultLimit;
  bool all = false, images = false;
  std::string q;
  Timestamp now;
  std::optional<Seq> from;
};

Result<Page> page_of(const Call& call, const Cursors& cursors) {
  const http::Target& target = call.target;
  Page page;
  page.q = target.parameter("q").value_or("");
  const auto order = target.parameter("order").value_or("desc");
  if (order != "asc" && order != "desc") return fail(ErrorCode::kInvalid, "order must be asc or desc");
  page.order = order == "asc" ? query::Order::kOldestFirst : query::Order::kNewestFirst;
  RL_ASSIGN(page.limit, number_parameter(target, "limit", kDefaultLimit, 1, kLargestLimit));
  RL_ASSIGN(page.all, flag_parameter(target, "all"));
  RL_ASSIGN(page.images, flag_parameter(target, "images"));
  page.now = Timestamp::now();
  if (const auto text = target.parameter("cursor")) {
    const auto cursor = cursors.parse(*text);
    if (!cursor) {
      return fail(ErrorCode::kInvalid,
                  "the cursor does not belong to this search, or not to you: repeat q, order and all as they "
                  "were, or begin again without a cursor");
    }
    page.from = cursor->from;
    page.now = cursor->now;
  }
  return page;
}

Cursors cursors_of(const Call& call) {
  const auto of = [&](std::string_view name) { return call.target.parameter(name).value_or(""); };
  return Cursors(call.dependencies.cursor_key, call.principal(),
                 fmt::format("entries\n{}\n{}\n{}", of("order"), of("all"), of("q")));
}

Result<std::string> entry_json(const view::View& view, const view::Shown& shown, bool images) {
  if (!images) return view.json(shown);
  RL_ASSIGN(const query::Images both, view.images(shown));
  return view.json(shown, &both);
}

// The address of the next page: the same parameters with the cursor put in.
std::string next_link(const http::Target& target, std::string_view cursor) {
  std::string out = "<" + target.path + "?";
  for (const auto& [name, value] : target.parameters) {
    if (name != "cursor") out += http::percent_encode(name) + "=" + http::percent_encode(value) + "&";
  }
  return out + "cursor=" + std::string(cursor) + ">; rel=\"next\"";
}

}  // namespace

http::Response get_entries(const Call& call) {
  const Cursors cursors = cursors_of(call);
  const auto page = page_of(call, cursors);
  if (!page) return problem(page.error());
  call.access.route = "entries";
  call.access.search = page->q;
  const auto search = query::Search::parse(page->q, page->now, page->all);
  if (!search) return problem(search.error(), page->q);

  std::string list;
  uint64_t count = 0;
  std::optional<Seq> next;
  Status inner;
  const Status outer = call.view().search(*search, page->order, page->from, [&](const view::Shown& found) {
    if (count == page->limit || list.size() > kPageBytes) {
      next = found.seq();
      return false;
    }
    auto json = entry_json(call.view(), found, page->images);
    if (!json) {
      inner = fail(std::move(json.error()));
      return false;
    }
    if (count++ > 0) list += ',';
    list += *json;
    return true;
  });
  if (!outer) return problem(outer.error());
  if (!inner) return problem(inner.error());

  call.access.entries = count;
  std::string body = "{\"entries\":[" + list + "]";
  std::string cursor;
  if (next) {
    cursor = cursors.to_text({*next, page->now, {}});
    body += ",\"next_cursor\":\"" + cursor + "\"";
  }
  auto response = json_answer(body + "}");
  if (next) response.headers.emplace_back("Link", next_link(call.target, cursor));
  return response;
}

http::Response get_entry(const Call& call) {
  call.access.route = "entry";
  call.access.query = fmt::format("seq:{}", call.path[0]);
  const auto seq = parse_number(call.path[0]);
  if (!seq) return problem(Error{ErrorCode::kInvalid, "an entry's number is a whole number, as in /v1/entries/1207"});
  const auto images = flag_parameter(call.target, "images");
  if (!images) return problem(images.error());
  const auto found = call.view().entry({*seq});
  if (!found) return problem(found.error());
  if (!*found) return problem(Error{ErrorCode::kNotFound, fmt::format("there is no entry {}", *seq)});
  auto json = entry_json(call.view(), **found, *images);
  if (!json) return problem(json.error());
  call.access.entries = 1;
  return json_answer(std::move(*json));
}

http::Response get_query_parse(const Call& call) {
  const std::string_view q = call.target.parameter("q").value_or("");
  const auto all = flag_parameter(call.target, "all");
  if (!all) return problem(all.error());
  // Where the cursor stands, for completion; nowhere: at the end.
  const auto position = number_parameter(call.target, "position", q.size(), 0, UINT32_MAX);
  if (!position) return problem(position.error());
  const auto completion = view::complete(call.view(), q, *position);
  if (!completion) return problem(completion.error());
  const auto search = query::Search::parse(q, Timestamp::now(), *all);
  JsonWriter json;
  json.boolean("valid", search.has_value());
  if (search) {
    json.raw("tree", search->to_json());
  } else {
    JsonWriter error;
    error.text("message", search.error().message)
        .number("position", search.error().position)
        .number("length", search.error().length);
    if (!search.error().suggestion.empty()) error.text("suggestion", search.error().suggestion);
    json.raw("error", error.finish());
  }
  json.raw("completion", JsonWriter()
                             .number("position", completion->position)
                             .number("length", completion->length)
                             .texts("texts", completion->texts)
                             .finish());
  return json_answer(json.finish());
}

}  // namespace rowledger::api
