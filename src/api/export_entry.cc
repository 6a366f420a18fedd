#include "api/export_entry.h"

#include <array>
#include <utility>

#include "http/http.h"

namespace rowledger::api {

ExportEntry::ExportEntry(std::string_view json_in) : json(json_in) {
  const std::array<std::pair<std::string_view, JsonView*>, 15> views = {{{"seq", &seq},
                                                                         {"kind", &kind},
                                                                         {"source", &source},
                                                                         {"table", &table},
                                                                         {"key", &key},
                                                                         {"tenant", &tenant},
                                                                         {"subject", &subject},
                                                                         {"changes", &changes},
                                                                         {"actor", &actor},
                                                                         {"via", &via},
                                                                         {"db", &db},
                                                                         {"context", &context},
                                                                         {"tx", &tx},
                                                                         {"received_at", &received_at},
                                                                         {"detail", &detail}}};
  const std::array<std::pair<std::string_view, bool*>, 5> flags = {{{"housekeeping", &housekeeping},
                                                                    {"erased", &erased},
                                                                    {"locked", &locked},
                                                                    {"forged", &forged},
                                                                    {"bulk", &bulk}}};
  JsonView(json).for_each_member([&](std::string_view name, JsonView value) {
    for (const auto& [each, into] : views) {
      if (each == name) *into = value;
    }
    for (const auto& [each, into] : flags) {
      if (each == name) *into = value.is_true();
    }
    return true;
  });
}

std::string ExportEntry::time() const {
  const JsonView committed = tx["committed_at"];
  return (committed ? committed : received_at).text();
}

std::string ExportEntry::key_text() const {
  std::string out;
  size_t parts = 0;
  std::string only;
  key.for_each_member([&](std::string_view, JsonView value) {
    if (parts++ == 0) {
      only = value.text();
      out = http::percent_encode(only);
    } else {
      out += "," + http::percent_encode(value.text());
    }
    return true;
  });
  return parts == 1 ? only : out;
}

std::string_view ExportEntry::family() const {
  const std::string name = kind.text();
  if (name == "insert" || name == "update" || name == "delete") return "change";
  return name == "baseline" ? "baseline" : "control";
}

}  // namespace rowledger::api
