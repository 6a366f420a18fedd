#include "record/schema.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "record/record_testing.h"

namespace rowledger::record {
namespace {

using ::testing::HasSubstr;

TEST(Schema, ComesBack) {
  TableSchema wide = testing::schema();
  wide.id = {UINT32_MAX};
  wide.table_id = {UINT32_MAX};
  wide.columns.assign(1'600, {"\xff", UINT32_MAX, INT32_MIN, ValueForm::kNumber, true});
  wide.columns.back().type_modifier = INT32_MAX;
  for (const TableSchema& schema : {testing::schema(), wide, TableSchema{}}) {
    const auto decoded = decode_schema(encode(schema));
    ASSERT_TRUE(decoded) << decoded.error().message;
    EXPECT_EQ(decoded->id, schema.id);
    EXPECT_EQ(decoded->table_id, schema.table_id);
    EXPECT_EQ(decoded->table, schema.table);
    EXPECT_EQ(decoded->columns, schema.columns);
  }
}

TEST(Schema, RefusesWhatIsMalformed) {
  const std::string good = encode(testing::schema());
  for (size_t length = 0; length < good.size(); ++length) EXPECT_FALSE(decode_schema(good.substr(0, length))) << length;
  EXPECT_FALSE(decode_schema(good + '\0'));
  std::string version = good;
  version[0] = 2;
  EXPECT_THAT(decode_schema(version).error().message, HasSubstr("version"));
  for (const size_t from_end : {1u, 2u}) {  // the last column's is_key, its form
    std::string bytes = good;
    bytes[bytes.size() - from_end] = 4;
    EXPECT_FALSE(decode_schema(bytes)) << from_end;
  }
  TableSchema wide;
  wide.columns.resize(1'665);
  EXPECT_THAT(decode_schema(encode(wide)).error().message, HasSubstr("too many columns"));
}

TEST(Schema, RefusesNumbersThatDoNotFit) {
  std::string bytes = encode(TableSchema{});
  bytes.replace(1, 1, "\x80\x80\x80\x80\x10");  // 2^32 as id
  EXPECT_FALSE(decode_schema(bytes));
  TableSchema one;
  one.columns.push_back({"c", 0, 0, ValueForm::kText, false});
  bytes = encode(one);
  bytes.replace(bytes.size() - 3, 1, "\x80\x80\x80\x80\x10");  // 2^31 as type modifier
  EXPECT_FALSE(decode_schema(bytes));
}

TEST(Schema, FindsColumns) {
  const TableSchema schema = testing::schema();
  EXPECT_EQ(schema.index_of("id"), 0u);
  EXPECT_EQ(schema.index_of("fields"), 3u);
  EXPECT_EQ(schema.index_of("Fields"), std::nullopt);
}

TEST(Schema, ShapeIsTableAndColumns) {
  TableSchema other = testing::schema();
  other.id = {9};
  EXPECT_TRUE(testing::schema().same_shape(other));
  other.columns[1].type_modifier = 260;
  EXPECT_FALSE(testing::schema().same_shape(other));
  other = testing::schema();
  other.table = "public.people";
  EXPECT_FALSE(testing::schema().same_shape(other));
}

TEST(ValueForm, ByType) {
  for (const uint32_t oid : {21u, 23u, 700u, 701u}) EXPECT_EQ(value_form_of_type(oid), ValueForm::kNumber) << oid;
  for (const uint32_t oid : {114u, 3802u}) EXPECT_EQ(value_form_of_type(oid), ValueForm::kJson) << oid;
  EXPECT_EQ(value_form_of_type(16), ValueForm::kBool);
  // int8 and numeric have more digits than JSON's readers keep.
  for (const uint32_t oid : {20u, 1700u, 25u, 1184u, 17u, 0u})
    EXPECT_EQ(value_form_of_type(oid), ValueForm::kText) << oid;
}

}  // namespace
}  // namespace rowledger::record
