#pragma once
// Who makes a request: the socket's user, an API token, an identity provider's token, or a browser's session.
#include <optional>

#include "api/api.h"
#include "people/people.h"

namespace rowledger::api {

inline constexpr char kSessionCookie[] = "rowledger_session";

struct Caller {
  people::Principal principal;
  std::optional<people::SignedIn> session;  // of one who signed in with a browser
};

// Nothing for a request that shows nobody; the answer to give for one that shows what is not valid, or a session
// without its proof against forged requests (X-CSRF-Token, for whatever is no reading).
tl::expected<std::optional<Caller>, http::Response> find_caller(const Dependencies& dependencies,
                                                                const http::Request& request);

// Whether a request that was answered for somebody then would be answered for the same now: for what goes on for long.
bool still_allowed(const Dependencies& dependencies, const http::Request& request, const people::Principal& then);

}  // namespace rowledger::api
