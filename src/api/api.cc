#include "api/api.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "api/answer.h"
#include "api/coverage.h"
#include "api/idempotency.h"
#include "api/request_metrics.h"
#include "api/route.h"
#include "api/ui_files.h"
#include "base/log.h"

namespace rowledger::api {
namespace {

constexpr std::string_view kNoPattern = "none";

// That a row or an entry is not known is an answer, too; what is malformed has none.
bool shows_something(const http::Response& response) { return response.status < 300 || response.status == 404; }

struct Found {
  const Route* route;
  std::vector<std::string> path;
};

// The route that answers; when there is none for this method, allowed names the methods that there are.
std::optional<Found> find_route(std::string_view method, std::string_view path, std::string& allowed) {
  if (method == "HEAD") method = "GET";
  for (const Route& route : routes()) {
    auto names = match(route.pattern, path);
    if (!names) continue;
    if (route.method == method) return Found{&route, std::move(*names)};
    if (!allowed.empty()) allowed += ", ";
    allowed += route.method == "GET" ? "GET, HEAD" : route.method;
  }
  return std::nullopt;
}

http::Response no_route(std::string_view allowed) {
  if (allowed.empty()) return problem(404, "not-found", "There is no such thing", "no such address in this API");
  auto refusal = problem(405, "method", "Not possible with this method", fmt::format("use {}", allowed));
  refusal.headers.emplace_back("Allow", allowed);
  return refusal;
}

http::Response sign_in_first() {
  auto refusal = problem(401, "unauthorized", "Sign in first", "this needs somebody who has signed in, or a token");
  refusal.headers.emplace_back("WWW-Authenticate", "Bearer");
  return refusal;
}

bool has_header(const http::Response& response, std::string_view name) {
  return std::ranges::any_of(response.headers, [&](const auto& header) { return header.first == name; });
}

// What a browser may do with an answer (OWASP Secure Headers). A page that needs more says so itself.
void harden(const http::Request& request, http::Response& response) {
  const auto add = [&](std::string_view name, std::string_view value) {
    if (!has_header(response, name)) response.headers.emplace_back(name, value);
  };
  add("Content-Security-Policy", "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'");
  add("X-Content-Type-Options", "nosniff");
  add("X-Frame-Options", "DENY");
  add("Referrer-Policy", "no-referrer");
  add("Cross-Origin-Opener-Policy", "same-origin");
  add("Cross-Origin-Resource-Policy", "same-origin");
  add("Cache-Control", "no-store");
  if (request.peer.secure) add("Strict-Transport-Security", "max-age=31536000");
}

}  // namespace

Api::Api(Dependencies dependencies)
    : dependencies_(std::move(dependencies)),
      coverage_(std::make_unique<Coverage>(dependencies_.store)),
      requests_(std::make_unique<RequestMetrics>()),
      idempotency_(std::make_unique<Idempotency>()) {}
Api::~Api() = default;

http::Response Api::handle(const http::Request& request) const { return timed(request, nullptr); }

http::Response Api::handle(const http::Request& request, const people::Principal& caller) const {
  return timed(request, &caller);
}

http::Response Api::timed(const http::Request& request, const people::Principal* known) const {
  const auto begin = std::chrono::steady_clock::now();
  const Route* route = nullptr;
  http::Response response = answer(request, known, route);
  if (!request.peer.local) harden(request, response);
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  const std::string_view pattern = route != nullptr ? route->pattern : kNoPattern;
  // A method that no route has can be any text.
  requests_->observe(route != nullptr ? route->method : kNoPattern, pattern, response.status, seconds);
  if (response.status >= 500) {
    log::write(log::Level::kWarning, "a request failed",
               {{"route", std::string(pattern)},
                {"status", fmt::format("{}", response.status)},
                {"seconds", fmt::format("{:.3f}", seconds)}});
  }
  return response;
}

// A live answer goes on for as long as its caller may have it: not beyond the end of his session or token, nor after
// his role has changed.
void Api::end_with_access(const http::Request& request, const people::Principal& caller, http::LiveBody& live) const {
  if (request.peer.local) return;
  http::Request credentials;
  for (const auto& header : request.headers)
    if (header.first == "authorization" || header.first == "cookie") credentials.headers.push_back(header);
  live.step = [this, credentials = std::move(credentials), caller, step = std::move(live.step)](std::string& out) {
    return still_allowed(dependencies_, credentials, caller) ? step(out) : http::LiveBody::Next::kEnd;
  };
}

http::Response Api::answer(const http::Request& request, const people::Principal* known, const Route*& route) const {
  const auto target = http::parse_target(request.target);
  if (!target) return problem(400, "invalid", "The request is not understood", "the address is not well-formed");
  std::string allowed;
  auto found = find_route(request.method, target->path, allowed);
  if (!found) {
    auto file = get_ui_file(request, target->path);
    return file ? std::move(*file) : no_route(allowed);
  }
  route = found->route;
  const Needs& needs = route->needs;
  Access access;
  Call call{dependencies_, *coverage_, *requests_, request, *target, std::move(found->path), std::nullopt, access};
  if (needs.met_by_anyone()) return route->answer(call);
  if (known != nullptr) {
    call.caller = Caller{*known, std::nullopt};
  } else {
    auto caller = find_caller(dependencies_, request);
    if (!caller) return std::move(caller.error());
    if (!*caller) return sign_in_first();
    call.caller = std::move(*caller);
  }
  if (!needs.met_by(call.principal())) {
    return problem(403, "permission", "Not allowed",
                   fmt::format("the role {} may not do this", to_string(call.principal().role)));
  }
  call.sight.emplace(call.principal(), dependencies_.policy, dependencies_.store);
  const auto answer = [&] { return route->answer(call); };
  // Values are never shown twice for one access entry.
  const auto repeatable = [&] { return access.route.empty(); };
  const bool once = request.method == "POST" && !request.header("idempotency-key").empty();
  http::Response response = once ? idempotency_->once(call.principal(), request, answer, repeatable) : answer();
  if (response.live && known == nullptr) end_with_access(request, call.principal(), *response.live);
  if (access.route.empty() || !shows_something(response)) return response;
  access.is_known = access.is_known && response.status != 404;
  if (const Status recorded = dependencies_.access.record(call.principal(), access); !recorded)
    return problem(recorded.error());
  return response;
}

}  // namespace rowledger::api
