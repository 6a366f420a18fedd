// The stored bytes, pinned: when one of these fails, old logs can no longer be read or no longer prove what they
// proved. A change of the format is a new version byte and a new file, not another content of these.
#include <gtest/gtest.h>

#include "record/record_testing.h"

namespace rowledger::record {
namespace {

using testing::encoded;
using testing::golden;

TEST(Golden, Headers) {
  EXPECT_EQ(to_hex(encoded(testing::full_header())), to_hex(golden("header-full")));
  EXPECT_EQ(to_hex(encoded(testing::minimal_header())), to_hex(golden("header-minimal")));
}

TEST(Golden, Body) { EXPECT_EQ(to_hex(encoded(testing::full_body())), to_hex(golden("body"))); }

TEST(Golden, Schema) { EXPECT_EQ(to_hex(encode(testing::schema())), to_hex(golden("schema"))); }

TEST(Golden, RowImage) {
  std::string image;
  for (const Value& value : {Value::of("42"), Value::null(), Value::of("t"), Value::unknown(), Value{}, Value::of("")})
    append_value(image, value);
  EXPECT_EQ(to_hex(image), to_hex(golden("row-image")));
}

TEST(Golden, Key) { EXPECT_EQ(to_hex(encode_key({"a,b", "42"})), to_hex(golden("key"))); }

TEST(Golden, Commitment) {
  std::string salt;
  for (size_t i = 0; i < kSaltBytes; ++i) salt += static_cast<char>(i);
  EXPECT_EQ(to_hex(as_view(commitment_of(salt, golden("body")))), to_hex(golden("commitment")));
}

// What was written before must be read now; the values are those that the tests above encode.
TEST(Golden, FilesAreRead) {
  const std::string header = golden("header-full"), body = golden("body");
  const auto decoded_header = decode_header(header);
  const auto decoded_body = decode_body(body);
  ASSERT_TRUE(decoded_header && decoded_body);
  EXPECT_EQ(decoded_header->tx->xid, 8'812u);
  EXPECT_EQ(decoded_header->tx->committed_at.to_string(), "2026-11-23T09:30:01.123456Z");
  EXPECT_EQ(decoded_header->tenant_seq, 311u);
  EXPECT_EQ(decoded_body->changes.at(3).before.text, "{\"a\": 1.10}");
  EXPECT_TRUE(decode_schema(golden("schema")));
}

}  // namespace
}  // namespace rowledger::record
