#pragma once
// What the parts of People share. Not for other rooms.
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>

#include "base/ascii.h"
#include "people/people.h"

namespace rowledger::people {

inline boost::json::value text_or_null(const std::optional<std::string>& text) {
  return text ? boost::json::value(*text) : boost::json::value(nullptr);
}

inline constexpr int64_t kSecond = 1'000'000;  // in microseconds

// A control entry's detail: what happened, who did it, and what follows.
inline std::string detail_of(std::string_view event, const Principal& by, const boost::json::object& more) {
  boost::json::object who{{"kind", std::string(to_string(by.kind))}, {"id", by.id}};
  if (!by.name.empty()) who["name"] = by.name;
  who["role"] = std::string(to_string(by.role));
  if (by.tenant) who["tenant"] = *by.tenant;
  boost::json::object out{{"event", std::string(event)}, {"by", std::move(who)}};
  for (const auto& [name, value] : more) out[name] = value;
  return boost::json::serialize(out);
}

inline bool manages(const Principal& by, const std::optional<std::string>& tenant) {
  return by.may(Right::kManagePeople) && (!by.tenant || by.tenant == tenant);
}

Principal principal_of(const User& user);
// Whether `by` may give this role in this tenant.
Status check_grant(const Principal& by, Role role, const std::optional<std::string>& tenant);
// A name of a person or token, or a tenant's: printable and not long.
Status check_label(std::string_view what, std::string_view text);

}  // namespace rowledger::people
