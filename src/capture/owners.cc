#include "capture/owners.h"

#include <boost/json.hpp>

namespace rowledger::capture {

Result<std::vector<store::Owner>> owners_of(std::string_view detail) {
  const auto malformed = [] { return fail(ErrorCode::kCorrupt, "an erase entry does not say whose values are meant"); };
  boost::system::error_code error;
  const boost::json::value whole = boost::json::parse({detail.data(), detail.size()}, error);
  const boost::json::object* const object = error ? nullptr : whole.if_object();
  const boost::json::value* const list = object == nullptr ? nullptr : object->if_contains("owners");
  if (list == nullptr || !list->is_array()) return malformed();
  std::vector<store::Owner> out;
  for (const boost::json::value& item : list->get_array()) {
    const boost::json::object* const one = item.if_object();
    const boost::json::value* const subject = one == nullptr ? nullptr : one->if_contains("subject");
    const boost::json::value* const tenant = one == nullptr ? nullptr : one->if_contains("tenant");
    if (subject == nullptr || !subject->is_string() || subject->get_string().empty()) return malformed();
    store::Owner& owner = out.emplace_back();
    owner.subject = std::string(subject->get_string());
    if (tenant != nullptr && tenant->is_string()) owner.tenant = std::string(tenant->get_string());
  }
  if (out.empty()) return malformed();
  return out;
}

}  // namespace rowledger::capture
