#pragma once
// A log of several tenants whose values tell where they come from, and readers of it.
#include <string>
#include <vector>

#include "base/check.h"
#include "query/query_testing.h"
#include "view/view.h"

namespace rowledger::view::testing {

using query::testing::Row;
using query::testing::TestLog;
using record::ValueForm;

inline constexpr char kContacts[] = "public.contacts", kNumbers[] = "public.numbers", kUsers[] = "public.users",
                      kLanguages[] = "public.languages", kUnclassified[] = "public.unclassified";

inline Policy test_policy() {
  PolicySettings settings;
  for (const char* table : {kContacts, kNumbers, kUsers, kUnclassified})
    settings.tenant_columns[table] = "organization_id";
  settings.tenant_columns[kLanguages] = "";
  settings.masks = {{.table = kContacts,
                     .plain = {"id", "status", "organization_id", "fields/*/label"},
                     .phone = {"phone"},
                     .name = {"name"},
                     .date = {"born"},
                     .text = {"note"},
                     .hidden = {"fields/*/value"}},
                    {.table = kNumbers, .plain = {"organization_id"}, .phone = {"number"}},
                    {.table = kUsers, .plain = {"organization_id"}, .name = {"name"}},
                    {.table = kLanguages, .plain = {"label"}}};
  settings.context = {.plain = {"request_id"}, .text = {"reason"}};
  settings.names = {.table = kUsers};
  auto policy = Policy::make(std::move(settings));
  CHECK(policy.has_value());
  return std::move(*policy);
}

inline people::Principal reader(people::Role role, std::optional<std::string> tenant = std::nullopt) {
  const bool owner = role == people::Role::kOwner;
  return {.kind = owner ? people::Principal::Kind::kSocket : people::Principal::Kind::kUser,
          .id = owner ? "uid:0" : "user:" + std::string(to_string(role)) + tenant.value_or(""),
          .name = std::string(to_string(role)),
          .role = role,
          .tenant = std::move(tenant)};
}

constexpr uint32_t kInt8Oid = 20, kTextOid = 25, kJsonbOid = 3802, kVarcharOid = 1043;

inline void define_tables(TestLog& log) {
  log.set_tenant_column("organization_id");
  log.define(kContacts, {{"id", true, ValueForm::kText, kInt8Oid},
                         {"name"},
                         {"phone"},
                         {"status"},
                         {"born"},
                         {"note"},
                         {"fields", false, ValueForm::kJson, kJsonbOid},
                         {"organization_id", false, ValueForm::kText, kInt8Oid}});
  log.define(kNumbers, {{"number", true, ValueForm::kText, kVarcharOid}, {"remark"}, {"organization_id"}});
  log.define(kUsers, {{"id", true, ValueForm::kText, kInt8Oid}, {"name"}, {"organization_id"}});
  log.define(kLanguages, {{"id", true, ValueForm::kText, kInt8Oid}, {"label"}});
  log.define(kUnclassified, {{"id", true, ValueForm::kText, kTextOid}, {"value"}, {"organization_id"}});
}

// What a control entry is, as capture and the access log write it.
inline Seq append_control(TestLog& log, record::EntryKind kind, const std::string& detail,
                          const std::string& tenant = {}, const std::string& table = {}, std::string_view actor = {}) {
  query::testing::EntryBuilder entry(kind);
  entry.entry.header.tenant = tenant;
  entry.entry.header.table = table;
  entry.entry.body.detail = detail;
  entry.entry.body.attribution.actor_id = entry.entry.body.attribution.actor_name = actor;
  return log.append(entry.entry);
}

}  // namespace rowledger::view::testing
