#include "ledger/tile_tree.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "ledger/ledger_testing.h"
#include "ledger/verifier.h"

namespace rowledger::ledger {
namespace {

using testing::TestTree;

void expect_inclusion(TestTree& tree, uint64_t index, uint64_t size) {
  const auto proof = TileTree(tree.tiles, tree.edge).prove_inclusion({index}, {size});
  ASSERT_TRUE(proof.has_value()) << proof.error().message;
  ASSERT_EQ(*proof, tree.naive.path(index, size)) << index << " in " << size;
  const auto verified = verify_inclusion(tree.naive.leaf(index), {index}, {size}, *proof, tree.naive.root(size));
  ASSERT_TRUE(verified.has_value()) << index << " in " << size << ": " << verified.error().message;
}

void expect_consistency(TestTree& tree, uint64_t old_size, uint64_t size) {
  const auto proof = TileTree(tree.tiles, tree.edge).prove_consistency({old_size}, {size});
  ASSERT_TRUE(proof.has_value()) << proof.error().message;
  ASSERT_EQ(*proof, tree.naive.proof(old_size, size)) << old_size << " to " << size;
  const auto verified =
      verify_consistency({old_size}, tree.naive.root(old_size), {size}, tree.naive.root(size), *proof);
  ASSERT_TRUE(verified.has_value()) << old_size << " to " << size << ": " << verified.error().message;
}

std::string leaves_behind_last_tile(TestTree& tree, uint64_t size) {
  std::string out;
  for (uint64_t i = size - size % kTileWidth; i < size; ++i) out += as_view(tree.naive.leaf(i));
  return out;
}

void expect_same_edge(const TreeEdge& a, const TreeEdge& b) {
  ASSERT_EQ(a.size(), b.size());
  ASSERT_EQ(a.root(), b.root());
  for (uint32_t level = 0; level < kTileLevels; ++level) ASSERT_EQ(a.partial(level), b.partial(level)) << level;
}

TEST(TileTree, EveryRootOfSmallTreesAsItGrows) {
  TestTree tree;
  for (uint64_t size = 0; size <= 600; ++size) {
    tree.grow_to(size);
    ASSERT_EQ(tree.edge.size().value, size);
    ASSERT_EQ(tree.edge.root(), tree.naive.root(size)) << size;
  }
  for (uint64_t size = 0; size <= 600; ++size)
    ASSERT_EQ(TileTree(tree.tiles, tree.edge).root({size}).value(), tree.naive.root(size)) << size;
}

TEST(TileTree, EveryProofOfSmallTrees) {
  TestTree tree;
  tree.grow_to(300);
  for (uint64_t size = 0; size <= 300; ++size) {
    for (uint64_t index = 0; index < size; ++index) ASSERT_NO_FATAL_FAILURE(expect_inclusion(tree, index, size));
    for (uint64_t old_size = 0; old_size <= size; ++old_size)
      ASSERT_NO_FATAL_FAILURE(expect_consistency(tree, old_size, size));
  }
}

// The proofs must not depend on how far the tree has grown since.
TEST(TileTree, ProofsAroundTheBordersOfTiles) {
  TestTree tree;
  std::mt19937_64 random(20'260'801);
  const uint64_t sizes[] = {255,    256,    257,    511,    512,    513,    4'095,  65'279, 65'280,
                            65'281, 65'535, 65'536, 65'537, 65'791, 65'792, 65'793, 70'000};
  for (const uint64_t size : sizes) {
    tree.grow_to(size);
    ASSERT_EQ(tree.edge.root(), tree.naive.root(size)) << size;
  }
  for (const uint64_t size : sizes) {
    ASSERT_EQ(TileTree(tree.tiles, tree.edge).root({size}).value(), tree.naive.root(size)) << size;
    for (const uint64_t index : {uint64_t{0}, size / 2, size - 1, random() % size, random() % size})
      ASSERT_NO_FATAL_FAILURE(expect_inclusion(tree, index, size));
    for (const uint64_t old_size : {uint64_t{0}, uint64_t{1}, size - 1, size, random() % size, random() % size})
      ASSERT_NO_FATAL_FAILURE(expect_consistency(tree, old_size, size));
    for (const uint64_t old_size : sizes) {
      if (old_size > size) break;
      ASSERT_NO_FATAL_FAILURE(expect_consistency(tree, old_size, size));
    }
  }
}

TEST(TileTree, TilesHoldTheRootsOfCompleteSubtrees) {
  TestTree tree;
  tree.grow_to(70'000);
  const TileTree tiles(tree.tiles, tree.edge);
  // The specification's own example: 273 full level-0 tiles, one full level-1 tile, partial ones of 112, 17 and 1.
  EXPECT_EQ(tree.tiles.tiles.size(), 274U);
  EXPECT_EQ(partial_width({70'000}, 0), 112U);
  EXPECT_EQ(partial_width({70'000}, 1), 17U);
  EXPECT_EQ(partial_width({70'000}, 2), 1U);
  EXPECT_EQ(partial_width({70'000}, 3), 0U);
  for (uint32_t level = 0; level < 3; ++level) {
    const uint64_t span = uint64_t{1} << (kTileHeight * level);
    for (uint64_t index = 0; index * kTileWidth < hashes_at_level({70'000}, level); ++index) {
      const uint64_t left = hashes_at_level({70'000}, level) - index * kTileWidth;
      const auto width = static_cast<uint32_t>(std::min<uint64_t>(left, kTileWidth));
      const auto bytes = tiles.tile({level, index}, width);
      ASSERT_TRUE(bytes.has_value()) << bytes.error().message;
      ASSERT_EQ(bytes->size(), width * kHashBytes);
      for (uint64_t i = 0; i < width; ++i) {
        const uint64_t begin = (index * kTileWidth + i) * span;
        ASSERT_EQ(digest_at(*bytes, i), tree.naive.mth(begin, begin + span)) << level << ' ' << index << ' ' << i;
      }
      EXPECT_EQ(tiles.tile({level, index}, 1).value(), bytes->substr(0, kHashBytes));
    }
  }
}

TEST(TileTree, WhatTheTreeDoesNotHaveIsRefused) {
  TestTree tree;
  tree.grow_to(300);
  const TileTree tiles(tree.tiles, tree.edge);
  auto refused = [](const auto& result) { return !result && result.error().code == ErrorCode::kInvalid; };
  EXPECT_TRUE(refused(tiles.root({301})));
  EXPECT_TRUE(refused(tiles.prove_inclusion({300}, {300})));
  EXPECT_TRUE(refused(tiles.prove_inclusion({0}, {0})));
  EXPECT_TRUE(refused(tiles.prove_inclusion({0}, {301})));
  EXPECT_TRUE(refused(tiles.prove_consistency({5}, {4})));
  EXPECT_TRUE(refused(tiles.prove_consistency({5}, {301})));
  EXPECT_TRUE(refused(tiles.tile({0, 1}, 45)));
  EXPECT_FALSE(refused(tiles.tile({0, 1}, 44)));
  EXPECT_TRUE(refused(tiles.tile({0, 2}, 1)));
  EXPECT_TRUE(refused(tiles.tile({1, 0}, 2)));
  EXPECT_TRUE(refused(tiles.tile({2, 0}, 1)));
  EXPECT_TRUE(refused(tiles.tile({8, 0}, 1)));
  EXPECT_TRUE(refused(tiles.tile({0, UINT64_MAX}, 1)));
}

TEST(TileTree, MissingAndShortTilesAreCorrupt) {
  TestTree tree;
  tree.grow_to(600);
  tree.tiles.tiles[{0, 0}].pop_back();
  tree.tiles.tiles.erase({0, 1});
  const TileTree tiles(tree.tiles, tree.edge);
  for (const uint64_t index : {0, 256}) {
    const auto proof = tiles.prove_inclusion({index}, {600});
    ASSERT_FALSE(proof.has_value());
    EXPECT_EQ(proof.error().code, ErrorCode::kCorrupt);
    EXPECT_NE(proof.error().message.find(tile_path({0, index / 256})), std::string::npos) << proof.error().message;
  }
  EXPECT_FALSE(TreeEdge::restore({600}, leaves_behind_last_tile(tree, 600), tree.tiles).has_value());
}

TEST(TileTree, ProofsReadFewTiles) {
  TestTree tree;
  tree.grow_to(70'000);
  const TileTree tiles(tree.tiles, tree.edge);
  for (uint64_t index = 0; index < 69'000; index += 997) {
    tree.tiles.reads = 0;
    ASSERT_TRUE(tiles.prove_inclusion({index}, {70'000}).has_value());
    EXPECT_LE(tree.tiles.reads, 3U);
    tree.tiles.reads = 0;
    ASSERT_TRUE(tiles.prove_consistency({index}, {69'000}).has_value());
    EXPECT_LE(tree.tiles.reads, 5U);
  }
}

// A tree whose leaves are all alike: its tiles are known at any size, so that the highest levels can be tried.
class UniformTiles : public TileSource {
 public:
  UniformTiles() : complete_{leaf_hash("the same")} {
    for (size_t height = 1; height < complete_.size(); ++height)
      complete_[height] = node_hash(complete_[height - 1], complete_[height - 1]);
  }
  Result<std::string> read_tile(TileId id) const override { return hashes(id.level, kTileWidth); }
  std::string hashes(uint32_t level, uint32_t width) const {
    std::string out;
    for (uint32_t i = 0; i < width; ++i) out += as_view(complete_.at(level * kTileHeight));
    return out;
  }
  // By RFC 6962's definition.
  Digest root(uint64_t size) const {
    if (size == 0) return sha256(std::string_view());
    size_t height = 0;
    while (height < 62 && uint64_t{2} << height <= size) ++height;
    const uint64_t left = uint64_t{1} << height;
    return size == left ? complete_[height] : node_hash(complete_[height], root(size - left));
  }

 private:
  std::array<Digest, 64> complete_;
};

TEST(TileTree, LargestTrees) {
  const UniformTiles source;
  std::mt19937_64 random(99);
  for (const uint64_t size : {(1UL << 24) + 1, (1UL << 32) - 1, (1UL << 40) + 12'345, (1UL << 62) + 5, kMaxTreeSize}) {
    const auto edge = TreeEdge::restore({size}, source.hashes(0, partial_width({size}, 0)), source);
    ASSERT_TRUE(edge.has_value()) << edge.error().message;
    ASSERT_EQ(edge->root(), source.root(size)) << size;
    const TileTree tree(source, *edge);
    for (int i = 0; i < 8; ++i) {
      const uint64_t smaller = random() % size + 1, index = i == 0 ? size - 1 : random() % smaller;
      const uint64_t at = i == 0 ? size : smaller;
      const auto inclusion = tree.prove_inclusion({index}, {at}), consistency = tree.prove_consistency({at}, {size});
      ASSERT_TRUE(inclusion && consistency);
      ASSERT_EQ(tree.root({at}).value(), source.root(at)) << at;
      EXPECT_TRUE(verify_inclusion(leaf_hash("the same"), {index}, {at}, *inclusion, source.root(at)));
      EXPECT_TRUE(verify_consistency({at}, source.root(at), {size}, source.root(size), *consistency)) << at;
    }
  }
}

TEST(TreeEdge, RestoredIsTheSame) {
  TestTree tree;
  const uint64_t sizes[] = {0, 1, 2, 255, 256, 257, 511, 512, 700, 65'535, 65'536, 65'537, 70'000};
  for (const uint64_t size : sizes) {
    tree.grow_to(size);
    const auto restored = TreeEdge::restore({size}, leaves_behind_last_tile(tree, size), tree.tiles);
    ASSERT_TRUE(restored.has_value()) << restored.error().message;
    ASSERT_NO_FATAL_FAILURE(expect_same_edge(*restored, tree.edge)) << size;
    // And it goes on in the same way.
    TreeEdge one = *restored, other = tree.edge;
    testing::MemoryTiles from_one, from_other;
    for (uint64_t i = 0; i < 300; ++i) {
      const Digest leaf = leaf_hash(testing::entry_at(size + i));
      one.append(leaf, from_one.sink());
      other.append(leaf, from_other.sink());
    }
    ASSERT_NO_FATAL_FAILURE(expect_same_edge(one, other)) << size;
    EXPECT_EQ(from_one.tiles, from_other.tiles);
  }
}

TEST(TreeEdge, RestoreRefusesWhatDoesNotFit) {
  TestTree tree;
  tree.grow_to(300);
  const std::string leaves = leaves_behind_last_tile(tree, 300);
  EXPECT_FALSE(TreeEdge::restore({301}, leaves, tree.tiles).has_value());
  EXPECT_FALSE(TreeEdge::restore({300}, leaves.substr(1), tree.tiles).has_value());
  EXPECT_FALSE(TreeEdge::restore({256}, leaves, tree.tiles).has_value());
  EXPECT_FALSE(TreeEdge::restore({uint64_t{1} << 63}, "", tree.tiles).has_value());
  std::string altered = leaves;
  altered[5] ^= 1;
  EXPECT_NE(TreeEdge::restore({300}, altered, tree.tiles)->root(), tree.edge.root());
}

// What an append has computed can be thrown away: the edge it began with goes on as if nothing had been.
TEST(TreeEdge, AppendIsAdoptedOrNot) {
  TestTree tree;
  tree.grow_to(250);
  std::mt19937_64 random(7);
  while (tree.edge.size().value < 66'200) {
    const TreeEdge before = tree.edge;
    TreeEdge next = tree.edge;
    testing::MemoryTiles thrown_away;
    const uint64_t count = random() % 900;
    for (uint64_t i = 0; i < count; ++i) next.append(leaf_hash("not to be"), thrown_away.sink());
    ASSERT_NO_FATAL_FAILURE(expect_same_edge(tree.edge, before));
    tree.grow_to(tree.edge.size().value + count);
  }
  EXPECT_EQ(tree.edge.root(), tree.naive.root(tree.edge.size().value));
}

TEST(TreeEdge, TilesComeLowerLevelsFirst) {
  std::vector<TileId> seen;
  TreeEdge edge;
  for (uint64_t i = 0; i < 65'536; ++i)
    edge.append(leaf_hash("x"), [&](TileId id, std::string_view) { seen.push_back(id); });
  ASSERT_EQ(seen.size(), 257U);
  for (uint64_t i = 0; i < 256; ++i) EXPECT_EQ(seen[i], (TileId{0, i}));
  EXPECT_EQ(seen[256], (TileId{1, 0}));
  EXPECT_TRUE(edge.partial(0).empty());
  EXPECT_TRUE(edge.partial(1).empty());
  EXPECT_EQ(edge.partial(2), as_view(edge.root()));
}

}  // namespace
}  // namespace rowledger::ledger
