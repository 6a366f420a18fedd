#include "record/erase_detail.h"

#include <boost/json.hpp>

namespace rowledger::record {

std::vector<uint64_t> keys_destroyed(std::string_view detail) {
  std::vector<uint64_t> out;
  boost::system::error_code error;
  const boost::json::value whole = boost::json::parse({detail.data(), detail.size()}, error);
  const boost::json::object* const object = error ? nullptr : whole.if_object();
  const boost::json::value* const keys = object == nullptr ? nullptr : object->if_contains("keys");
  if (keys == nullptr || !keys->is_array()) return out;
  for (const boost::json::value& key : keys->get_array()) {
    boost::system::error_code is_none;
    const auto number = key.to_number<uint64_t>(is_none);
    if (!is_none) out.push_back(number);
  }
  return out;
}

}  // namespace rowledger::record
