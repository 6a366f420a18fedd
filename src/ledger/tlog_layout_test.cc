#include "ledger/tlog_layout.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "ledger/ledger_testing.h"

namespace rowledger::ledger {
namespace {

using Files = std::map<std::string, std::string>;

class Layout : public ::testing::Test {
 protected:
  Status write(uint64_t size) {
    const TileTree tree(tree_.tiles, tree_.edge);
    return write_tlog_layout(
        sign_checkpoint({size}, tree_.naive.root(size), key_), tree,
        [this](LeafIndex first, uint32_t count) -> Result<std::vector<std::string>> {
          std::vector<std::string> out;
          for (uint64_t i = first.value; i < first.value + count; ++i)
            out.push_back(i == altered_ ? "altered" : testing::entry_at(i));
          return out;
        },
        [this](const std::string& path, std::string_view bytes) -> Status {
          EXPECT_TRUE(files_.emplace(path, bytes).second) << path;
          last_ = path;
          return {};
        });
  }

  SigningKey key_ = testing::test_key();
  testing::TestTree tree_;
  uint64_t altered_ = UINT64_MAX;
  Files files_;
  std::string last_;
};

TEST_F(Layout, EmptyLogIsACheckpoint) {
  ASSERT_TRUE(write(0).has_value());
  ASSERT_EQ(files_.size(), 1U);
  EXPECT_EQ(files_.begin()->first, "checkpoint");
}

TEST_F(Layout, Golden) {
  tree_.grow_to(258);
  ASSERT_TRUE(write(258).has_value());
  for (const std::string name : {"tile/0/001.p/2", "tile/1/000.p/1", "tile/entries/001.p/2"}) {
    std::string file = name;
    std::ranges::replace(file, '/', '_');
    EXPECT_EQ(testing::golden(file, files_.at(name)), files_.at(name)) << name;
  }
}

TEST_F(Layout, HoldsTheTreeAtTheCheckpointsSize) {
  tree_.grow_to(70'000);
  for (const uint64_t size : {1, 255, 256, 257, 65'536, 66'000}) {
    files_.clear();
    const auto written = write(size);
    ASSERT_TRUE(written.has_value()) << written.error().message;
    EXPECT_EQ(last_, "checkpoint");
    uint64_t entries = 0, leaves = 0;
    for (const auto& [name, bytes] : files_) {
      if (name == "checkpoint") continue;
      const TilePath path = parse_tile_path(name).value();
      if (path.entries) {
        entries += decode_bundle(bytes, path.width).value().size();
      } else {
        EXPECT_EQ(bytes.size(), path.width * kHashBytes);
        if (path.id.level == 0) leaves += path.width;
      }
    }
    EXPECT_EQ(entries, size);
    EXPECT_EQ(leaves, size);
  }
  EXPECT_TRUE(files_.contains("tile/2/000.p/1"));
  EXPECT_TRUE(files_.contains("tile/1/001.p/1"));
  EXPECT_TRUE(files_.contains("tile/0/257.p/208"));
}

TEST_F(Layout, AnAlteredEntryEndsIt) {
  tree_.grow_to(70'000);
  for (const uint64_t altered : {0, 255, 1'000, 69'999}) {
    files_.clear();
    altered_ = altered;
    const auto written = write(70'000);
    ASSERT_FALSE(written.has_value());
    EXPECT_EQ(written.error().code, ErrorCode::kCorrupt);
    EXPECT_NE(written.error().message.find("entry " + std::to_string(altered)), std::string::npos);
    EXPECT_FALSE(files_.contains("checkpoint"));
  }
}

TEST_F(Layout, AnAlteredTileEndsIt) {
  tree_.grow_to(70'000);
  tree_.tiles.tiles[{1, 0}][40] ^= 1;
  const auto written = write(70'000);
  ASSERT_FALSE(written.has_value());
  EXPECT_NE(written.error().message.find("hash 1 of the tree's level 1"), std::string::npos) << written.error().message;
  EXPECT_FALSE(files_.contains("checkpoint"));
}

TEST_F(Layout, AnotherRootEndsIt) {
  tree_.grow_to(300);
  const auto written = write_tlog_layout(
      sign_checkpoint({300}, leaf_hash(""), key_), TileTree(tree_.tiles, tree_.edge),
      [](LeafIndex first, uint32_t count) -> Result<std::vector<std::string>> {
        std::vector<std::string> out;
        for (uint64_t i = first.value; i < first.value + count; ++i) out.push_back(testing::entry_at(i));
        return out;
      },
      [](const std::string& path, std::string_view) -> Status {
        EXPECT_NE(path, "checkpoint");
        return {};
      });
  ASSERT_FALSE(written.has_value());
  EXPECT_EQ(written.error().code, ErrorCode::kCorrupt);
}

}  // namespace
}  // namespace rowledger::ledger
