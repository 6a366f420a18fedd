#include "view/insights.h"

#include "api/answer.h"
#include "api/json_writer.h"
#include "api/routes.h"
#include "base/local_time.h"

namespace rowledger::api {
namespace {

constexpr uint64_t kDefaultLimit = 50, kLargestLimit = 1'000;

struct Question {
  view::InsightRequest request;
  std::string q, from, to;
  bool all = false;
};

Result<std::optional<TimeSpan>> time_of(const http::Target& target, std::string_view name) {
  const auto text = target.parameter(name);
  if (!text || text->empty()) return std::optional<TimeSpan>();
  const auto span = parse_time_span(*text);
  if (!span)
    return fail(ErrorCode::kInvalid, fmt::format("{} is no time; write 2026-08-01, or 2026-08-01T10:00+05:30", name));
  return span;
}

Result<Question> question_of(const http::Target& target) {
  Question out;
  const auto by = view::parse_by(target.parameter("by").value_or("day"));
  if (!by) return fail(ErrorCode::kInvalid, "by must be day, hour_of_week, field, actor, via, op, table or row");
  out.request.by = *by;
  if (const auto split = target.parameter("split"); split && !split->empty()) {
    out.request.split = view::parse_by(*split);
    if (!out.request.split) return fail(ErrorCode::kInvalid, "split must be via, op or table");
  }
  RL_ASSIGN(const auto from, time_of(target, "from"));
  RL_ASSIGN(const auto to, time_of(target, "to"));
  if (from) out.request.from = from->first;
  if (to) out.request.to = to->last;
  RL_ASSIGN(out.request.limit, number_parameter(target, "limit", kDefaultLimit, 1, kLargestLimit));
  RL_ASSIGN(out.all, flag_parameter(target, "all"));
  out.q = target.parameter("q").value_or("");
  return out;
}

std::string bucket_json(const view::Bucket& bucket, bool with_parts) {
  JsonWriter json;
  json.text("key", bucket.key);
  if (!bucket.label.empty()) json.text("label", bucket.label);
  json.number("count", bucket.count);
  if (with_parts) {
    JsonWriter parts;
    for (const auto& [name, count] : bucket.parts) parts.number(name, count);
    json.raw("parts", parts.finish());
  }
  if (!bucket.query.empty()) json.text("query", bucket.query);
  return json.finish();
}

}  // namespace

http::Response get_change_insights(const Call& call) {
  const auto question = question_of(call.target);
  if (!question) return problem(question.error());
  const auto search = query::Search::parse(question->q, Timestamp::now(), question->all);
  if (!search) return problem(search.error(), question->q);
  call.access.route = "insights.changes";
  call.access.query = question->q;
  const auto insight = view::count_changes(call.view(), *search, question->request);
  if (!insight) return problem(insight.error());
  std::string buckets = "[";
  for (const view::Bucket& bucket : insight->buckets) {
    if (buckets.size() > 1) buckets += ',';
    buckets += bucket_json(bucket, question->request.split.has_value());
  }
  JsonWriter json;
  json.text("by", view::to_string(question->request.by));
  if (question->request.from) json.text("from", question->request.from->to_string());
  if (question->request.to) json.text("to", question->request.to->to_string());
  json.text("time_zone", call.dependencies.time_zone).number("total", insight->total).raw("buckets", buckets + "]");
  return json_answer(json.finish());
}

}  // namespace rowledger::api
