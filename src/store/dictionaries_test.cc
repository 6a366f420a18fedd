#include "store/dictionaries.h"

#include <gtest/gtest.h>

#include "base/bytes.h"
#include "store/rocksdb_store_impl.h"
#include "store/store_testing.h"

namespace rowledger::store {
namespace {

using privacy::RecordDictionary;
using testing::TempDirectory;
using testing::Workload;

// ---- a maker by itself ------------------------------------------------------------------------

class DictionaryMakerTest : public ::testing::Test {
 protected:
  DictionaryMakerTest() {
    StoreOptions options;
    options.directory = directory_.path() / "store";
    database_ = Database::open(options).value();
    keys_ = testing::open_keys(directory_.path());
    sealing_.emplace(keys_.get(), true, "salt");
    CHECK(sealing_->prepare().has_value());
    auto schema = std::make_shared<record::TableSchema>();
    schema->id = {5};
    schema->table = "public.contacts";
    schema->columns.resize(3);
    schema_ = schema;
    maker_.emplace(*database_, *sealing_, [this](SchemaId) { return schema_; });
  }

  static std::string phone_of(size_t person) { return std::to_string(919'820'000'000 + person * 7'919); }

  // People who share the words of `fields`, each with a phone of his own. every_second: all that half of them have.
  const RecordDictionary* look_at(size_t people, std::string_view word, std::string_view every_second = {}) {
    RowTable rows;
    for (size_t i = 0; i < people; ++i) {
      if (person_keys_.size() <= i)
        person_keys_.push_back(keys_->new_subject_key(sealing_->installation_key()).value());
      RowState row;
      row.newest = {i};
      row.schema = schema_->id;
      const bool is_short = !every_second.empty() && i % 2 == 0;
      const std::string id = std::to_string(i),
                        fields = fmt::format(R"({{"{0}": {{"label": "{0}", "value": "{1}", "type": "string", )"
                                             R"("inserted_at": "2026-11-26T09:00:00.000000Z"}}}})",
                                             word, i % 2 == 0 ? "first half" : phone_of(i));
      for (const std::string_view text : {std::string_view(id), is_short ? every_second : std::string_view(fields)})
        record::append_value(row.image, record::Value::of(text));
      record::append_value(row.image, record::Value::of(is_short ? std::string() : phone_of(i)));
      rows.put({1}, record::encode_key({id}), row, person_keys_[i]);
    }
    return maker_->look_at(rows.sorted()).value();
  }

  // What stands in the meta family: key and value.
  std::vector<std::pair<std::string, std::string>> stored() const {
    std::vector<std::pair<std::string, std::string>> out;
    const auto at = database_->iterate(Family::kMeta);
    for (at->SeekToFirst(); at->Valid(); at->Next()) out.emplace_back(view(at->key()), view(at->value()));
    return out;
  }

