#pragma once
// The JSON object that a request brings.
#include <boost/json/object.hpp>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "http/http.h"

namespace rowledger::api {

// Members are asked for by name; one of another type is kInvalid, null is as good as absent. No message repeats a
// value.
class JsonBody {
 public:
  // kInvalid for what is no JSON object, is not announced as application/json (which other sites' forms cannot), or has
  // a member that is not among the known ones.
  static Result<JsonBody> read(const http::Request& request, std::initializer_list<std::string_view> known);

  Result<std::string> text(std::string_view name) const;  // must be there
  Result<std::optional<std::string>> text_if_given(std::string_view name) const;
  Result<std::optional<bool>> flag_if_given(std::string_view name) const;
  Result<std::optional<int64_t>> number_if_given(std::string_view name) const;
  bool has(std::string_view name) const { return find(name) != nullptr; }

 private:
  explicit JsonBody(boost::json::object object) : object_(std::move(object)) {}
  const boost::json::value* find(std::string_view name) const;
  boost::json::object object_;
};

}  // namespace rowledger::api
