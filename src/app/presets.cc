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

}  // namespace

std::vector<std::string> preset_names() { return {"glific"}; }

std::vector<capture::TableSettings> preset_tables(std::string_view name) {
  return name == "glific" ? glific() : std::vector<capture::TableSettings>();
}

}  // namespace rowledger::app
