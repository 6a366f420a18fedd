// Who has looked at what.
#include "view/accesses.h"

#include "api/answer.h"
#include "api/cursor.h"
#include "api/json_writer.h"
#include "api/routes.h"
#include "base/local_time.h"

namespace rowledger::api {
namespace {

Result<view::AccessQuestion> question_of(const http::Target& target, const SearchedValues& values) {
  view::AccessQuestion out;
  out.table = target.parameter("table").value_or("");
  out.key = target.parameter("key").value_or("");
  out.reader = target.parameter("reader").value_or("");
  if (!out.key.empty()) out.key_token = values.token(out.key);
  if (const auto value = target.parameter("value"); value && !value->empty()) out.tokens = values.tokens_of(*value);
  for (const std::string_view name : {"from", "to"}) {
    const auto text = target.parameter(name);
    if (!text || text->empty()) continue;
    const auto span = parse_time_span(*text);
    if (!span)
      return fail(ErrorCode::kInvalid, fmt::format("{} is no time; write 2026-08-01, or 2026-08-01T10:00+05:30", name));
    if (name == "from") {
      out.from = span->first;
    } else {
      out.to = span->last;
    }
  }
  if (!out.key.empty() && out.table.empty()) return fail(ErrorCode::kInvalid, "a key needs its table");
  return out;
}

}  // namespace

http::Response get_accesses(const Call& call) {
  const auto question = question_of(call.target, call.dependencies.searched_values);
  if (!question) return problem(question.error());
  const auto limit = number_parameter(call.target, "limit", kDefaultLimit, 1, kLargestLimit);
  if (!limit) return problem(limit.error());
  const auto of = [&](std::string_view name) { return call.target.parameter(name).value_or(""); };
  const Cursors cursors(call.dependencies.cursor_key, call.principal(),
                        fmt::format("access\n{}\n{}\n{}\n{}\n{}\n{}", of("table"), of("key"), of("reader"), of("value"),
                                    of("from"), of("to")));
  std::optional<Seq> from;
  if (const auto text = call.target.parameter("cursor")) {
    const auto cursor = cursors.parse(*text);
    if (!cursor)
      return problem(Error{ErrorCode::kInvalid, "the cursor does not belong to this question, or not to you"});
    from = cursor->from;
  }
  call.access.route = "access";
  call.access.table = question->table;
  call.access.key = question->key;
  call.access.is_known = false;
  if (const std::string_view value = of("value"); !value.empty())
    call.access.query = "value:" + call.dependencies.searched_values.token(value);
  std::string list;
  uint64_t count = 0;
  std::optional<Seq> next;
  const auto rest = view::find_accesses(call.view(), *question, from, [&](const view::Shown& shown) {
    if (count == *limit) {
      next = shown.seq();
      return false;
    }
    if (count++ > 0) list += ',';
    list += call.view().json(shown);
    return true;
  });
  if (!rest) return problem(rest.error());
  if (*rest) next = *rest;
  call.access.entries = count;
  std::string body = "{\"access\":[" + list + "]";
  if (next) body += ",\"next_cursor\":\"" + cursors.to_text({*next, {}, {}}) + "\"";
  return json_answer(body + "}");
}

}  // namespace rowledger::api
