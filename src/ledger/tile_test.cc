#include "ledger/tile.h"

#include <gtest/gtest.h>

#include "ledger/ledger_testing.h"

namespace rowledger::ledger {
namespace {

TEST(TilePath, Golden) {
  std::string now;
  for (const uint64_t index : {uint64_t{0}, uint64_t{67}, uint64_t{999}, uint64_t{1'000}, uint64_t{1'234'067},
                               uint64_t{1'000'000}, UINT64_MAX}) {
    now += tile_path({0, index}) + "\n" + tile_path({2, index}, 1) + "\n" + tile_path({63, index}, 255) + "\n";
    now += entries_path(index) + "\n" + entries_path(index, 12) + "\n";
  }
  EXPECT_EQ(testing::golden("tile_paths.txt", now), now);
}

TEST(TilePath, IsReadAsItIsWritten) {
  for (uint64_t index = 0; index < 2'000'000; index = index * 3 + 1) {
    for (const uint32_t width : {1U, 9U, 100U, 255U, 256U}) {
      for (const uint32_t level : {0U, 1U, 9U, 63U})
        EXPECT_EQ(parse_tile_path(tile_path({level, index}, width)).value(), (TilePath{false, {level, index}, width}));
      EXPECT_EQ(parse_tile_path(entries_path(index, width)).value(), (TilePath{true, {0, index}, width}));
    }
  }
}

TEST(TilePath, OnlyOneSpelling) {
  const char* wrong[] = {"",
                         "tile",
                         "tile/",
                         "tile/0",
                         "tile/0/",
                         "tile/0/67",
                         "tile/0/0067",
                         "tile/0/x067",
                         "tile/0/x000/067",
                         "tile/0/001/067",
                         "tile/0/x001/x067",
                         "tile/0/X001/067",
                         "tile/0/x01/067",
                         "tile/0/x001//067",
                         "tile/0//067",
                         "/tile/0/067",
                         "tile/0/067/",
                         "tile/0/06a",
                         "tile/0/-67",
                         "tile/0/+67",
                         "tile/0/ 67",
                         "tile/00/067",
                         "tile/64/067",
                         "tile/-1/067",
                         "tile/x/067",
                         "tile/0/067.p",
                         "tile/0/067.p/",
                         "tile/0/067.p/0",
                         "tile/0/067.p/256",
                         "tile/0/067.p/08",
                         "tile/0/067.p/8/",
                         "tile/0/067.p/8.p/8",
                         "tile/0/067.q/8",
                         "tile/8/0/067",
                         "tile/entries",
                         "tile/entries/",
                         "tile/entries/67",
                         "tile/entries/0/067",
                         "tile/data/067",
                         "tile/0/x018/x446/x744/x073/x709/x551/616",
                         "tile/0/x999/x999/x999/x999/x999/x999/x999/999",
                         "tile/0/x000/x000/x000/x000/x000/x000/x000/x000/067"};
  for (const char* path : wrong) {
    const auto parsed = parse_tile_path(path);
    ASSERT_FALSE(parsed.has_value()) << path;
    EXPECT_EQ(parsed.error().code, ErrorCode::kInvalid);
  }
}

TEST(EntryBundle, IsReadAsItIsWritten) {
  const std::vector<std::string> entries = {"", "a", std::string(65'535, 'x'), std::string("\0\1", 2)};
  std::string bundle;
  for (const auto& entry : entries) append_to_bundle(entry, bundle);
  EXPECT_EQ(bundle.size(), 4 * 2 + 1 + 65'535 + 2);
  EXPECT_EQ(bundle.substr(0, 5), std::string("\0\0\0\1a", 5));
  const auto decoded = decode_bundle(bundle, 4);
  ASSERT_TRUE(decoded.has_value());
  EXPECT_TRUE(std::equal(entries.begin(), entries.end(), decoded->begin(), decoded->end()));
}

TEST(EntryBundle, HasExactlyItsEntries) {
  std::string bundle;
  for (int i = 0; i < 5; ++i) append_to_bundle("entry", bundle);
  EXPECT_TRUE(decode_bundle(bundle, 5).has_value());
  for (const uint32_t width : {1U, 4U, 6U, 256U}) {
    const auto decoded = decode_bundle(bundle, width);
    ASSERT_FALSE(decoded.has_value());
    EXPECT_EQ(decoded.error().code, ErrorCode::kCorrupt);
  }
  for (size_t n = 0; n < bundle.size(); ++n) EXPECT_FALSE(decode_bundle(bundle.substr(0, n), 5).has_value()) << n;
  EXPECT_FALSE(decode_bundle(bundle + '\0', 5).has_value());
}

TEST(Tile, SubtreeRoots) {
  testing::NaiveTree tree;
  std::string hashes;
  for (uint64_t n = 0; n < kTileWidth; ++n) {
    tree.append(leaf_hash(testing::entry_at(n)));
    hashes += as_view(tree.leaf(n));
    const bool complete = (n & (n + 1)) == 0;
    if (complete) {
      EXPECT_EQ(subtree_root(hashes), tree.root(n + 1));
    }
  }
}

}  // namespace
}  // namespace rowledger::ledger
