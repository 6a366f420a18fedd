#pragma once
// The description of the API (OpenAPI 3.1), openapi.json beside this file, as it is served. A test compares it with the
// route table, another one with real answers.
#include <string_view>

namespace rowledger::api {

extern const std::string_view kOpenApi;

}  // namespace rowledger::api
