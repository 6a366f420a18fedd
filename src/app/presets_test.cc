#include "app/presets.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "app/suggest.h"

namespace rowledger::app {
namespace {

using ::testing::Contains;
using ::testing::IsEmpty;
using ::testing::Not;

TEST(Presets, EachHasTables) {
  for (const std::string& name : preset_names()) EXPECT_THAT(preset_tables(name), Not(IsEmpty())) << name;
  EXPECT_THAT(preset_tables("none such"), IsEmpty());
}

TEST(Presets, GlificIsAboutContacts) {
  const auto tables = preset_tables("glific");
  EXPECT_EQ(tables.at(0).table, "public.contacts");
  EXPECT_EQ(tables.at(0).subject, "self");
  for (const char* column : {"last_message_at", "updated_at", "is_org_read"})
    EXPECT_THAT(tables.at(0).housekeeping, Contains(column));
  for (const char* edited : {"name", "phone", "status", "fields"})
    EXPECT_THAT(tables.at(0).housekeeping, Not(Contains(edited)));
  for (const auto& table : tables) {
    EXPECT_EQ(table.tenant_column, "organization_id") << table.table;
    EXPECT_FALSE(table.subject.empty()) << table.table;
    if (table.subject == "self") continue;
    EXPECT_EQ(table.subject, "public.contacts") << table.table;
    EXPECT_EQ(table.subject_column, "contact_id") << table.table;
  }
}

TEST(Suggest, NearestWord) {
  const std::vector<std::string> words = {"url", "role", "publication"};
  EXPECT_EQ(nearest("urll", words), "url");
  EXPECT_EQ(nearest("publicaton", words), "publication");
  EXPECT_EQ(nearest("pubilcation", words), "publication");
  EXPECT_EQ(nearest("zzzzz", words), "");
  EXPECT_EQ(nearest("", {}), "");
  EXPECT_EQ(nearest(std::string(1'000, 'x'), {std::string(1'000, 'x')}), "") << "too long to be looked at";
}

}  // namespace
}  // namespace rowledger::app
