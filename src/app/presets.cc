#include "app/presets.h"

namespace rowledger::app {
namespace {

constexpr char kTenant[] = "organization_id";
constexpr char kPerson[] = "public.contacts";

// Glific: contacts, and the tables about the same person, which point to it by contact_id.
std::vector<capture::TableSettings> glific() {
  const std::vector<std::string> stamps = {"updated_at", "inserted_at"};
  std::vector<capture::TableSettings> out;
  // Each message updates these columns of its contact: far more often than anybody edits it.
  out.push_back({.table = kPerson,
                 .tenant_column = kTenant,
                 .subject = "self",
                 .housekeeping = {"last_message_at", "last_communication_at", "last_message_number", "is_org_read",
                                  "is_org_replied", "is_contact_replied", "updated_at", "inserted_at"}});
  for (const char* table : {"public.contacts_groups", "public.contacts_tags", "public.profiles",
                            "public.contact_histories", "public.users"}) {
    out.push_back({.table = table,
                   .tenant_column = kTenant,
                   .subject = kPerson,
                   .subject_column = "contact_id",
                   .housekeeping = stamps});
  }
  return out;
}

// The people are known by name and phone; what they answered stands in "fields", per contact variable.
std::vector<view::MaskSettings> glific_masks() {
  const std::vector<std::string> common = {"id", "organization_id", "contact_id", "inserted_at", "updated_at"};
  const auto with_common = [&](std::vector<std::string> more) {
    more.insert(more.begin(), common.begin(), common.end());
    return more;
  };
  std::vector<view::MaskSettings> out;
  out.push_back(
      {.table = kPerson,
       .plain = with_common({"bsp_status", "status", "language_id", "active_profile_id", "optin_time", "optout_time",
                             "optin_status", "optin_method", "optout_method", "last_message_at",
                             "last_communication_at", "last_message_number", "is_org_read", "is_org_replied",
                             "is_contact_replied", "fields/*/type", "fields/*/label", "fields/*/inserted_at"}),
       .phone = {"phone"},
       .name = {"name"},
       .hidden = {"fields/*/value", "settings"}});
  out.push_back({.table = "public.contacts_groups", .plain = with_common({"group_id"})});
  out.push_back({.table = "public.contacts_tags", .plain = with_common({"tag_id"})});
  out.push_back({.table = "public.profiles",
                 .plain = with_common({"type", "language_id", "is_default", "is_active", "fields/*/type",
                                       "fields/*/label", "fields/*/inserted_at"}),
                 .name = {"name"},
                 .hidden = {"fields/*/value"}});
  out.push_back({.table = "public.contact_histories",
                 .plain = with_common({"event_type", "event_datetime", "profile_id"}),
                 .text = {"event_label"}});
  out.push_back({.table = "public.users",
                 .plain = with_common({"roles", "language_id", "is_restricted", "last_login_at"}),
                 .phone = {"phone"},
                 .name = {"name"}});
  return out;
}

}  // namespace

std::vector<view::MaskSettings> preset_masks(std::string_view name) {
  return name == "glific" ? glific_masks() : std::vector<view::MaskSettings>();
}

view::NamesSettings preset_names_of_actors(std::string_view name) {
  return name == "glific" ? view::NamesSettings{.table = "public.users"} : view::NamesSettings();
}

std::vector<std::string> preset_names() { return {"glific"}; }

std::vector<capture::TableSettings> preset_tables(std::string_view name) {
  return name == "glific" ? glific() : std::vector<capture::TableSettings>();
}

}  // namespace rowledger::app
