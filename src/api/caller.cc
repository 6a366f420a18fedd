#include "api/caller.h"

#include "api/answer.h"
#include "base/crypto.h"
#include "people/credentials.h"

namespace rowledger::api {
namespace {

using people::Principal;

tl::unexpected<http::Response> invalid_token() {
  auto refusal = problem(401, "unauthorized", "The token is not valid",
                         "it is not known here, or expired, or not made for this service");
  refusal.headers.emplace_back("WWW-Authenticate", "Bearer error=\"invalid_token\"");
  return tl::unexpected(std::move(refusal));
}

tl::expected<std::optional<Caller>, http::Response> by_token(const Dependencies& dependencies,
                                                             std::string_view authorization) {
  const auto token = people::bearer_token(authorization);
  if (!token) return invalid_token();
  if (auto principal = dependencies.people->token(*token)) return Caller{std::move(*principal), std::nullopt};
  if (dependencies.identity_provider == nullptr) return invalid_token();
  auto principal = dependencies.identity_provider->verify(*token);
  if (principal) return Caller{std::move(*principal), std::nullopt};
  if (principal.error().code == ErrorCode::kUnavailable) return tl::unexpected(problem(principal.error()));
  return invalid_token();
}

bool only_reads(std::string_view method) { return method == "GET" || method == "HEAD"; }

}  // namespace

tl::expected<std::optional<Caller>, http::Response> find_caller(const Dependencies& dependencies,
                                                                const http::Request& request) {
  if (request.peer.local) return Caller{owner_at(request.peer), std::nullopt};
  if (dependencies.people == nullptr) return std::nullopt;
  const auto authorization = request.header("authorization");
  if (!authorization.empty()) return by_token(dependencies, authorization);

  const auto secret = people::cookie_value(request.header("cookie"), kSessionCookie);
  if (!secret) return std::nullopt;
  auto session = dependencies.people->session(*secret);
  if (!session) return std::nullopt;
  if (!only_reads(request.method) &&
      !equal_in_constant_time(request.header("x-csrf-token"), people::People::csrf_token(*secret))) {
    return tl::unexpected(problem(403, "csrf", "Not allowed",
                                  "a change by a browser's session needs the header X-CSRF-Token with what GET /v1/me "
                                  "tells as csrf"));
  }
  Principal principal = session->principal;
  return Caller{std::move(principal), std::move(session)};
}

bool still_allowed(const Dependencies& dependencies, const http::Request& request, const Principal& then) {
  if (request.peer.local) return true;
  const auto same = [&](const Principal& now) {
    return now.id == then.id && now.role == then.role && now.tenant == then.tenant;
  };
  if (dependencies.people == nullptr) return false;
  if (const auto authorization = request.header("authorization"); !authorization.empty()) {
    const auto caller = by_token(dependencies, authorization);
    return caller && *caller && same((*caller)->principal);
  }
  const auto secret = people::cookie_value(request.header("cookie"), kSessionCookie);
  const auto session = secret ? dependencies.people->session(*secret, false) : std::nullopt;
  return session && same(session->principal);
}

}  // namespace rowledger::api
