#include "api/openapi.h"

#include "api/answer.h"
#include "api/routes.h"

namespace rowledger::api {

http::Response get_openapi(const Call&) { return json_answer(std::string(kOpenApi)); }

}  // namespace rowledger::api
