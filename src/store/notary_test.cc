#include "store/notary.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "ledger/tile_tree.h"
#include "ledger/tlog_proof.h"
#include "store/rocksdb_store.h"
#include "store/store_testing.h"

namespace rowledger::store {
namespace {

using ::testing::HasSubstr;
using testing::Workload;

class NotaryTest : public ::testing::Test {
 protected:
  std::unique_ptr<Store> open(const std::string& name = "log") {
    StoreOptions options;
    options.directory = directory_.path() / name;
    options.write_buffer_bytes = 4 << 20;
    auto store = open_rocksdb_store(options);
    CHECK(store.has_value());
    return std::move(*store);
  }
  void append(Store& store, Workload& workload, size_t batches) {
    for (size_t i = 0; i < batches; ++i) {
      Batch batch;
      workload.next(batch);
      ASSERT_TRUE(store.append(batch).has_value());
    }
  }
  NotaryOptions options() const { return {directory_.path() / "second", 1}; }
  Status check(const Store& store) { return check_against_signed(store, key_.verifier(), options().second_place); }

  testing::TempDirectory directory_;
  const ledger::SigningKey key_ =
      std::move(*ledger::SigningKey::from_seed("rowledger.example/test", std::string(32, 'k')));
};

TEST_F(NotaryTest, SignsWhatIsDurableAndProvesIt) {
  auto store = open();
  Workload workload(1, {});
  ASSERT_TRUE(check(*store).has_value());
  {
    Notary notary(*store, key_, options());
    append(*store, workload, 40);
  }
  const auto last = last_checkpoint(*store, key_.verifier()).value();
  ASSERT_TRUE(last.has_value());
  EXPECT_EQ(last->checkpoint.size.value, store->end().value);
  const ledger::TreeEdge edge = store->tree_edge();
  const ledger::TileTree tree(store->tiles(), edge);
  for (const uint64_t seq : {uint64_t{0}, store->end().value / 2, store->end().value - 1}) {
    const auto hashes = tree.prove_inclusion({seq}, last->checkpoint.size);
    ASSERT_TRUE(hashes.has_value());
    const std::string proof = ledger::format_tlog_proof({{seq}, *hashes, last->encode(), ""});
    const std::string header = store->headers({seq}, 1).value().front();
    const ledger::VerifierKey verifier = key_.verifier();
    EXPECT_TRUE(ledger::verify_tlog_proof(header, proof, {&verifier, 1}).has_value());
    EXPECT_FALSE(ledger::verify_tlog_proof(header + "x", proof, {&verifier, 1}).has_value());
  }
  EXPECT_TRUE(check(*store).has_value());
  store.reset();
  EXPECT_TRUE(check(*open()).has_value());
}

TEST_F(NotaryTest, AnOldCopyIsNoticed) {
  auto store = open();
  Workload workload(2, {});
  append(*store, workload, 10);
  { const Notary notary(*store, key_, options()); }
  store.reset();
  std::filesystem::copy(directory_.path() / "log", directory_.path() / "copy",
                        std::filesystem::copy_options::recursive);
  store = open();
  append(*store, workload, 10);
  { const Notary notary(*store, key_, options()); }
  store.reset();
  const auto restored = open("copy");
  const Status refused = check(*restored);
  ASSERT_FALSE(refused.has_value());
  EXPECT_THAT(refused.error().message, HasSubstr("older copy"));
  // Without the second place nothing can tell.
  EXPECT_TRUE(check_against_signed(*restored, key_.verifier(), {}).has_value());
}

TEST_F(NotaryTest, AMissingSecondPlaceIsRefusedUnlessAccepted) {
  auto store = open();
  Workload workload(6, {});
  ASSERT_TRUE(check(*store).has_value()) << "nothing was signed yet";
  append(*store, workload, 5);
  { const Notary notary(*store, key_, options()); }
  std::filesystem::remove(options().second_place);
  const Status refused = check(*store);
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, ErrorCode::kNotFound);
  EXPECT_THAT(refused.error().message, HasSubstr("--without-second-checkpoint"));
  ASSERT_TRUE(check_against_signed(*store, key_.verifier(), options().second_place, MissingSecondPlace::kAccepted));
  { const Notary notary(*store, key_, options()); }
  EXPECT_TRUE(check(*store).has_value()) << "it is there again, though nothing new was signed";
}

TEST_F(NotaryTest, NothingIsSignedThatTheSecondPlaceDoesNotHold) {
  auto store = open();
  Workload workload(7, {});
  const NotaryOptions gone{directory_.path() / "mount" / "second", 1};
  Notary notary(*store, key_, gone);
  append(*store, workload, 5);
  const Status failed = notary.sign();
  ASSERT_FALSE(failed.has_value());
  EXPECT_THAT(failed.error().message, HasSubstr(gone.second_place.string()));
  EXPECT_FALSE(store->checkpoint().value().has_value());
  std::filesystem::create_directory(directory_.path() / "mount");
  ASSERT_TRUE(notary.sign().has_value());
  EXPECT_EQ(read_second_place(gone.second_place).value(), store->checkpoint().value()->note);
}

TEST_F(NotaryTest, WhatAnotherCopySignedMeanwhileIsNotContradicted) {
  auto store = open();
  Workload workload(8, {}), here(8, {});
  append(*store, workload, 5);
  for (size_t i = 0; i < 5; ++i) {
    Batch same;
    here.next(same);
  }
  { const Notary notary(*store, key_, options()); }
  store.reset();
  std::filesystem::copy(directory_.path() / "log", directory_.path() / "copy",
                        std::filesystem::copy_options::recursive);
  store = open();
  Notary notary(*store, key_, options());
  auto copy = open("copy");
  append(*copy, workload, 10);
  { const Notary other(*copy, key_, options()); }
  append(*store, here, 1);
  EXPECT_FALSE(notary.sign().has_value());
  EXPECT_EQ(read_second_place(options().second_place).value(), copy->checkpoint().value()->note);
}

TEST_F(NotaryTest, AnotherLogIsNoticedAndNeverSigned) {
  auto store = open();
  Workload workload(3, {});
  append(*store, workload, 10);
  { const Notary notary(*store, key_, options()); }
  const std::string note = store->checkpoint().value()->note;
  auto other = open("other");
  Workload different(4, {});
  append(*other, different, 30);
  EXPECT_THAT(check(*other).error().message, HasSubstr("not those that were signed"));
  ASSERT_TRUE(other->set_checkpoint(note).has_value());
  {
    Notary notary(*other, key_, {});
    EXPECT_FALSE(notary.sign().has_value());
  }
  EXPECT_EQ(other->checkpoint().value()->note, note);
}

TEST_F(NotaryTest, AForgedCheckpointIsNotBelieved) {
  auto store = open();
  Workload workload(5, {});
  append(*store, workload, 5);
  { const Notary notary(*store, key_, options()); }
  std::string note = store->checkpoint().value()->note;
  for (size_t i = 0; i < note.size(); ++i) {
    std::string altered = note;
    altered[i] = static_cast<char>(altered[i] ^ 1);
    ASSERT_TRUE(store->set_checkpoint(altered).has_value());
    EXPECT_FALSE(check_against_signed(*store, key_.verifier(), {}).has_value()) << i;
  }
}

}  // namespace
}  // namespace rowledger::store
