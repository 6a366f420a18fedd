// What the tree costs. Run by name: the test program with --gtest_also_run_disabled_tests
// --gtest_filter='LedgerBench.*'. Prints one figure a line; asserts no time.
#include <gtest/gtest.h>

#include <cstdio>
#include <ctime>
#include <random>

#include "ledger/ledger_testing.h"
#include "ledger/tile_tree.h"
#include "ledger/tlog_proof.h"
#include "ledger/verifier.h"

namespace rowledger::ledger {
namespace {

double thread_ns() {
  timespec now{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e9 + static_cast<double>(now.tv_nsec);
}

// The processor's time: all this is computing, and other work on the machine does not count.
template <class Work>
double ns_each(size_t times, Work work) {
  const double start = thread_ns();
  for (size_t i = 0; i < times; ++i) work(i);
  return (thread_ns() - start) / static_cast<double>(times);
}

TEST(LedgerBench, DISABLED_All) {
  constexpr size_t kEntries = 1'000'000;
  const std::string entry(250, 'e');
  Digest hash{};
  std::printf("leaf_hash.250_bytes.ns %.0f\n", ns_each(kEntries, [&](size_t) { hash[0] ^= leaf_hash(entry)[0]; }));
  std::printf("node_hash.ns %.0f\n", ns_each(kEntries, [&](size_t) { hash = node_hash(hash, hash); }));

  testing::MemoryTiles tiles;
  TreeEdge edge;
  std::vector<Digest> leaves(kEntries);
  for (size_t i = 0; i < kEntries; ++i) leaves[i] = leaf_hash(testing::entry_at(i));
  const TileSink sink = tiles.sink();
  const double append_ns = ns_each(kEntries, [&](size_t i) { edge.append(leaves[i], sink); });
  std::printf("edge.append.leaves_per_s %.0f\n", 1e9 / append_ns);
  std::printf("edge.copy.ns %.0f\n", ns_each(10'000, [&](size_t) { hash[0] ^= TreeEdge(edge).root()[0]; }));
  std::printf("edge.root.ns %.0f\n", ns_each(10'000, [&](size_t) { hash[0] ^= edge.root()[0]; }));

  std::string last;
  for (size_t i = kEntries - kEntries % kTileWidth; i < kEntries; ++i) last += as_view(leaves[i]);
  tiles.reads = 0;
  const double restore_ns =
      ns_each(1, [&](size_t) { ASSERT_EQ(TreeEdge::restore({kEntries}, last, tiles)->root(), edge.root()); });
  std::printf("edge.restore.ms %.2f\nedge.restore.tiles %zu\n", restore_ns / 1e6, tiles.reads);

  const TileTree tree(tiles, edge);
  std::mt19937_64 random(3);
  std::vector<Digest> proof;
  constexpr size_t kProofs = 2'000;
  std::printf("prove_inclusion.ms %.3f\n", ns_each(kProofs, [&](size_t) {
                                             proof = tree.prove_inclusion({random() % kEntries}, {kEntries}).value();
                                           }) / 1e6);
  std::printf("prove_consistency.ms %.3f\n", ns_each(kProofs, [&](size_t) {
                                               proof =
                                                   tree.prove_consistency({random() % kEntries}, {kEntries}).value();
                                             }) / 1e6);
  proof = tree.prove_inclusion({123'456}, {kEntries}).value();
  std::printf("verify_inclusion.us %.2f\n",
              ns_each(kProofs, [&](size_t) {
                ASSERT_TRUE(verify_inclusion(leaves[123'456], {123'456}, {kEntries}, proof, edge.root()));
              }) / 1e3);
  const SigningKey key = testing::test_key();
  std::printf("sign_checkpoint.us %.1f\n",
              ns_each(kProofs, [&](size_t) { sign_checkpoint(edge.size(), edge.root(), key); }) / 1e3);
  const std::string text =
      format_tlog_proof({{123'456}, proof, sign_checkpoint(edge.size(), edge.root(), key).encode(), ""});
  std::printf("verify_tlog_proof.us %.1f\n",
              ns_each(kProofs, [&](size_t) {
                ASSERT_TRUE(verify_tlog_proof(testing::entry_at(123'456), text, {{key.verifier()}}));
              }) / 1e3);
}

}  // namespace
}  // namespace rowledger::ledger
