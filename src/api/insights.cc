#include "view/insights.h"

#include "api/answer.h"
#include "api/json_writer.h"
#include "api/routes.h"
#include "base/local_time.h"

namespace rowledger::api {
namespace {

struct Question {
  view::Period period;
  bool all = false;
  std::string q;
  std::optional<view::By> split;
  uint64_t limit = kDefaultLimit;
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
  if (const auto split = target.parameter("split"); split && !split->empty()) {
    out.split = view::parse_by(*split);
    if (!out.split) return fail(ErrorCode::kInvalid, "split must be via, op, table, field or actor");
  }
  RL_ASSIGN(const auto from, time_of(target, "from"));
  RL_ASSIGN(const auto to, time_of(target, "to"));
  if (from) out.period.from = from->first;
  if (to) out.period.to = to->last;
  RL_ASSIGN(out.limit, number_parameter(target, "limit", kDefaultLimit, 1, kLargestLimit));
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

std::string buckets_json(const view::Insight& insight, bool with_parts) {
  std::string out = "[";
  for (const view::Bucket& bucket : insight.buckets) {
    if (out.size() > 1) out += ',';
    out += bucket_json(bucket, with_parts);
  }
  return out + "]";
}

// What is asked about the period and the search, answered with what `write` makes of the insights.
template <class Write>
http::Response answer(const Call& call, const Question& question, std::span<const view::InsightRequest> requests,
                      const Write& write) {
  const auto search = query::Search::parse(question.q, Timestamp::now(), question.all);
  if (!search) return problem(search.error(), question.q);
  call.access.search = question.q;
  const auto insights = view::count_changes(call.view(), *search, question.period, requests);
  if (!insights) return problem(insights.error());
  JsonWriter json;
  if (question.period.from) json.text("from", question.period.from->to_string());
  if (question.period.to) json.text("to", question.period.to->to_string());
  json.text("time_zone", call.dependencies.time_zone);
  write(json, *insights);
  return json_answer(json.finish());
}

}  // namespace

http::Response get_change_insights(const Call& call) {
  const auto question = question_of(call.target);
  if (!question) return problem(question.error());
  const auto by = view::parse_by(call.target.parameter("by").value_or("day"));
  if (!by)
    return problem(Error{ErrorCode::kInvalid, "by must be day, hour_of_week, field, actor, via, op, table or row"});
  call.access.route = "insights.changes";
  const view::InsightRequest request{.by = *by, .split = question->split, .table = {}, .limit = question->limit};
  return answer(call, *question, {&request, 1}, [&](JsonWriter& json, const std::vector<view::Insight>& insights) {
    json.text("by", view::to_string(*by))
        .number("total", insights[0].total)
        .raw("buckets", buckets_json(insights[0], question->split.has_value()));
  });
}

// All that a page of insights shows, in one walk over the log.
http::Response get_insights(const Call& call) {
  const auto question = question_of(call.target);
  if (!question) return problem(question.error());
  call.access.route = "insights";
  std::vector<view::InsightRequest> requests;
  for (const view::By by :
       {view::By::kDay, view::By::kHourOfWeek, view::By::kField, view::By::kActor, view::By::kVia, view::By::kRow})
    requests.push_back({.by = by, .split = {}, .table = {}, .limit = question->limit});
  requests.front().split = question->split;
  requests.back().table = call.target.parameter("rows").value_or("");
  return answer(call, *question, requests, [&](JsonWriter& json, const std::vector<view::Insight>& insights) {
    json.number("total", insights[0].total);
    for (size_t i = 0; i < requests.size(); ++i)
      json.raw(view::to_string(requests[i].by), buckets_json(insights[i], requests[i].split.has_value()));
  });
}

}  // namespace rowledger::api
