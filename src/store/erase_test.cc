// Erasing a subject: what the log, the state and the index say afterwards, at once and when opened again.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <fstream>
#include <map>
#include <set>
#include <thread>

#include "store/index_files_testing.h"
#include "store/rocksdb_store_impl.h"
#include "store/store_testing.h"
#include "store/terms.h"
#include "store/token_filter.h"

namespace rowledger::store {
namespace {

using testing::TempDirectory;
using testing::Workload;

class EraseTest : public ::testing::Test {
 protected:
  void open() {
    store_.reset();
    keys_.reset();
    keys_ = testing::open_keys(directory_.path());
    StoreOptions options;
    options.directory = directory_.path() / "store";
    options.keys = keys_.get();
    options.salt_key = "salt";
    auto opened = open_rocksdb_store(options);
    ASSERT_TRUE(opened) << opened.error().message;
    store_ = std::move(*opened);
  }

  void write(size_t entries) {
    while (workload_.seq < entries) {
      Batch batch;
      workload_.next(batch);
      ASSERT_TRUE(store_->append(batch));
    }
  }

  static bool is_about(const record::Entry& entry, std::string_view subject) { return entry.body.subject == subject; }

  std::vector<Seq> candidates(Dimension dimension, const std::string& value) const {
    std::vector<Seq> out;
    for (uint64_t range = 0; range * Store::kIndexRange < store_->end().value; ++range) {
      const auto found = store_->candidates(range, {Filter::Op::kTerm, {dimension, value}, {}});
      EXPECT_TRUE(found);
      out.insert(out.end(), found->begin(), found->end());
    }
    return out;
  }

