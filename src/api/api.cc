#include "api/api.h"

#include <algorithm>
#include <optional>

#include "api/answer.h"
#include "api/coverage.h"
#include "api/routes.h"

namespace rowledger::api {
namespace {

// The decoded segments of a path below /v1; nothing when it is elsewhere or not decodable.
std::optional<std::vector<std::string>> segments_of(std::string_view path) {
  static constexpr std::string_view kRoot = "/v1/";
  if (!path.starts_with(kRoot)) return std::nullopt;
  path.remove_prefix(kRoot.size());
  std::vector<std::string> out;
  while (true) {
    const size_t slash = path.find('/');
    auto segment = http::percent_decode(path.substr(0, slash));
    if (!segment) return std::nullopt;
    out.push_back(std::move(*segment));
    if (slash == std::string_view::npos) return out;
    path.remove_prefix(slash + 1);
  }
}

constexpr std::string_view kTlog = "/tlog/";

// That a row or an entry is not known is an answer, too.
bool shows_something(const http::Response& response) { return response.status == 200 || response.status == 404; }

bool is_row_view(std::string_view name) { return name == "entries" || name == "at" || name == "diff"; }

}  // namespace

Api::Api(Dependencies dependencies)
    : dependencies_(std::move(dependencies)), coverage_(std::make_unique<Coverage>(dependencies_.store)) {}
Api::~Api() = default;

http::Response Api::handle(const http::Request& request) const {
  const auto target = http::parse_target(request.target);
  if (!target) return problem(400, "invalid", "The request is not understood", "the address is not well-formed");
  const auto segments = segments_of(target->path);
  const auto is = [&](std::initializer_list<std::string_view> path) {
    return segments && std::equal(segments->begin(), segments->end(), path.begin(), path.end());
  };
  Access access;
  const auto dispatch = [&]() -> std::optional<http::Response> {
    if (target->path.starts_with(kTlog))
      return get_tlog(dependencies_, std::string_view(target->path).substr(kTlog.size()));
    if (!segments) return std::nullopt;
    if (is({"status"})) return get_status(dependencies_, *coverage_);
    if (is({"sync"})) return get_sync(dependencies_, *target);
    if (is({"entries"})) return get_entries(dependencies_, *target, access);
    if (is({"entries", "stream"})) return get_entry_stream(dependencies_, request, *target, access);
    if (is({"query", "parse"})) return get_query_parse(*target);
    if (is({"integrity", "verify"})) return get_verification(dependencies_, *target);
    if (is({"evidence"})) return get_evidence(dependencies_, *target, access);
    const auto& path = *segments;
    if (path.size() == 2 && path[0] == "entries") return get_entry(dependencies_, *target, path[1], access);
    if (path.size() == 3 && path[0] == "entries" && path[2] == "proof") return get_entry_proof(dependencies_, path[1]);
    if (path[0] != "rows") return std::nullopt;
    if (path.size() == 3) return get_row(dependencies_, *target, path[1], path[2], "", access);
    if (path.size() == 4 && is_row_view(path[3]))
      return get_row(dependencies_, *target, path[1], path[2], path[3], access);
    return std::nullopt;
  };
  if (request.method != "GET" && request.method != "HEAD") {
    auto refusal = problem(405, "method", "Only reading is possible here", "use GET");
    refusal.headers.emplace_back("Allow", "GET, HEAD");
    return refusal;
  }
  auto response = dispatch();
  if (!response) return problem(404, "not-found", "There is no such thing", "no such address in this API");
  const auto reader = owner_at(request.peer, dependencies_.capture == nullptr ? people::Principal::Kind::kOffline
                                                                              : people::Principal::Kind::kSocket);
  if (shows_something(*response) && !access.route.empty()) {
    if (const Status recorded = dependencies_.access.record(reader, access); !recorded)
      return problem(recorded.error());
  }
  return std::move(*response);
}

}  // namespace rowledger::api
