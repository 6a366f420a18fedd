// Known answers: the tree of eight leaves that the Certificate Transparency project publishes with its
// implementations of RFC 6962.
#include "ledger/verifier.h"

#include <gtest/gtest.h>

#include "ledger/ledger_testing.h"
#include "ledger/tile_tree.h"

namespace rowledger::ledger {
namespace {

using testing::digest_of;

constexpr std::array<std::string_view, 8> kLeaves = {
    "", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"};
constexpr std::array<std::string_view, 9> kRoots = {"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
                                                    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
                                                    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
                                                    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
                                                    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
                                                    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
                                                    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
                                                    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
                                                    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"};

constexpr std::string_view kA = "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
                           kB = "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
                           kC = "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
                           kD = "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
                           kE = "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
                           kF = "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
                           kG = "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
                           kH = "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
                           kI = "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125";

struct KnownProof {
  uint64_t first, size;  // a leaf's index, or an older size
  std::vector<std::string_view> hashes;

  std::vector<Digest> digests() const {
    std::vector<Digest> out;
    for (const auto hash : hashes) out.push_back(digest_of(hash));
    return out;
  }
};

Digest known_root(uint64_t size) { return digest_of(kRoots.at(size)); }
Digest known_leaf(uint64_t index) { return leaf_hash(*from_hex(kLeaves.at(index))); }

TEST(KnownTree, Roots) {
  testing::MemoryTiles tiles;
  TreeEdge edge;
  EXPECT_EQ(empty_root(), known_root(0));
  EXPECT_EQ(edge.root(), known_root(0));
  for (uint64_t i = 0; i < kLeaves.size(); ++i) {
    edge.append(known_leaf(i), tiles.sink());
    EXPECT_EQ(edge.root(), known_root(i + 1)) << i;
  }
}

TEST(KnownTree, Proofs) {
  testing::MemoryTiles tiles;
  TreeEdge edge;
  for (uint64_t i = 0; i < kLeaves.size(); ++i) edge.append(known_leaf(i), tiles.sink());
  const TileTree tree(tiles, edge);
  const KnownProof inclusion[] = {
      {0, 1, {}}, {0, 8, {kB, kC, kD}}, {5, 8, {kE, kF, kG}}, {2, 3, {kI}}, {1, 5, {kA, kC, kE}}};
  for (const auto& [index, size, hashes] : inclusion) {
    const auto expected = KnownProof{index, size, hashes}.digests();
    EXPECT_EQ(tree.prove_inclusion({index}, {size}).value(), expected) << index << " in " << size;
    EXPECT_TRUE(verify_inclusion(known_leaf(index), {index}, {size}, expected, known_root(size)));
  }
  const KnownProof consistency[] = {{1, 1, {}}, {1, 8, {kB, kC, kD}}, {6, 8, {kH, kF, kG}}, {2, 5, {kC, kE}}};
  for (const auto& [old_size, size, hashes] : consistency) {
    const auto expected = KnownProof{old_size, size, hashes}.digests();
    EXPECT_EQ(tree.prove_consistency({old_size}, {size}).value(), expected) << old_size << " to " << size;
    EXPECT_TRUE(verify_consistency({old_size}, known_root(old_size), {size}, known_root(size), expected));
  }
}

TEST(Verifier, EmptyAndEqualTrees) {
  const Digest other = known_root(3);
  const std::vector<Digest> none, one = {other};
  EXPECT_FALSE(verify_inclusion(other, {0}, {0}, none, empty_root()));
  EXPECT_FALSE(verify_inclusion(other, {1}, {1}, none, other));
  EXPECT_TRUE(verify_inclusion(other, {0}, {1}, none, other));
  EXPECT_TRUE(verify_consistency({0}, empty_root(), {0}, empty_root(), none));
  EXPECT_TRUE(verify_consistency({0}, empty_root(), {3}, other, none));
  EXPECT_TRUE(verify_consistency({3}, other, {3}, other, none));
  EXPECT_FALSE(verify_consistency({0}, other, {3}, other, none));
  EXPECT_FALSE(verify_consistency({0}, empty_root(), {0}, other, none));
  EXPECT_FALSE(verify_consistency({0}, empty_root(), {3}, other, one));
  EXPECT_FALSE(verify_consistency({3}, other, {3}, other, one));
  EXPECT_FALSE(verify_consistency({3}, other, {3}, known_root(4), none));
  EXPECT_FALSE(verify_consistency({4}, other, {3}, other, none));
  EXPECT_FALSE(verify_consistency({3}, other, {4}, known_root(4), none));
}

// One hash more than the sizes call for, with roots that would follow from it.
TEST(Verifier, ProofsOfTallerTreesAreRefused) {
  const Digest a = known_leaf(0), b = known_leaf(1), c = known_leaf(2), d = known_leaf(3), more = known_leaf(4);
  const Digest ab = node_hash(a, b), cd = node_hash(c, d);
  EXPECT_FALSE(verify_inclusion(a, {0}, {1}, {{b}}, ab));
  EXPECT_FALSE(verify_inclusion(b, {0}, {1}, {{a}}, ab));
  EXPECT_FALSE(verify_inclusion(b, {1}, {2}, {{a, cd}}, node_hash(ab, cd)));
  EXPECT_FALSE(verify_inclusion(b, {1}, {2}, {{a, cd}}, node_hash(cd, ab)));
  ASSERT_TRUE(verify_consistency({3}, node_hash(ab, c), {4}, node_hash(ab, cd), {{c, d, ab}}));
  EXPECT_FALSE(verify_consistency({3}, node_hash(more, node_hash(ab, c)), {4}, node_hash(more, node_hash(ab, cd)),
                                  {{c, d, ab, more}}));
}

// Whatever is changed in a right proof makes it a wrong one.
class Tampering : public ::testing::Test {
 protected:
  void SetUp() override { tree_.grow_to(300); }

  // Calls check with every proof that differs from the right one by a flipped bit, or by a hash that is missing,
  // added, doubled or exchanged for its neighbour.
  template <class Check>
  static void for_each_change(const std::vector<Digest>& right, Check check) {
    for (size_t i = 0; i < right.size(); ++i) {
      for (size_t byte = 0; byte < kHashBytes; ++byte) {
        auto wrong = right;
        wrong[i][byte] ^= static_cast<unsigned char>(1U << (byte % 8));
        check(wrong, "flipped");
      }
      auto wrong = right;
      wrong.erase(wrong.begin() + static_cast<ptrdiff_t>(i));
      check(wrong, "missing");
      wrong = right;
      wrong.insert(wrong.begin() + static_cast<ptrdiff_t>(i), right[i]);
      check(wrong, "doubled");
      if (i + 1 == right.size()) continue;
      wrong = right;
      std::swap(wrong[i], wrong[i + 1]);
      check(wrong, "exchanged");
    }
    auto wrong = right;
    wrong.push_back(Digest{});
    check(wrong, "added");
  }

  testing::TestTree tree_;
};

TEST_F(Tampering, Inclusion) {
  const std::pair<uint64_t, uint64_t> cases[] = {{0, 1},     {0, 2},     {1, 2},     {4, 5},     {3, 7},     {255, 256},
                                                 {256, 257}, {255, 257}, {123, 300}, {299, 300}, {256, 300}, {0, 299}};
  for (const auto& [index, size] : cases) {
    const Digest leaf = tree_.naive.leaf(index), root = tree_.naive.root(size);
    const auto right = tree_.naive.path(index, size);
    ASSERT_TRUE(verify_inclusion(leaf, {index}, {size}, right, root));
    for_each_change(right, [&, index = index, size = size](const std::vector<Digest>& wrong, const char* how) {
      const auto verified = verify_inclusion(leaf, {index}, {size}, wrong, root);
      ASSERT_FALSE(verified) << how << ' ' << index << " in " << size;
      EXPECT_EQ(verified.error().code, ErrorCode::kCorrupt);
    });
    EXPECT_FALSE(verify_inclusion(tree_.naive.leaf(index == 0 ? 1 : 0), {index}, {size}, right, root));
    EXPECT_FALSE(verify_inclusion(leaf, {index}, {size}, right, tree_.naive.root(size + 1 > 300 ? 1 : size + 1)));
    for (uint64_t other = 0; other < size; ++other)
      EXPECT_EQ(verify_inclusion(leaf, {other}, {size}, right, root).has_value(), other == index);
  }
}

TEST_F(Tampering, Consistency) {
  const std::pair<uint64_t, uint64_t> cases[] = {{1, 2},     {2, 3},     {3, 4},     {4, 7},     {6, 7},
                                                 {255, 256}, {256, 257}, {128, 300}, {299, 300}, {255, 300}};
  for (const auto& [old_size, size] : cases) {
    const Digest old_root = tree_.naive.root(old_size), root = tree_.naive.root(size);
    const auto right = tree_.naive.proof(old_size, size);
    ASSERT_TRUE(verify_consistency({old_size}, old_root, {size}, root, right));
    for_each_change(right, [&, old_size = old_size, size = size](const std::vector<Digest>& wrong, const char* how) {
      const auto verified = verify_consistency({old_size}, old_root, {size}, root, wrong);
      ASSERT_FALSE(verified) << how << ' ' << old_size << " to " << size;
      EXPECT_EQ(verified.error().code, ErrorCode::kCorrupt);
    });
    EXPECT_FALSE(verify_consistency({old_size}, root, {size}, root, right));
    EXPECT_FALSE(verify_consistency({old_size}, old_root, {size}, old_root, right));
    EXPECT_FALSE(verify_consistency({size}, root, {old_size}, old_root, right));
  }
}

}  // namespace
}  // namespace rowledger::ledger
