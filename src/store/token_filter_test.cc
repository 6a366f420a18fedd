#include "store/token_filter.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "store/rocksdb_store.h"
#include "store/store_testing.h"

namespace rowledger::store {
namespace {

constexpr Token kTokens = 1u << kTokenBits;

TEST(TokenFilter, HasWhatWasAddedAndLittleElse) {
  std::mt19937 random(3);
  for (const size_t count : {size_t{0}, size_t{1}, size_t{3'000}, size_t{400'000}}) {
    TokenFilter filter(count);
    std::vector<Token> added;
    for (size_t i = 0; i < count; ++i) added.push_back(random() % kTokens);
    for (const Token token : added) filter.add(token);
    for (const Token token : added) EXPECT_TRUE(may_have(filter.record(), token).value());
    size_t found = 0;
    for (int i = 0; i < 10'000; ++i) found += may_have(filter.record(), random() % kTokens).value();
    EXPECT_LT(found, 4'500u) << count;
    EXPECT_LE(filter.record().size(), std::max<size_t>(129, 1 + count / 2)) << count;
  }
  TokenFilter all(SIZE_MAX / 4);
  all.add(0);
  all.add(kTokens - 1);
  EXPECT_EQ(all.record().size(), 1 + kTokens / 8);
  EXPECT_TRUE(may_have(all.record(), kTokens - 1).value() && !may_have(all.record(), 1).value());
}

TEST(TokenFilter, AnotherRecordIsNone) {
  const TokenFilter filter(1'000);
  std::string longer = filter.record() + "x", another = filter.record();
  another[0] = 2;
  for (const std::string& record : {std::string(), std::string("\1"), longer, another, std::string(2 + kTokens / 4, 1)})
    EXPECT_EQ(may_have(record, 7).error().code, ErrorCode::kCorrupt);
}

// With a filter of its tokens a finished range gives the same answers as the one in memory.
TEST(TokenFilter, OfARangeHasAllOfItsTokens) {
  const TokenKeys keys{ShortHashKey{{4}}};
  RangeIndex index(0, keys);
  testing::Workload workload(5, {.max_entries = 1'024, .odd_cases = false, .inserts_first = 900});
  for (Batch batch; !index.complete(); batch.clear()) {
    workload.next(batch);
    index.add(batch, 0, batch.entries());
  }
  std::string filter;
  std::vector<Token> tokens;
  for (const auto& [key, record] : index.records()) {
    if (key == token_filter_key()) filter = record;
    if (!key.starts_with(token_key_prefix(0).substr(0, 1))) continue;
    EXPECT_TRUE(read_token_block(static_cast<uint8_t>(key[1]), record,
                                 [&](Token token, uint16_t) { tokens.push_back(token); }));
  }
  ASSERT_GT(tokens.size(), Store::kIndexRange);
  size_t missing = 0;
  for (const Token token : tokens) missing += !may_have(filter, token).value();
  EXPECT_EQ(missing, 0u);
}

// Each value is in entries of two of twelve tenants, the second time in another range, or nowhere.
TEST(TokenFilter, ASearchInManyTenantsFindsWhatIsThere) {
  const testing::TempDirectory directory;
  StoreOptions options;
  options.directory = directory.path() / "store";
  const auto opened = open_rocksdb_store(options);
  ASSERT_TRUE(opened) << opened.error().message;
  Store& store = **opened;
  const auto phone = [](uint64_t number) { return fmt::format("9198{:08}", number); };
  const uint64_t end = Store::kIndexRange + 1'000;
  Batch batch;
  for (uint64_t seq = 0; seq < end; ++seq) {
    const std::string tenant = fmt::format("{}", seq * 7 / 5 % 12), value = phone(seq % Store::kIndexRange);
    record::Entry entry;
    entry.header.kind = record::EntryKind::kUpdate;
    entry.header.seq = {seq};
    entry.header.table = "public.contacts";
    entry.header.tenant = tenant;
    entry.body.changes = {{"phone", record::ValueForm::kText, {}, {record::Presence::kValue, value}}};
    batch.add(entry);
    if (batch.entries() < 4'096 && seq + 1 < end) continue;
    ASSERT_TRUE(store.append(batch));
    batch.clear();
  }
  const auto found = [&](uint64_t range, uint64_t number) {
    return store.candidates(range, {Filter::Op::kTerm, {Dimension::kNewValue, phone(number)}, {}}).value();
  };
  size_t by_chance = 0;
  for (uint64_t number = 0; number < Store::kIndexRange; number += 97) {
    const auto stored = found(0, number), live = found(1, number);
    EXPECT_TRUE(std::ranges::binary_search(stored, Seq{number})) << number;
    EXPECT_EQ(std::ranges::binary_search(live, Seq{number + Store::kIndexRange}), number < 1'000) << number;
    by_chance += stored.size() - 1 + found(0, number + Store::kIndexRange).size();
  }
  EXPECT_LT(by_chance, 100u) << "of 1,352 searches";
}

}  // namespace
}  // namespace rowledger::store
