#pragma once
// The index as its files have it, for tests of what an erasure leaves: not through the store, which shows the newest
// of each record only.
#include <gtest/gtest.h>
#include <rocksdb/sst_file_reader.h>

#include <filesystem>
#include <functional>
#include <memory>
#include <string>

#include "store/range_index.h"
#include "store/store_keys.h"
#include "store/terms.h"

namespace rowledger::store::testing {

// Calls visit for each record of the index in each table file of a store that is closed, also older ones.
inline void each_index_record(const std::filesystem::path& store,
                              const std::function<void(std::string_view key, std::string_view value)>& visit) {
  for (const auto& file : std::filesystem::directory_iterator(store)) {
    if (file.path().extension() != ".sst") continue;
    rocksdb::SstFileReader reader((rocksdb::Options()));
    ASSERT_TRUE(reader.Open(file.path().string()).ok()) << file.path();
    if (reader.GetTableProperties()->column_family_name != "index") continue;
    const std::unique_ptr<rocksdb::Iterator> at(reader.NewIterator(rocksdb::ReadOptions()));
    for (at->SeekToFirst(); at->Valid(); at->Next())
      visit({at->key().data(), at->key().size()}, {at->value().data(), at->value().size()});
    ASSERT_TRUE(at->status().ok()) << file.path();
  }
}

// What each erased entry of the range may still be found by.
inline KeptTokens kept_tokens(const Store& store, uint64_t range, const ShortHashKey& token_key = {}) {
  const TokenKeys keys(token_key);
  KeptTokens out;
  const SeqRange all{{range * Store::kIndexRange}, {(range + 1) * Store::kIndexRange}};
  EXPECT_TRUE(store.scan(all, [&](const record::OwnedEntry& entry) {
    if (entry.values() != record::Values::kErased) return true;
    auto& kept = out[static_cast<uint16_t>(entry.header().seq.value % Store::kIndexRange)];
    for_each_term(entry.entry(), [&](Dimension dimension, std::string_view value) {
      if (is_token(dimension))
        kept.push_back(token_of(keys.of(entry.header().tenant), {dimension, std::string(value)}));
    });
    return true;
  }));
  return out;
}

// How many token blocks of the range, in all files, have tokens that are not to be kept; and how many there are.
struct StaleBlocks {
  size_t stale = 0, all = 0;
};
inline StaleBlocks stale_blocks(const std::filesystem::path& store, uint64_t range, const KeptTokens& kept) {
  StaleBlocks out;
  const std::string first = index_key(range, token_key_prefix(0)), behind = index_key(range, token_filter_key());
  each_index_record(store, [&](std::string_view key, std::string_view value) {
    if (key < first || key >= behind) return;
    const auto left = without_dropped(static_cast<uint8_t>(key[first.size() - 1]), value, kept);
    ASSERT_TRUE(left) << left.error().message;
    ++out.all;
    out.stale += left->has_value();
  });
  return out;
}

}  // namespace rowledger::store::testing