  const TempDirectory directory_;
  Workload workload_{7, {.max_entries = 500, .odd_cases = false, .inserts_first = 700}};
  std::unique_ptr<privacy::KeyRing> keys_;
  std::unique_ptr<Store> store_;
};

std::string file_bytes(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

// Whoever orders an erasure names the keys on a thread of his own, while capture makes others.
TEST_F(EraseTest, KeysAreNamedWhileOthersAreMade) {
  open();
  const std::vector<Owner> owners{{"1", "public.contacts/42"}};
  std::atomic<bool> done = false;
  std::thread asking([&] {
    while (!done) ASSERT_TRUE(store_->keys_of(owners));
  });
  Workload many{7, {.max_entries = 2'000, .odd_cases = false, .inserts_first = 10'000}};
  while (many.seq < 10'000) {
    Batch batch;
    many.next(batch);
    EXPECT_TRUE(store_->append(batch));
  }
  done = true;
  asking.join();
  EXPECT_EQ(store_->keys_of(owners).value().size(), 1U);
}

TEST_F(EraseTest, NothingOfTheSubjectIsLeftAndAllOfTheOthers) {
  open();
  write(Store::kIndexRange + 9'000);  // a finished range, and one in memory
  const std::string subject = "public.contacts/42";
  std::vector<Seq> about, others;
  std::set<std::string> phones;
  ASSERT_TRUE(store_->scan({{0}, store_->end()}, [&](const record::OwnedEntry& entry) {
    (is_about(entry.entry(), subject) ? about : others).push_back(entry.header().seq);
    if (is_about(entry.entry(), subject))
      for (const auto& change : entry.body().changes)
        if (change.field == "phone") phones.emplace(change.after.text);
    return true;
  }));
  ASSERT_GT(about.size(), 60u);
  const auto trace = store_->trace_of(subject, store_->end());
  ASSERT_TRUE(trace);
  EXPECT_EQ(trace->entries, about.size());
  EXPECT_EQ(trace->tenants, std::vector<std::string>{"1"});
  for (const std::string& phone : phones) EXPECT_FALSE(candidates(Dimension::kNewValue, phone).empty());
  const std::string slots_before = file_bytes(directory_.path() / "keys/subjects.keys");

  const std::vector<Owner> owners{{"1", subject}};
  const auto destroyed = store_->destroy_keys(owners);
  ASSERT_TRUE(destroyed) << destroyed.error().message;
  EXPECT_EQ(*destroyed, 1u);
  ASSERT_TRUE(store_->drop_tokens(subject));
  EXPECT_EQ(store_->destroy_keys(owners).value(), 0u) << "again changes nothing";

  const auto check = [&] {
    const std::set<Seq> erased(about.begin(), about.end());
    uint64_t here = 0;
    ASSERT_TRUE(store_->scan({{0}, {workload_.seq}}, [&](const record::OwnedEntry& entry) {
      const bool is_erased = entry.values() == record::Values::kErased;
      EXPECT_EQ(is_erased, erased.contains(entry.header().seq)) << entry.header().seq.value;
      here += !is_erased;
      return true;
    }));
    EXPECT_EQ(here, others.size());
    const auto row = store_->row({1}, std::string("42\0", 3));
    ASSERT_TRUE(row && *row);
    EXPECT_TRUE((*row)->erased);
    EXPECT_TRUE((*row)->image.empty());
    // Of other subjects one may have the same token: but nothing erased is among what is found.
    for (const std::string& phone : phones)
      for (const Seq seq : candidates(Dimension::kNewValue, phone)) EXPECT_FALSE(erased.contains(seq));
    for (const Seq seq : candidates(Dimension::kSubject, subject)) EXPECT_FALSE(erased.contains(seq));
    // What is not the person's still finds them.
    const auto fields = candidates(Dimension::kField, "phone");
    const std::set<Seq> by_field(fields.begin(), fields.end());
    EXPECT_TRUE(by_field.contains(about.back()));
    EXPECT_FALSE(candidates(Dimension::kSubject, "public.contacts/43").empty());
  };
  check();
  // The slot as it was is in no file.
  const std::string slots_after = file_bytes(directory_.path() / "keys/subjects.keys");
  ASSERT_EQ(slots_after.size(), slots_before.size());
  std::vector<std::string> gone;
  for (size_t at = 4096; at < slots_before.size(); at += 64)
    if (slots_before[at] == '\xa5' && slots_after[at] == '\x5a') gone.push_back(slots_before.substr(at + 4, 60));
  ASSERT_EQ(gone.size(), 1u);
  for (const auto& file : std::filesystem::recursive_directory_iterator(directory_.path()))
    if (file.is_regular_file()) {
      EXPECT_EQ(file_bytes(file.path()).find(gone.front()), std::string::npos) << file.path();
    }
  open();
  check();
  write(workload_.seq + 5'000);  // it begins anew, with another key
  EXPECT_GT(store_->trace_of(subject, store_->end())->entries, 0u);
  open();
}

// Nor in older versions of the index's records, which RocksDB keeps until it has a reason to drop them.
TEST_F(EraseTest, NoFileHoldsATokenOfTheValues) {
  open();
  write(Store::kIndexRange + 3'000);
  const std::string subject = "public.contacts/42";
  const std::filesystem::path store = directory_.path() / "store";
  const auto token_blocks = [&] {
    std::map<std::string, std::string> out;
    const auto at = static_cast<RocksdbStore&>(*store_).database().iterate(Family::kIndex);
    for (at->SeekToFirst(); at->Valid(); at->Next())
      if (at->key().ToString().substr(4, 1) == token_key_prefix(0).substr(0, 1))
        out.emplace(at->key().ToString(), at->value().ToString());
    return out;
  };
  const auto files = [&] {
    std::map<std::string, std::string> out;
    for (const auto& file : std::filesystem::directory_iterator(store))
      if (file.is_regular_file()) out.emplace(file.path().filename(), file_bytes(file.path()));
    return out;
  };
  const auto before = token_blocks();
  const auto files_before = files();
  ASSERT_TRUE(store_->destroy_keys({{"1", subject}}));
  ASSERT_TRUE(store_->drop_tokens(subject));
  const auto after = token_blocks();
  // What stood around the first token that went, of each block that lost some.
  std::vector<std::string> gone;
  for (const auto& [key, value] : before) {
    const std::string& left = after.at(key);
    if (value == left) continue;
    const auto differs = static_cast<size_t>(std::ranges::mismatch(value, left).in1 - value.begin());
    const std::string around = value.substr(differs < 12 ? 0 : differs - 12, 36);
    // One value in every seventh entry is a pattern that stands elsewhere, too.
    if (left.find(around) == std::string::npos) gone.push_back(around);
  }
  ASSERT_GT(gone.size(), 60u) << "about as many values as the person had";
  const auto held_by = [](const auto& files, const std::string& needle) {
    return std::ranges::any_of(files, [&](const auto& file) { return file.second.find(needle) != std::string::npos; });
  };
  // RocksDB's own log cuts records in pieces: a few can be cut here.
  EXPECT_GT(std::ranges::count_if(gone, [&](const auto& needle) { return held_by(files_before, needle); }), 50);
  const KeptTokens kept = testing::kept_tokens(*store_, 0);
  ASSERT_GT(kept.size(), 60u);
  std::vector<Token> left;
  for (const auto& [key, block] : after)
    EXPECT_TRUE(
        read_token_block(static_cast<uint8_t>(key[5]), block, [&](Token token, uint16_t) { left.push_back(token); }));
  TokenFilter filter(left.size());
  for (const Token token : left) filter.add(token);
  store_.reset();
  const auto files_after = files();
  for (const std::string& needle : gone) EXPECT_FALSE(held_by(files_after, needle));
  const auto blocks = testing::stale_blocks(store, 0, kept);
  EXPECT_EQ(blocks.stale, 0u);
  EXPECT_GT(blocks.all, 100u);
  size_t filters = 0;
  testing::each_index_record(store, [&](std::string_view key, std::string_view value) {
    if (key != index_key(0, token_filter_key())) return;
    EXPECT_TRUE(value == filter.record()) << "of what is left, and nothing else";
    ++filters;
  });
  EXPECT_EQ(filters, 1u);
}

TEST_F(EraseTest, WhoFollowsTheLogSharesWhatIsReadAndNothingErased) {
  open();
  write(2'000);
  const SeqRange newest{{store_->end().value - 300}, store_->end()};
  std::map<Seq, Owner> owners;
  const auto scan = [&] {
    std::map<Seq, const record::OwnedEntry*> out;
    EXPECT_TRUE(store_->follow(newest, [&](const record::OwnedEntry& entry) {
      out[entry.header().seq] = &entry;
      if (entry.values() == record::Values::kHere)
        owners[entry.header().seq] = {std::string(entry.header().tenant), std::string(entry.body().subject)};
      return true;
    }));
    return out;
  };
  const auto first = scan();
  EXPECT_EQ(first.size(), 300u);
  EXPECT_EQ(first, scan()) << "the same entries, in the same place";
  const auto about = std::ranges::find_if(owners, [](const auto& each) { return !each.second.subject.empty(); });
  ASSERT_NE(about, owners.end());
  ASSERT_EQ(store_->destroy_keys({about->second}).value(), 1u);
  uint64_t erased = 0;
  ASSERT_TRUE(store_->follow(newest, [&](const record::OwnedEntry& entry) {
    const bool is_about_him = owners[entry.header().seq] == about->second;
    EXPECT_EQ(entry.values() == record::Values::kErased, is_about_him) << entry.header().seq.value;
    erased += is_about_him;
    return true;
  }));
  EXPECT_GT(erased, 0u);
}

TEST_F(EraseTest, AKillBeforeTheStateIsWrittenLeavesItErased) {
  open();
  write(3'000);
  ASSERT_TRUE(store_->destroy_keys({{"1", "public.contacts/42"}}));
  // As after a crash: the files as they are now.
  const TempDirectory copy;
  std::filesystem::copy(directory_.path(), copy.path(),
                        std::filesystem::copy_options::recursive | std::filesystem::copy_options::overwrite_existing);
  const auto keys = testing::open_keys(copy.path());
  StoreOptions options;
  options.directory = copy.path() / "store";
  options.keys = keys.get();
  options.salt_key = "salt";
  const auto opened = open_rocksdb_store(options);
  ASSERT_TRUE(opened) << opened.error().message;
  const auto row = (*opened)->row({1}, std::string("42\0", 3));
  ASSERT_TRUE(row && *row);
  EXPECT_TRUE((*row)->erased);
  EXPECT_FALSE((*(*opened)->row({1}, std::string("43\0", 3)))->erased);
}

}  // namespace
}  // namespace rowledger::store
