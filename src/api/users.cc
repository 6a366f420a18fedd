// Users and API tokens.
#include <fmt/format.h>

#include "api/answer.h"
#include "api/json_body.h"
#include "api/json_writer.h"
#include "api/routes.h"

namespace rowledger::api {
namespace {

using people::ApiToken;
using people::People;
using people::User;

constexpr int64_t kDaySeconds = 24 * 3600;

std::string time_of(const std::optional<Timestamp>& time) { return time ? time->to_string() : std::string(); }

std::string etag_of(const User& user) { return fmt::format("\"{}\"", user.version); }

std::string to_json(const User& user) {
  return JsonWriter()
      .text("name", user.name)
      .text("role", to_string(user.role))
      .text_or_null("tenant", user.tenant.value_or(""))
      .boolean("disabled", user.disabled)
      .boolean("has_password", !user.password_hash.empty())
      .text("created_at", user.created_at.to_string())
      .text_or_null("last_sign_in_at", time_of(user.last_sign_in_at))
      .text("etag", etag_of(user))
      .finish();
}

std::string to_json(const ApiToken& token) {
  return JsonWriter()
      .number("id", token.id)
      .text("name", token.name)
      .text("role", to_string(token.role))
      .text_or_null("tenant", token.tenant.value_or(""))
      .text("created_by", token.created_by)
      .text("created_at", token.created_at.to_string())
      .text_or_null("expires_at", time_of(token.expires_at))
      .finish();
}

template <class Each>
http::Response list_answer(std::string_view name, const std::vector<Each>& all) {
  std::string list = "[";
  for (const auto& each : all) list += (list.size() > 1 ? "," : "") + to_json(each);
  return json_answer(JsonWriter().raw(name, list + "]").finish());
}

http::Response user_answer(const User& user, int status = 200) {
  auto answer = json_answer(to_json(user));
  answer.status = status;
  answer.headers.emplace_back("ETag", etag_of(user));
  return answer;
}

http::Response nothing() {
  http::Response out;
  out.status = 204;
  return out;
}

Result<people::Role> role_of(const std::string& text) {
  const auto role = people::parse_role(text);
  if (!role)
    return fail(ErrorCode::kInvalid, "\"role\" must be one of viewer, editor, auditor, privacy, operator, admin");
  return *role;
}

// The version that If-Match asks for; nothing when any will do. What no user can have matches none.
std::optional<uint64_t> wanted_version(const http::Request& request) {
  std::string_view match = request.header("if-match");
  if (match.empty() || match == "*") return std::nullopt;
  if (match.size() < 2 || match.front() != '"' || match.back() != '"') return 0;
  return parse_number(match.substr(1, match.size() - 2)).value_or(0);
}

http::Response answer_to(const Status& done) { return done ? nothing() : problem(done.error()); }
http::Response answer_to(const Result<User>& user) { return user ? user_answer(*user) : problem(user.error()); }

// Changes a user as it was when the caller looked, if he says with If-Match which version that is.
template <class Change>
http::Response change_version(const http::Request& request, const Change& change) {
  const auto version = wanted_version(request);
  const auto done = change(version);
  if (!done && version && done.error().code == ErrorCode::kConflict)
    return problem(412, "changed-meanwhile", "Changed meanwhile", done.error().message);
  return answer_to(done);
}

std::string sign_in_url(const Dependencies& dependencies, std::string_view secret) {
  const std::string& base = dependencies.public_url.empty() ? dependencies.http_url : dependencies.public_url;
  return fmt::format("{}/#/sign-in?link={}", base, secret);
}

Result<people::NewUser> new_user(const JsonBody& body) {
  people::NewUser out;
  RL_ASSIGN(out.name, body.text("name"));
  RL_ASSIGN(const std::string role, body.text("role"));
  RL_ASSIGN(out.role, role_of(role));
  RL_ASSIGN(out.tenant, body.text_if_given("tenant"));
  RL_ASSIGN(const auto password, body.text_if_given("password"));
  out.password = password.value_or("");
  return out;
}

Result<people::NewToken> new_token(const JsonBody& body) {
  people::NewToken out;
  RL_ASSIGN(out.name, body.text("name"));
  RL_ASSIGN(const std::string role, body.text("role"));
  RL_ASSIGN(out.role, role_of(role));
  RL_ASSIGN(out.tenant, body.text_if_given("tenant"));
  RL_ASSIGN(const auto days, body.number_if_given("expires_days"));
  if (days) {
    if (*days < 1 || *days > 3'660) return fail(ErrorCode::kInvalid, "\"expires_days\" must be from 1 to 3660");
    out.expires_in_s = *days * kDaySeconds;
  }
  return out;
}

Result<people::UserChange> user_change(const JsonBody& body) {
  people::UserChange out;
  RL_ASSIGN(out.disabled, body.flag_if_given("disabled"));
  RL_ASSIGN(const auto role, body.text_if_given("role"));
  if (role) {
    RL_ASSIGN(out.role, role_of(*role));
  }
  RL_ASSIGN(out.password, body.text_if_given("password"));
  return out;
}

}  // namespace

http::Response get_users(const Call& call, People& people) {
  return list_answer("users", people.users(call.principal()));
}

http::Response get_user(const Call& call, People& people) {
  return answer_to(people.user(call.principal(), call.path[0]));
}

http::Response post_user(const Call& call, People& people) {
  const auto body = JsonBody::read(call.request, {"name", "role", "tenant", "password"});
  if (!body) return problem(body.error());
  const auto wanted = new_user(*body);
  if (!wanted) return problem(wanted.error());
  const auto user = people.add(call.principal(), *wanted);
  if (!user) return problem(user.error());
  JsonWriter json;
  json.raw("user", to_json(*user));
  if (wanted->password.empty()) {
    const auto link = people.make_link(call.principal(), user->name);
    if (!link) return problem(link.error());
    json.text("link", sign_in_url(call.dependencies, *link));
  }
  auto answer = json_answer(json.finish());
  answer.status = 201;
  answer.headers.emplace_back("Location", "/v1/users/" + http::percent_encode(user->name));
  answer.headers.emplace_back("ETag", etag_of(*user));
  return answer;
}

// Whoever manages people changes whatever he may; everybody else his own password.
http::Response patch_user(const Call& call, People& people) {
  const auto body = JsonBody::read(call.request, {"disabled", "role", "password", "current_password"});
  if (!body) return problem(body.error());
  const auto change = user_change(*body);
  if (!change) return problem(change.error());
  const auto& session = call.caller->session;
  if (session && change->only_password() && session->principal.name == call.path[0]) {
    const auto present = body->text_if_given("current_password");
    if (!present) return problem(present.error());
    return answer_to(people.change_own_password(*session, present->value_or(""), *change->password,
                                                http::network_of(call.request.peer.address)));
  }
  if (!call.principal().may(people::Right::kManagePeople))
    return problem(Error{ErrorCode::kPermission, "managing people takes an administrator"});
  return change_version(call.request, [&](const std::optional<uint64_t>& version) {
    return people.change(call.principal(), call.path[0], *change, version);
  });
}

http::Response delete_user(const Call& call, People& people) {
  return change_version(call.request, [&](const std::optional<uint64_t>& version) {
    return people.remove(call.principal(), call.path[0], version);
  });
}

http::Response post_user_link(const Call& call, People& people) {
  const auto link = people.make_link(call.principal(), call.path[0]);
  if (!link) return problem(link.error());
  return json_answer(JsonWriter().text("link", sign_in_url(call.dependencies, *link)).finish());
}

http::Response get_tokens(const Call& call, People& people) {
  return list_answer("tokens", people.tokens(call.principal()));
}

http::Response post_token(const Call& call, People& people) {
  const auto body = JsonBody::read(call.request, {"name", "role", "tenant", "expires_days"});
  if (!body) return problem(body.error());
  const auto wanted = new_token(*body);
  if (!wanted) return problem(wanted.error());
  const auto made = people.create_token(call.principal(), *wanted);
  if (!made) return problem(made.error());
  auto answer = json_answer(JsonWriter()
                                .number("id", made->first.id)
                                .text_or_null("expires_at", time_of(made->first.expires_at))
                                .text("token", made->second)
                                .finish());
  answer.status = 201;
  return answer;
}

http::Response delete_token(const Call& call, People& people) {
  const auto id = parse_number(call.path[0]);
  if (!id) return problem(Error{ErrorCode::kInvalid, "a token's id is a whole number"});
  return answer_to(people.revoke_token(call.principal(), *id));
}

}  // namespace rowledger::api
