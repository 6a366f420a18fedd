#pragma once
// What a request brings to show who it is from, as it stands in its headers. Pure; anything may come in.
#include <optional>
#include <string_view>

namespace rowledger::people {

// The value of a cookie (RFC 6265, section 4.2). Nothing when it is not there, or there twice: one of them is not ours.
std::optional<std::string_view> cookie_value(std::string_view cookie_header, std::string_view name);

// The token of "Bearer <token>" (RFC 6750, section 2.1); nothing for anything else.
std::optional<std::string_view> bearer_token(std::string_view authorization);

}  // namespace rowledger::people
