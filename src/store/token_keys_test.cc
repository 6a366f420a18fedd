// Each tenant's tokens have a key of their own, and are found by who names the tenant and by who does not.
#include <gtest/gtest.h>

#include "store/range_index.h"

namespace rowledger::store {
namespace {

using Op = Filter::Op;

Filter has(Dimension dimension, std::string value) { return {Op::kTerm, {dimension, std::move(value)}, {}}; }

class TokenKeysTest : public ::testing::Test {
 protected:
  TokenKeysTest() {
    // Of one phone number in four tenants' entries, the last of them nobody's.
    Batch batch;
    const std::string tenants[] = {"1", "2", "1", "3", ""};
    for (uint64_t seq = 0; seq < 5; ++seq) {
      record::Entry entry;
      entry.header.kind = record::EntryKind::kUpdate;
      entry.header.seq = {seq};
      entry.header.table = "public.contacts";
      entry.header.tenant = tenants[seq];
      entry.body.changes = {{"phone", record::ValueForm::kText, {}, {record::Presence::kValue, "919812345678"}}};
      batch.add(entry);
    }
    index_.add(batch, 0, 5);
  }

  std::vector<uint64_t> found(const Filter& filter) const {
    const auto set = evaluate(filter, index_, keys_);
    EXPECT_TRUE(set);
    std::vector<uint64_t> out;
    for (const Seq seq : set->seqs(0)) out.push_back(seq.value);
    return out;
  }
  std::vector<uint64_t> places_of(Token token) const {
    std::vector<uint64_t> out;
    EXPECT_TRUE(index_.tokens({&token, 1}, [&](Token, uint16_t position) { out.push_back(position); }));
    return out;
  }

  const TokenKeys keys_{ShortHashKey{{1, 2, 3}}};
  RangeIndex index_{0, keys_};
  const Filter phone_ = has(Dimension::kNewValue, "+91 98123-45678");
};

TEST_F(TokenKeysTest, OneValueHasAnotherTokenInEachTenant) {
  const Term term{Dimension::kNewValue, "919812345678"};
  EXPECT_EQ(places_of(token_of(keys_.of("1"), term)), (std::vector<uint64_t>{0, 2}));
  EXPECT_EQ(places_of(token_of(keys_.of("2"), term)), (std::vector<uint64_t>{1}));
  EXPECT_EQ(places_of(token_of(keys_.of(""), term)), (std::vector<uint64_t>{4}));
  EXPECT_TRUE(places_of(token_of(TokenKeys(ShortHashKey{}).of("1"), term)).empty());
}

TEST_F(TokenKeysTest, SearchesFindItWithAndWithoutATenant) {
  EXPECT_EQ(found(phone_), (std::vector<uint64_t>{0, 1, 2, 3, 4}));
  EXPECT_EQ(found({Op::kAnd, {}, {phone_, has(Dimension::kTenant, "1")}}), (std::vector<uint64_t>{0, 2}));
  EXPECT_TRUE(found({Op::kAnd, {}, {phone_, has(Dimension::kTenant, "4")}}).empty());
  const Filter two{Op::kOr, {}, {has(Dimension::kTenant, "2"), has(Dimension::kTenant, "3")}};
  EXPECT_EQ(found({Op::kAnd, {}, {two, phone_}}), (std::vector<uint64_t>{1, 3}));
  EXPECT_EQ(found({Op::kAnd, {}, {{Op::kNot, {}, {two}}, phone_}}), (std::vector<uint64_t>{0, 2, 4}));
  EXPECT_EQ(found({Op::kOr, {}, {phone_, has(Dimension::kTenant, "1")}}), (std::vector<uint64_t>{0, 1, 2, 3, 4}));
}

// As what a reader of one tenant may see is asked for: his own, and some kinds of entries that are nobody's.
TEST_F(TokenKeysTest, NobodysEntriesBesideATenants) {
  const Filter nobodys{Op::kAnd, {}, {has(Dimension::kTenant, ""), has(Dimension::kKind, "update")}};
  const Filter scope{Op::kOr, {}, {has(Dimension::kTenant, "2"), nobodys}};
  EXPECT_EQ(found({Op::kAnd, {}, {scope, phone_}}), (std::vector<uint64_t>{1, 4}));
  EXPECT_TRUE(found({Op::kAnd, {}, {scope, has(Dimension::kNewValue, "another")}}).empty());
}

}  // namespace
}  // namespace rowledger::store
