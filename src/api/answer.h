#pragma once
// Building blocks of the routes: answers, problems (RFC 9457), parameters.
#include <optional>
#include <string>
#include <string_view>

#include "api/number.h"
#include "base/result.h"
#include "http/http.h"
#include "query/search.h"

namespace rowledger::api {

http::Response json_answer(std::string body);

// type: the last part of the problem's type URI, "/problems/<type>".
http::Response problem(int status, std::string_view type, std::string_view title, std::string_view detail);
http::Response problem(const Error& error);
http::Response problem(const query::SearchError& error, std::string_view text);

// A parameter of the query part as a whole number in [least, most]; fallback when it is absent.
Result<uint64_t> number_parameter(const http::Target& target, std::string_view name, uint64_t fallback, uint64_t least,
                                  uint64_t most);
// What a list has when no other limit is given, and at most.
inline constexpr uint64_t kDefaultLimit = 50, kLargestLimit = 1'000;
// "1", "true" or "" (a bare &all) mean yes; "0" and "false" no; absent is no.
Result<bool> flag_parameter(const http::Target& target, std::string_view name);

}  // namespace rowledger::api
