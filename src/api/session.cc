// Signing in and out with a browser, and who one is.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <vector>

#include "api/answer.h"
#include "api/json_body.h"
#include "api/json_writer.h"
#include "api/routes.h"

namespace rowledger::api {
namespace {

using people::People;
using people::SignedIn;

// The cookie as it is set, or, with an age of 0, taken away.
std::string session_cookie(const http::Request& request, std::string_view secret, int64_t age_s) {
  return fmt::format("{}={}; Path=/; Max-Age={}; HttpOnly; SameSite=Strict{}", kSessionCookie, secret, age_s,
                     request.peer.secure ? "; Secure" : "");
}

http::Response too_many_tries(int64_t wait_s) {
  auto refusal = problem(429, "too-many-tries", "Too many tries",
                         fmt::format("too many sign-ins have failed: try again in {} s", wait_s));
  refusal.headers.emplace_back("Retry-After", std::to_string(wait_s));
  return refusal;
}

http::Response signed_in(const http::Request& request, const SignedIn& in) {
  const int64_t age_s = std::max<int64_t>((in.ends_at.us - Timestamp::now().us) / 1'000'000, 1);
  auto answer = json_answer(JsonWriter().text("csrf", People::csrf_token(in.secret)).finish());
  answer.headers.emplace_back("Set-Cookie", session_cookie(request, in.secret, age_s));
  return answer;
}

std::string json_of(const std::map<std::string, std::string, std::less<>>& texts) {
  JsonWriter out;
  for (const auto& [name, text] : texts) out.text(name, text);
  return out.finish();
}

// What values were called before: [{"until":4711,"label":"Shiksha Trust"}], newest first.
std::string json_of(const std::vector<view::Label::Before>& before) {
  std::string out;
  for (const auto& [until, label] : before) {
    out += out.empty() ? '[' : ',';
    out += JsonWriter().number("until", until.value).text("label", label).finish();
  }
  return out + ']';
}

// What numbers stand for, and what tenants are called, for who reads entries at all.
Status add_labels(JsonWriter& json, const Call& call) {
  JsonWriter labels, before;
  std::map<std::string, std::string, std::less<>> tenants;
  if (call.principal().may(people::Right::kReadEntries)) {
    RL_ASSIGN(const view::KnownLabels known, call.view().labels());
    for (const auto& [column, values] : known) {
      std::map<std::string, std::string, std::less<>> now;
      JsonWriter then;
      bool any_before = false;
      for (const auto& [value, label] : values) {
        if (!label.now.empty()) now.emplace(value, label.now);
        if (label.before.empty()) continue;
        then.raw(value, json_of(label.before));
        any_before = true;
      }
      labels.raw(column, json_of(now));
      if (any_before) before.raw(column, then.finish());
      if (call.dependencies.policy.is_tenant_column(column)) tenants.merge(now);
    }
  }
  json.raw("labels", labels.finish()).raw("labels_before", before.finish()).raw("tenants", json_of(tenants));
  return {};
}

}  // namespace

http::Response post_session(const Call& call, People& people) {
  const auto body = JsonBody::read(call.request, {"name", "password", "link"});
  if (!body) return problem(body.error());
  const std::string network = http::network_of(call.request.peer.address);
  const std::string& address = call.request.peer.address;
  const bool by_link = body->has("link");
  const auto link = body->text(by_link ? "link" : "name");
  if (!link) return problem(link.error());
  const auto password = by_link ? Result<std::string>(std::string()) : body->text("password");
  if (!password) return problem(password.error());

  auto tried =
      by_link ? people.sign_in_by_link(*link, network, address) : people.sign_in(*link, *password, network, address);
  if (!tried) return problem(tried.error());
  if (*tried) return signed_in(call.request, **tried);
  if (const auto wait_s = tried->error().wait_s; wait_s > 0) return too_many_tries(wait_s);
  return problem(401, "sign-in", "Not signed in",
                 by_link ? "this link was used already, or is more than ten minutes old: ask for a new one"
                         : "the name or the password is not right");
}

http::Response delete_session(const Call& call, People& people) {
  if (call.caller->session) {
    if (const Status out = people.sign_out(call.caller->session->secret); !out) return problem(out.error());
  }
  http::Response answer;
  answer.status = 204;
  answer.headers = {{"Cache-Control", "no-store"}, {"Set-Cookie", session_cookie(call.request, "", 0)}};
  return answer;
}

http::Response get_me(const Call& call) {
  const people::Principal& me = call.principal();
  std::vector<std::string_view> rights;
  for (const people::Right right : people::kRights)
    if (me.may(right)) rights.push_back(to_string(right));
  JsonWriter json;
  json.text("id", me.id)
      .text("name", me.name.empty() ? me.id : me.name)
      .text("kind", to_string(me.kind))
      .text("role", to_string(me.role))
      .text_or_null("tenant", me.tenant.value_or(""))
      .texts("rights", rights)
      .text("time_zone", call.dependencies.time_zone);
  if (const Status labelled = add_labels(json, call); !labelled) return problem(labelled.error());
  if (call.caller->session) json.text("csrf", People::csrf_token(call.caller->session->secret));
  return json_answer(json.finish());
}

}  // namespace rowledger::api
