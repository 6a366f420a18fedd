#include "api/api.h"

#include <fmt/format.h>

#include <chrono>

#include "api/answer.h"
#include "api/coverage.h"
#include "api/request_metrics.h"
#include "api/route.h"
#include "api/ui_files.h"
#include "base/log.h"

namespace rowledger::api {
namespace {

constexpr std::string_view kNoPattern = "none";

// Nothing: nobody who is known.
std::optional<people::Principal> caller_of(const http::Peer& peer) {
  if (!peer.local) return std::nullopt;
  return owner_at(peer);
}

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

}  // namespace

Api::Api(Dependencies dependencies)
    : dependencies_(std::move(dependencies)),
      coverage_(std::make_unique<Coverage>(dependencies_.store)),
      requests_(std::make_unique<RequestMetrics>()) {}
Api::~Api() = default;

http::Response Api::handle(const http::Request& request) const { return timed(request, caller_of(request.peer)); }

http::Response Api::handle(const http::Request& request, const people::Principal& caller) const {
  return timed(request, caller);
}

http::Response Api::timed(const http::Request& request, const std::optional<people::Principal>& caller) const {
  const auto begin = std::chrono::steady_clock::now();
  const Route* route = nullptr;
  http::Response response = answer(request, caller, route);
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

http::Response Api::answer(const http::Request& request, const std::optional<people::Principal>& caller,
                           const Route*& route) const {
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
  Call call{dependencies_, *coverage_, *requests_, request, *target, std::move(found->path), caller, access};
  if (!needs.met_by_anyone()) {
    if (!call.caller) return problem(401, "unauthorized", "Sign in first", "this needs somebody who has signed in");
    if (!needs.met_by(*call.caller))
      return problem(403, "permission", "Not allowed",
                     fmt::format("the role {} may not do this", to_string(call.caller->role)));
  }
  if (call.caller) call.sight.emplace(*call.caller, dependencies_.policy, dependencies_.store);
  http::Response response = route->answer(call);
  if (access.route.empty() || !shows_something(response)) return response;
  if (const Status recorded = dependencies_.access.record(call.principal(), access); !recorded)
    return problem(recorded.error());
  return response;
}

}  // namespace rowledger::api
