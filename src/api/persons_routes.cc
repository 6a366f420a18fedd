// Erasures and holds: what is ordered about a person (docs/privacy.md).
#include "api/answer.h"
#include "api/json_body.h"
#include "api/json_view.h"
#include "api/json_writer.h"
#include "api/persons_rights.h"
#include "api/routes.h"
#include "base/day.h"

namespace rowledger::api {
namespace {

constexpr size_t kLongestReason = 4'000;

Error needs_daemon() { return {ErrorCode::kUnavailable, "this needs the daemon: start it with `rowledger serve`"}; }

struct PersonOrder {
  std::string table, key, reason, basis;
};

// {"table":"contacts","key":"42","reason":"...","basis":"..."}
Result<PersonOrder> order_of(const Call& call, bool with_basis) {
  RL_ASSIGN(const auto body, with_basis ? JsonBody::read(call.request, {"table", "key", "reason", "basis"})
                                        : JsonBody::read(call.request, {"table", "key", "reason"}));
  PersonOrder out;
  RL_ASSIGN(out.table, body.text("table"));
  RL_ASSIGN(out.key, body.text("key"));
  RL_ASSIGN(out.reason, body.text("reason"));
  if (out.table.empty() || out.key.empty()) return fail(ErrorCode::kInvalid, "say whom: table and key");
  if (out.reason.empty()) return fail(ErrorCode::kInvalid, "say why: reason");
  if (with_basis) {
    RL_ASSIGN(out.basis, body.text("basis"));
    if (out.basis.empty())
      return fail(ErrorCode::kInvalid, "say on what legal basis: basis, such as \"GDPR Art. 17(1)(b)\"");
  }
  if (out.reason.size() > kLongestReason || out.basis.size() > kLongestReason)
    return fail(ErrorCode::kInvalid, fmt::format("reason and basis have at most {} bytes", kLongestReason));
  return out;
}

std::string to_json(const Hold& hold) {
  const JsonView detail(hold.detail);
  JsonWriter out;
  out.number("id", hold.id.value).text("since", hold.since.to_string());
  if (!hold.tenant.empty()) out.text("tenant", hold.tenant);
  if (!hold.is_readable()) return out.raw("unreadable", "true").finish();
  for (const char* const name : {"table", "key", "reason", "by"}) out.raw(name, detail[name].raw());
  return out.finish();
}

std::string date_of(uint32_t day) { return Timestamp{int64_t{day} * kMicrosecondsPerDay}.to_string().substr(0, 10); }

}  // namespace

http::Response post_erasure(const Call& call) {
  PersonsRights* const rights = call.dependencies.rights;
  if (rights == nullptr) return problem(needs_daemon());
  const auto order = order_of(call, true);
  if (!order) return problem(order.error());
  const auto erased = rights->erase(call.principal(), order->table, order->key, order->reason, order->basis);
  if (!erased) return problem(erased.error());
  JsonWriter out;
  out.number("seq", erased->seq.value).number("entries", erased->entries).number("in_clear", erased->in_clear);
  out.number("without_subject", erased->without_subject.entries);
  if (const auto day = erased->without_subject.end_day) out.text("without_subject_until", date_of(*day));
  return json_answer(out.finish());
}

http::Response post_hold(const Call& call) {
  PersonsRights* const rights = call.dependencies.rights;
  if (rights == nullptr) return problem(needs_daemon());
  const auto order = order_of(call, false);
  if (!order) return problem(order.error());
  const auto hold = rights->hold(call.principal(), order->table, order->key, order->reason);
  if (!hold) return problem(hold.error());
  auto out = json_answer(to_json(*hold));
  out.status = 201;
  out.headers.emplace_back("Location", fmt::format("/v1/holds/{}", hold->id.value));
  return out;
}

http::Response get_holds(const Call& call) {
  PersonsRights* const rights = call.dependencies.rights;
  if (rights == nullptr) return problem(needs_daemon());
  const auto holds = rights->holds(call.principal());
  if (!holds) return problem(holds.error());
  call.access.route = "holds";
  call.access.entries = holds->size();
  std::string list;
  for (const Hold& hold : *holds) list += (list.empty() ? "" : ",") + to_json(hold);
  return json_answer("{\"holds\":[" + list + "]}");
}

http::Response delete_hold(const Call& call) {
  PersonsRights* const rights = call.dependencies.rights;
  if (rights == nullptr) return problem(needs_daemon());
  const auto id = parse_number(call.path[0]);
  if (!id) return problem(Error{ErrorCode::kInvalid, "a hold's id is a whole number, as in /v1/holds/1207"});
  const Status lifted = rights->lift(call.principal(), {*id}, call.target.parameter("reason").value_or(""));
  if (!lifted) return problem(lifted.error());
  http::Response out;
  out.status = 204;
  return out;
}

}  // namespace rowledger::api
