#pragma once
// Compares a store with the model that filled it.
#include <gtest/gtest.h>

#include "store/store.h"
#include "store/store_testing.h"

namespace rowledger::store::testing {

inline void expect_log_is(const Store& store, const Workload& model) {
  ASSERT_EQ(store.end().value, model.seq);
  uint64_t next = 0;
  const Status scanned = store.scan({{0}, store.end()}, [&](const record::OwnedEntry& entry) {
    // The batch's header has no commitment yet.
    EXPECT_EQ(entry.header_bytes().substr(0, entry.header_bytes().size() - sizeof(Digest)),
              model.headers[next].substr(0, model.headers[next].size() - sizeof(Digest)))
        << "entry " << next;
    EXPECT_TRUE(entry.body_bytes() == model.bodies[next]) << "entry " << next;
    EXPECT_EQ(record::commitment_of(entry.salt(), entry.body_bytes()), entry.header().commitment);
    ++next;
    return true;
  });
  ASSERT_TRUE(scanned.has_value()) << scanned.error().message;
  ASSERT_EQ(next, model.seq);
}

inline void expect_rows_are(const Store& store, const Workload& model) {
  size_t rows = 0;
  for (const uint32_t table : {1u, 2u}) {
    const Status scanned = store.scan_rows({table}, {}, [&](std::string_view key, const RowState& row) {
      const auto expected = model.rows.find({table, std::string(key)});
      EXPECT_NE(expected, model.rows.end());
      if (expected == model.rows.end()) return false;
      EXPECT_EQ(row.newest, expected->second.newest);
      EXPECT_EQ(row.deleted, expected->second.deleted);
      EXPECT_EQ(row.schema, expected->second.schema);
      EXPECT_TRUE(row.image == expected->second.image) << "row's newest entry " << row.newest.value;
      ++rows;
      return true;
    });
    ASSERT_TRUE(scanned.has_value()) << scanned.error().message;
  }
  EXPECT_EQ(rows, model.rows.size());
}

inline void expect_store_is(const Store& store, const Workload& model) {
  expect_log_is(store, model);
  expect_rows_are(store, model);
  for (const auto& [tenant, next] : model.tenants) EXPECT_EQ(store.next_tenant_seq(tenant), next);
  const std::vector<record::TableSchema> schemas = store.schemas();
  ASSERT_LE(schemas.size(), model.schemas.size());
  for (size_t i = 0; i < schemas.size(); ++i) EXPECT_EQ(encode(schemas[i]), encode(model.schemas[i]));
  EXPECT_EQ(store.meta("batches").value().value_or("0"), std::to_string(model.batches));
}

}  // namespace rowledger::store::testing
