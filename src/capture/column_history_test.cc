#include "capture/column_history.h"

#include <gtest/gtest.h>

namespace rowledger::capture {
namespace {

using postgres::TableDefinition;
using record::Presence;

constexpr uint32_t kInt4 = 23, kText = 25, kVarchar = 1043;

TableDefinition people() {
  TableDefinition out;
  out.oid = 16384;
  out.numbers = 3;
  out.files = {{16384, 16384}};
  out.columns = {{"id", 1, kInt4, -1, "700", false, {}},
                 {"name", 2, kVarchar, 14, "700", false, {}},
                 {"note", 3, kText, -1, "700", false, {}}};
  return out;
}

std::vector<record::Column> columns_of(const TableDefinition& definition) {
  std::vector<record::Column> out;
  for (const auto& column : definition.columns)
    out.push_back({column.name, column.type_oid, column.type_modifier, {}, false});
  return out;
}

std::vector<ColumnPast> pasts(const TableDefinition& now) { return column_pasts(people(), now, columns_of(now)); }

TEST(ColumnHistory, WhatLeavesValuesAlone) {
  auto now = people();
  now.files[16384] = 17000;  // VACUUM FULL
  for (const auto& past : pasts(now)) EXPECT_FALSE(past.is_redefined());
  now = people();
  now.columns[1].version = "701";  // SET NOT NULL, a wider varchar
  now.columns[1].type_oid = kText;
  for (const auto& past : pasts(now)) EXPECT_FALSE(past.is_redefined());
}

TEST(ColumnHistory, RewrittenValues) {
  auto now = people();
  now.columns[2].type_oid = kInt4;
  EXPECT_TRUE(pasts(now)[2].may_be_rewritten);
  EXPECT_FALSE(pasts(now)[1].may_be_rewritten);
  now = people();
  now.columns[2].version = "701";  // TYPE text USING upper(note)
  now.files[16384] = 17000;
  EXPECT_TRUE(pasts(now)[2].may_be_rewritten);
  EXPECT_FALSE(pasts(now)[1].may_be_rewritten);
  now = people();
  now.oid = 17000;  // dropped and made again
  EXPECT_TRUE(pasts(now)[0].may_be_rewritten);
}

TEST(ColumnHistory, RenamedAndReplacedColumns) {
  auto now = people();
  now.columns[1].name = "full_name";
  now.columns[2].number = now.numbers = 4;
  now.columns[2].fill = "fresh";
  const auto past = pasts(now);
  EXPECT_EQ(past[1].former_name, "name");
  EXPECT_FALSE(past[1].may_be_rewritten);
  EXPECT_TRUE(past[2].may_be_rewritten);
}

TEST(ColumnHistory, WhatOlderRowsHaveInAnAddedColumn) {
  auto now = people();
  now.columns.push_back({"level", 4, kInt4, -1, "701", true, "5"});
  now.columns.push_back({"city", 5, kText, -1, "701", false, {}});
  now.numbers = 5;
  EXPECT_EQ(pasts(now)[3].fill_value(), record::Value::of("5"));
  EXPECT_EQ(pasts(now)[4].fill, Presence::kNull);
  EXPECT_FALSE(pasts(now)[3].is_redefined());

  // A later rewrite puts the default into the rows and forgets it; images still lack it.
  auto later = now;
  later.files[16384] = 17000;
  later.columns[3].fill.reset();
  const auto kept = with_older_fills(now, later);
  EXPECT_EQ(column_pasts(kept, later, columns_of(later))[3].fill_value(), record::Value::of("5"));

  now.files[16384] = 17000;  // DEFAULT random()
  now.columns[3].fill.reset();
  EXPECT_EQ(pasts(now)[3].fill, Presence::kUnknown);
  EXPECT_TRUE(pasts(now)[3].may_be_rewritten);
}

TEST(ColumnHistory, WhereTheCatalogueIsAheadOfTheStream) {
  const auto stream = columns_of(people());
  auto renamed = people();  // later
  renamed.columns[1].name = "full_name";
  for (const auto& past : column_pasts(people(), renamed, stream)) EXPECT_FALSE(past.is_redefined());
  EXPECT_FALSE(is_of(renamed, stream));

  auto dropped = people();
  dropped.columns.pop_back();
  EXPECT_FALSE(column_pasts(people(), dropped, stream)[2].may_be_rewritten);
  dropped.files[16384] = 17000;  // perhaps rewritten before it was dropped
  EXPECT_TRUE(column_pasts(people(), dropped, stream)[2].may_be_rewritten);

  // Rewritten now or later, and renamed later.
  renamed.columns[1].version = "701";
  renamed.files[16384] = 17000;
  EXPECT_TRUE(column_pasts(people(), renamed, stream)[1].may_be_rewritten);
  EXPECT_FALSE(column_pasts(people(), renamed, stream)[2].may_be_rewritten);

  // The same columns to look at, but the stream may be before the last one was replaced.
  auto replaced = people();
  replaced.columns[2].number = replaced.numbers = 4;
  replaced.columns[2].fill = "fresh";
  EXPECT_TRUE(column_pasts(people(), replaced, stream)[2].may_be_rewritten);

  // Added, dropped and added again: the stream may be at the first one.
  auto again = people();
  again.numbers = 5;
  again.columns.push_back({"level", 5, kInt4, -1, "702", true, "9"});
  EXPECT_TRUE(column_pasts(people(), again, columns_of(again))[3].may_be_rewritten);
}

TEST(ColumnHistory, ADefinitionIsReadBackAsItWasWritten) {
  auto definition = people();
  definition.columns[0].fill = "a \"quoted\" one";
  EXPECT_EQ(decode_definition(encode_definition(definition)), definition);
  EXPECT_FALSE(decode_definition("{}"));
  EXPECT_FALSE(decode_definition("not json"));
}

}  // namespace
}  // namespace rowledger::capture
