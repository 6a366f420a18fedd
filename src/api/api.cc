#include "api/api.h"

#include <fmt/format.h>
#include <unistd.h>

#include <chrono>

#include "api/answer.h"
#include "api/coverage.h"
#include "api/request_metrics.h"
#include "api/route.h"
#include "base/log.h"

namespace rowledger::api {
namespace {

constexpr std::string_view kNoPattern = "none";

// Whoever may open the socket or the data directory may everything; the file's permissions are the permission.
std::optional<people::Principal> caller_of(const http::Peer& peer) {
  using Kind = people::Principal::Kind;
  if (!peer.local) return std::nullopt;
  return people::Principal{.kind = peer.uid ? Kind::kSocket : Kind::kOffline,
                           .id = fmt::format("uid:{}", peer.uid.value_or(::getuid())),
                           .name = peer.user,
                           .role = people::Role::kOwner};
}

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

}  // namespace

Api::Api(Dependencies dependencies)
    : dependencies_(std::move(dependencies)),
      coverage_(std::make_unique<Coverage>(dependencies_.store)),
      requests_(std::make_unique<RequestMetrics>()) {}
Api::~Api() = default;

http::Response Api::handle(const http::Request& request) const {
  const auto begin = std::chrono::steady_clock::now();
  const Route* route = nullptr;
  http::Response response = answer(request, route);
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

http::Response Api::answer(const http::Request& request, const Route*& route) const {
  const auto target = http::parse_target(request.target);
  if (!target) return problem(400, "invalid", "The request is not understood", "the address is not well-formed");
  std::string allowed;
  auto found = find_route(request.method, target->path, allowed);
  if (!found) return no_route(allowed);
  route = found->route;
  const Needs& needs = route->needs;
  Call call{dependencies_,          *coverage_, *requests_, request, *target, std::move(found->path),
                  caller_of(request.peer)};
  if (!needs.met_by_anyone()) {
    if (!call.caller) return problem(401, "unauthorized", "Sign in first", "this needs somebody who has signed in");
    if (!needs.met_by(*call.caller))
      return problem(403, "permission", "Not allowed",
                     fmt::format("the role {} may not do this", to_string(call.caller->role)));
  }
  if (call.caller) call.sight.emplace(*call.caller, dependencies_.policy, dependencies_.store);
  return route->answer(call);
}

}  // namespace rowledger::api
