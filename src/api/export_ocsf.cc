// https://schema.ocsf.io/1.3.0/classes/datastore_activity
#include "api/export_lines.h"
#include "api/json_writer.h"
#include "base/time.h"

namespace rowledger::api {
namespace {

constexpr int kClass = 6005, kCategory = 6;  // Datastore Activity of Application Activity
constexpr int kInformational = 1, kHigh = 4;
constexpr int kRelational = 1;
constexpr int kUnknownUser = 0, kUser = 1, kSystemUser = 3;

struct Activity {
  int id;
  std::string_view name;
};

Activity activity_of(std::string_view kind) {
  if (kind == "insert") return {6, "Create"};
  if (kind == "update") return {2, "Update"};
  if (kind == "delete" || kind == "truncate") return {7, "Delete"};
  if (kind == "baseline" || kind == "access") return {1, "Read"};
  return {99, kind};  // Other
}

// Who acted: the application's user when he is known, else the database's; who looked, for an entry about that.
std::string actor_of(const ExportEntry& entry) {
  JsonWriter user;
  if (const JsonView reader = entry.detail["reader"]) {
    user.text("uid", reader["id"].text()).text("name", reader["name"].text()).number("type_id", kUser);
    return JsonWriter().raw("user", user.finish()).finish();
  }
  const std::string id = entry.actor["id"].text(), name = entry.actor["name"].text(), role = entry.db["role"].text();
  if (!id.empty()) user.text("uid", id);
  if (!name.empty()) {
    user.text("name", name);
  } else if (id.empty()) {
    user.text("name", role.empty() ? "unknown" : role);
  }
  user.number("type_id", !id.empty() || !name.empty() ? kUser : role.empty() ? kUnknownUser : kSystemUser);
  JsonWriter actor;
  actor.raw("user", user.finish());
  if (const JsonView application = entry.db["application"]) actor.text("app_name", application.text());
  return actor.finish();
}

// The client of the database, as far as it is known.
std::string endpoint_of(const ExportEntry& entry) {
  const std::string client = entry.db["client"].text();
  JsonWriter endpoint;
  if (client.empty() || client == "local") {
    endpoint.text("name", client.empty() ? "unknown" : "local");
  } else {
    endpoint.text("ip", client);
  }
  return endpoint.finish();
}

int64_t milliseconds(const std::string& time) {
  const auto parsed = Timestamp::parse(time);
  return parsed ? parsed->us / 1'000 : 0;
}

std::string metadata_of(const ExportEntry& entry) {
  return JsonWriter()
      .text("version", "1.3.0")
      .raw("product", JsonWriter().text("name", "Rowledger").text("vendor_name", "Rowledger").finish())
      .text("uid", entry.seq.raw())
      .number("sequence", entry.seq.raw())
      .text("log_name", entry.source.text())
      .number("logged_time", milliseconds(entry.received_at.text()))
      .finish();
}

}  // namespace

void append_ocsf_event(const ExportEntry& entry, std::string& out) {
  const std::string kind = entry.kind.text();
  const Activity activity = activity_of(kind);
  const bool alarming = kind == "gap" || entry.forged;
  JsonWriter json;
  json.number("class_uid", kClass)
      .text("class_name", "Datastore Activity")
      .number("category_uid", kCategory)
      .text("category_name", "Application Activity")
      .number("activity_id", activity.id)
      .text("activity_name", activity.name)
      .number("type_uid", kClass * 100 + activity.id)
      .number("severity_id", alarming ? kHigh : kInformational)
      .number("time", milliseconds(entry.time()))
      .raw("metadata", metadata_of(entry))
      .raw("actor", actor_of(entry))
      .raw("src_endpoint", endpoint_of(entry))
      .raw("database", JsonWriter().text("name", entry.source.text()).number("type_id", kRelational).finish());
  if (entry.table) json.raw("table", JsonWriter().text("name", entry.table.text()).finish());
  // What OCSF has no attribute for: the values above all.
  out += json.raw("unmapped", JsonWriter().raw("entry", entry.json).finish()).finish();
  out += '\n';
}

}  // namespace rowledger::api