  const TempDirectory directory_;
  std::unique_ptr<Database> database_;
  std::unique_ptr<privacy::KeyRing> keys_;
  std::optional<Sealing> sealing_;
  std::shared_ptr<const record::TableSchema> schema_;
  std::optional<DictionaryMaker> maker_;
  std::vector<KeyId> person_keys_;
};

bool has(const RecordDictionary& dictionary, std::string_view text) {
  return dictionary.bytes().find(text) != std::string_view::npos;
}

TEST_F(DictionaryMakerTest, HoldsWhatManyShareAndNobodysOwn) {
  const RecordDictionary* const made = look_at(2'000, "favourite_town");
  ASSERT_NE(made, nullptr);
  EXPECT_EQ(made, sealing_->dictionaries().newest_of("public.contacts"));
  EXPECT_TRUE(has(*made, R"({"favourite_town": {"label": "favourite_town", "value": )"));
  EXPECT_TRUE(has(*made, "first half"));
  for (size_t i = 0; i < 2'000; ++i) EXPECT_FALSE(has(*made, phone_of(i))) << i;
}

// Their images stand in the strings themselves (libstdc++: up to 15 bytes).
TEST_F(DictionaryMakerTest, RowsOfAFewBytesAreSamplesAsWell) {
  const RecordDictionary* const made = look_at(2'060, "favourite_town", "opted-in");
  ASSERT_NE(made, nullptr);
  EXPECT_TRUE(has(*made, "favourite_town"));
  EXPECT_TRUE(has(*made, "opted-in"));
}

TEST_F(DictionaryMakerTest, FewRowsGetNone) {
  EXPECT_EQ(look_at(1'000, "favourite_town"), nullptr);
  EXPECT_TRUE(stored().empty());
}

// All under one key: rows about nobody, or one person's.
TEST_F(DictionaryMakerTest, WhatOneSubjectHasManyTimesIsNotShared) {
  person_keys_.assign(2'000, keys_->new_subject_key(sealing_->installation_key()).value());
  EXPECT_EQ(look_at(2'000, "favourite_town"), nullptr);
}

TEST_F(DictionaryMakerTest, WhatWasErasedIsNoSample) {
  look_at(1, "favourite_town");
  person_keys_.clear();
  for (size_t i = 0; i < 2'000; ++i)
    person_keys_.push_back(keys_->new_subject_key(sealing_->installation_key()).value());
  ASSERT_TRUE(keys_->sync());
  // So many are left that what they share is not enough.
  for (size_t i = 20; i < 2'000; ++i) ASSERT_TRUE(keys_->destroy(person_keys_[i]));
  EXPECT_EQ(look_at(2'000, "favourite_town"), nullptr);
}

TEST_F(DictionaryMakerTest, AnotherOneWhenTheRowsLookOtherwise) {
  const RecordDictionary* const first = look_at(2'000, "favourite_town");
  EXPECT_EQ(look_at(2'000, "favourite_town"), first);
  const RecordDictionary* const second = look_at(2'000, "languages_spoken");
  ASSERT_NE(second, first);
  EXPECT_TRUE(has(*second, "languages_spoken"));
  EXPECT_EQ(sealing_->dictionaries().find(first->number()), first) << "what was written with it still names it";
  EXPECT_EQ(stored().size(), 2U);
}

TEST_F(DictionaryMakerTest, IsReadAgainAsItWas) {
  const RecordDictionary* const made = look_at(2'000, "favourite_town");
  ASSERT_EQ(stored().size(), 1U);
  const auto [key, value] = stored().front();
  EXPECT_EQ(value.find("favourite"), std::string::npos) << "not in clear";
  Sealing again(keys_.get(), true, "salt");
  ASSERT_TRUE(again.prepare());
  ASSERT_TRUE(load_dictionary(again, key, value));
  const RecordDictionary* const read = again.dictionaries().newest_of("public.contacts");
  ASSERT_NE(read, nullptr);
  EXPECT_EQ(read->number(), made->number());
  EXPECT_EQ(read->bytes(), made->bytes());
  EXPECT_EQ(read->per_mille(), made->per_mille());
  Sealing locked(nullptr, true, "salt");
  ASSERT_TRUE(load_dictionary(locked, key, value));
  EXPECT_EQ(locked.dictionaries().find(made->number()), nullptr);
}

TEST_F(DictionaryMakerTest, WhatWasAlteredIsRefused) {
  look_at(2'000, "favourite_town");
  ASSERT_EQ(stored().size(), 1U);
  const auto [key, value] = stored().front();
  const auto load = [&](std::string_view stored_key, std::string_view bytes) {
    Sealing sealing(keys_.get(), true, "salt");
    CHECK(sealing.prepare().has_value());
    return load_dictionary(sealing, stored_key, bytes);
  };
  ASSERT_TRUE(load(key, value));
  // Behind the table's name and the measure, which say only when it is used.
  for (size_t i = 2 + std::string_view("public.contacts").size() + 2; i < value.size(); ++i) {
    std::string altered = value;
    altered[i] = static_cast<char>(altered[i] ^ 1);
    EXPECT_FALSE(load(key, altered)) << i;
  }
  for (size_t size = 0; size < value.size(); ++size) EXPECT_FALSE(load(key, value.substr(0, size))) << size;
  std::string of_another = meta_key(kDictionary);
  ByteWriter(of_another).u32(2);
  EXPECT_FALSE(load(of_another, value)) << "put in another's place";
}

// ---- in a store ---------------------------------------------------------------------------------

class StoreDictionaryTest : public ::testing::Test {
 protected:
  void open() {
    store_.reset();
    keys_.reset();
    keys_ = testing::open_keys(directory_.path());
    StoreOptions options;
    options.directory = directory_.path() / "store";
    options.keys = keys_.get();
    options.salt_key = "salt";
    store_ = open_rocksdb_store(options).value();
  }

  void write(size_t entries) {
    while (workload_.seq < entries) {
      Batch batch;
      workload_.next(batch);
      ASSERT_TRUE(store_->append(batch));
    }
  }

  void expect_all() const {
    for (const auto& [at, row] : workload_.rows) {
      const auto stored = store_->row({at.first}, at.second);
      ASSERT_TRUE(stored && *stored) << stored.error().message;
      ASSERT_EQ((*stored)->image, row.image);
    }
    uint64_t read = 0;
    ASSERT_TRUE(store_->scan({{0}, store_->end()}, [&](const record::OwnedEntry& entry) {
      const uint64_t seq = entry.header().seq.value;
      EXPECT_EQ(entry.body_bytes(), workload_.bodies[seq]) << seq;
      ++read;
      return true;
    }));
    EXPECT_EQ(read, workload_.seq);
  }

  const TempDirectory directory_;
  Workload workload_{11, {.max_entries = 400, .odd_cases = false, .inserts_first = 3'000}};
  std::unique_ptr<privacy::KeyRing> keys_;
  std::unique_ptr<Store> store_;
};

TEST_F(StoreDictionaryTest, RowsAndEntriesAreReadBackWhateverTheyWereCompressedWith) {
  open();
  write(3'000);  // without one
  open();        // the rows are written out: one is made
  write(6'000);
  expect_all();
  open();
  expect_all();
  const Database& database = static_cast<const RocksdbStore&>(*store_).database();
  rocksdb::PinnableSlice dictionary;
  std::string key = meta_key(kDictionary);
  ByteWriter(key).u32(1);
  EXPECT_TRUE(database.get(Family::kMeta, key, dictionary).value());
  size_t in_clear = 0, stored = 0;
  for (const auto& [at, row] : workload_.rows) {
    rocksdb::PinnableSlice value;
    ASSERT_TRUE(database.get(Family::kState, state_key({at.first}, at.second), value).value());
    in_clear += row.image.size();
    stored += value.size();
  }
  EXPECT_LT(stored * 3, in_clear) << "with it, a row of this table is a quarter of its size";
}

}  // namespace
}  // namespace rowledger::store
