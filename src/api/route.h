#pragma once
// One line of the route table (route_table.cc): what is asked for, what it takes, who answers.
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "api/api.h"
#include "api/caller.h"
#include "base/check.h"
#include "people/principal.h"

namespace rowledger::api {

class Coverage;
class RequestMetrics;

// One request on its way to its route. It lives until the route returns: what a streamed answer needs of it, it copies.
struct Call {
  const Dependencies& dependencies;
  Coverage& coverage;
  RequestMetrics& requests;
  const http::Request& request;
  const http::Target& target;
  // What stands in the place of the pattern's {names}, in their order, decoded; of {name...} the rest as it came.
  std::vector<std::string> path;
  std::optional<Caller> caller;  // nothing: nobody has signed in
  // Filled in by routes that show values: what was asked, how much is shown. Recorded before the answer leaves.
  Access& access;
  std::optional<view::View> sight{};  // what he sees of the log; routes have no other way to read values

  // Of a route that asks for somebody.
  const people::Principal& principal() const {
    CHECK(caller.has_value());
    return caller->principal;
  }
  const view::View& view() const {
    CHECK(sight.has_value());
    return *sight;
  }
};

// Whom a route answers.
class Needs {
 public:
  constexpr Needs(people::Right right) : kind_(Kind::kRight), right_(right) {}
  static constexpr Needs nobody() { return Needs(Kind::kNobody); }  // answers anyone: sign-in, health of the process
  static constexpr Needs somebody() { return Needs(Kind::kSomebody); }  // whoever has signed in

  bool met_by_anyone() const { return kind_ == Kind::kNobody; }
  bool met_by(const people::Principal& principal) const { return kind_ != Kind::kRight || principal.may(right_); }
  std::optional<people::Right> right() const { return kind_ == Kind::kRight ? std::optional(right_) : std::nullopt; }

 private:
  enum class Kind { kNobody, kSomebody, kRight };
  constexpr explicit Needs(Kind kind) : kind_(kind) {}
  Kind kind_;
  people::Right right_{};
};

struct Route {
  std::string_view method;   // "GET" answers HEAD, too
  std::string_view pattern;  // "/v1/entries/{seq}/proof"; {name}: one segment, not empty; {name...}: all that follows
  Needs needs;
  http::Response (*answer)(const Call&);
};

// All routes there are. The first one that fits a path is meant.
std::span<const Route> routes();

// What stands in the place of the pattern's names; nothing when the path (encoded) does not fit.
std::optional<std::vector<std::string>> match(std::string_view pattern, std::string_view path);

}  // namespace rowledger::api
