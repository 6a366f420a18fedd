#include "api/json_body.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json/parse.hpp>
#include <vector>

#include "base/ascii.h"

namespace rowledger::api {
namespace {

// Any parameters behind it (charset) do not matter: JSON is UTF-8.
bool is_json_type(std::string_view type) {
  type = type.substr(0, type.find(';'));
  while (type.ends_with(' ')) type.remove_suffix(1);
  return equals_ignoring_case(type, "application/json");
}

tl::unexpected<Error> wrong_type(std::string_view name, std::string_view what) {
  return fail(ErrorCode::kInvalid, fmt::format("\"{}\" must be {}", name, what));
}

}  // namespace

Result<JsonBody> JsonBody::read(const http::Request& request, std::initializer_list<std::string_view> known) {
  if (!is_json_type(request.header("content-type")))
    return fail(ErrorCode::kInvalid, "send a JSON object, with Content-Type: application/json");
  boost::system::error_code error;
  boost::json::value value;
  try {
    value = boost::json::parse(request.body, error);
  } catch (const std::exception&) {
    return fail(ErrorCode::kInvalid, "the body is too large");
  }
  if (error || !value.is_object()) return fail(ErrorCode::kInvalid, "the body must be a JSON object");
  for (const auto& member : value.get_object()) {
    if (std::ranges::find(known, std::string_view(member.key())) == known.end())
      return fail(ErrorCode::kInvalid, fmt::format("the body has a member that is not known here; there are {}",
                                                   fmt::join(std::vector<std::string_view>(known), ", ")));
  }
  return JsonBody(std::move(value.get_object()));
}

const boost::json::value* JsonBody::find(std::string_view name) const {
  const auto* found = object_.if_contains(name);
  return found == nullptr || found->is_null() ? nullptr : found;
}

Result<std::optional<std::string>> JsonBody::text_if_given(std::string_view name) const {
  const auto* found = find(name);
  if (found == nullptr) return std::optional<std::string>();
  if (!found->is_string()) return wrong_type(name, "a text");
  return std::optional(std::string(found->get_string()));
}

Result<std::string> JsonBody::text(std::string_view name) const {
  RL_ASSIGN(auto given, text_if_given(name));
  if (!given) return fail(ErrorCode::kInvalid, fmt::format("\"{}\" is missing", name));
  return std::move(*given);
}

Result<std::optional<bool>> JsonBody::flag_if_given(std::string_view name) const {
  const auto* found = find(name);
  if (found == nullptr) return std::optional<bool>();
  if (!found->is_bool()) return wrong_type(name, "true or false");
  return std::optional(found->get_bool());
}

Result<std::optional<int64_t>> JsonBody::number_if_given(std::string_view name) const {
  const auto* found = find(name);
  if (found == nullptr) return std::optional<int64_t>();
  boost::system::error_code error;
  const auto number = found->to_number<int64_t>(error);
  if (error) return wrong_type(name, "a whole number");
  return std::optional(number);
}

}  // namespace rowledger::api
