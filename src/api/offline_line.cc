#include "api/offline_line.h"

#include <boost/json.hpp>

#include "api/json_view.h"
#include "api/json_writer.h"

namespace rowledger::api {
namespace {

bool is_object(std::string_view text) {
  boost::system::error_code error;
  const boost::json::value value = boost::json::parse({text.data(), text.size()}, error);
  return !error && value.is_object();
}

}  // namespace

OfflineLine parse_offline_line(std::string_view line) {
  OfflineLine out;
  const JsonView view(line);
  if (is_object(line) && view["at"].kind() == JsonView::Kind::kString) {
    const bool is_event = view["event"].kind() == JsonView::Kind::kString;
    const JsonView actor = view[is_event ? "by" : "reader"];
    if (is_event) out.kind = record::EntryKind::kControl;
    out.actor_id = actor["id"].text();
    out.actor_name = actor["name"].text();
  }
  if (out.actor_id.empty()) {
    out = {};
    out.detail = JsonWriter().text("route", "unreadable").number("bytes", line.size()).finish();
  } else {
    out.detail = line;
  }
  return out;
}

}  // namespace rowledger::api
