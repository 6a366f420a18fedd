#include "ledger/tlog_proof.h"

#include <gtest/gtest.h>

#include "ledger/ledger_testing.h"
#include "ledger/tile_tree.h"

namespace rowledger::ledger {
namespace {

using testing::entry_at;
using testing::test_key;

class TlogProofTest : public ::testing::Test {
 protected:
  TlogProofTest() {
    tree_.grow_to(300);
    checkpoint_ = sign_checkpoint({300}, tree_.edge.root(), key_);
  }

  TlogProof prove(uint64_t index) {
    return {{index}, *TileTree(tree_.tiles, tree_.edge).prove_inclusion({index}, {300}), checkpoint_.encode(), ""};
  }
  Result<ProvenEntry> verify(std::string_view entry, std::string_view proof) {
    return verify_tlog_proof(entry, proof, {{key_.verifier()}});
  }

  SigningKey key_ = test_key();
  testing::TestTree tree_;
  SignedCheckpoint checkpoint_;
};

TEST_F(TlogProofTest, Golden) {
  const std::string now = format_tlog_proof(prove(258));
  EXPECT_EQ(testing::golden("258.tlog-proof", now), now);
}

TEST_F(TlogProofTest, ProvesItsEntryAndNoOther) {
  for (const uint64_t index : {0, 1, 255, 256, 299}) {
    const std::string text = format_tlog_proof(prove(index));
    EXPECT_EQ(parse_tlog_proof(text).value(), prove(index));
    const auto proven = verify(entry_at(index), text);
    ASSERT_TRUE(proven.has_value()) << proven.error().message;
    EXPECT_EQ(proven->index.value, index);
    EXPECT_EQ(proven->checkpoint, checkpoint_);
    const auto other = verify(entry_at(index + 1), text);
    ASSERT_FALSE(other.has_value());
    EXPECT_NE(other.error().message.find("not entry " + std::to_string(index)), std::string::npos);
    EXPECT_FALSE(verify("", text).has_value());
  }
}

TEST_F(TlogProofTest, OfTheOnlyEntry) {
  const SignedCheckpoint one = sign_checkpoint({1}, leaf_hash("x"), key_);
  const std::string text = format_tlog_proof({{0}, {}, one.encode(), ""});
  EXPECT_EQ(text, "c2sp.org/tlog-proof@v1\nindex 0\n\n" + one.encode());
  EXPECT_TRUE(verify("x", text).has_value());
}

TEST_F(TlogProofTest, EveryAlteredByteIsSeen) {
  std::string text = format_tlog_proof(prove(123));
  const std::string entry = entry_at(123);
  for (size_t i = 0; i < text.size(); ++i) {
    for (int bit = 0; bit < 8; ++bit) {
      text[i] = static_cast<char>(text[i] ^ 1 << bit);
      const auto proven = verify(entry, text);
      ASSERT_FALSE(proven.has_value()) << i << ": " << text;
      EXPECT_EQ(proven.error().code, ErrorCode::kCorrupt);
      text[i] = static_cast<char>(text[i] ^ 1 << bit);
    }
  }
  for (size_t n = 0; n < text.size(); ++n) EXPECT_FALSE(verify(entry, text.substr(0, n)).has_value()) << n;
  std::string altered = entry;
  for (char& c : altered) {
    c ^= 1;
    EXPECT_FALSE(verify(altered, text).has_value());
    c ^= 1;
  }
}

TEST_F(TlogProofTest, ExtraDataIsKeptAndProvesNothing) {
  TlogProof proof = prove(7);
  proof.extra = std::string("\0more", 5);
  const std::string text = format_tlog_proof(proof);
  EXPECT_TRUE(text.starts_with("c2sp.org/tlog-proof@v1\nextra AG1vcmU=\nindex 7\n"));
  EXPECT_EQ(parse_tlog_proof(text).value(), proof);
  EXPECT_TRUE(verify(entry_at(7), text).has_value());
}

TEST_F(TlogProofTest, OfAnotherKeyIsRefused) {
  const SigningKey other = test_key("another.example/log");
  const std::string text = format_tlog_proof(prove(7));
  const auto proven = verify_tlog_proof(entry_at(7), text, {{other.verifier()}});
  ASSERT_FALSE(proven.has_value());
  EXPECT_NE(proven.error().message.find("known"), std::string::npos);
}

TEST_F(TlogProofTest, MalformedIsRefused) {
  const std::string first = "c2sp.org/tlog-proof@v1\n", index = "index 0\n", note = "\n" + checkpoint_.encode();
  const std::string hash = to_base64(as_view(leaf_hash(""))) + "\n";
  ASSERT_TRUE(parse_tlog_proof(first + index + note).has_value());
  std::string many;
  for (size_t i = 0; i < kMaxInclusionHashes; ++i) many += hash;
  ASSERT_TRUE(parse_tlog_proof(first + index + many + note).has_value());
  const std::string wrong[] = {"",
                               first,
                               first + index,
                               first + index + "\n",
                               first + index + hash,
                               first + index + hash + "\n",
                               first + index + hash + checkpoint_.encode(),
                               first + note,
                               first + hash + note,
                               index + note,
                               "c2sp.org/tlog-proof@v2\n" + index + note,
                               " " + first + index + note,
                               first + "\n" + index + note,
                               first + "index 00\n" + note,
                               first + "index +1\n" + note,
                               first + "index -1\n" + note,
                               first + "index 1 \n" + note,
                               first + "index  1\n" + note,
                               first + "index\n" + note,
                               first + "index 9223372036854775807\n" + note,
                               first + "Index 0\n" + note,
                               first + index + index + note,
                               first + "extra\n" + index + note,
                               first + "extra \n" + index + note,
                               first + "extra AG1vcmU\n" + index + note,
                               first + "extra AG1vcmU=\nextra AG1vcmU=\n" + index + note,
                               first + index + "extra AG1vcmU=\n" + note,
                               first + index + "AAAA\n" + note,
                               first + index + hash.substr(0, 43) + "\n" + note,
                               first + index + " " + hash + note,
                               first + index + many + hash + note,
                               first + index + hash + note + "\n"};
  for (const std::string& text : wrong) {
    const auto proof = parse_tlog_proof(text);
    ASSERT_FALSE(proof.has_value()) << text;
    EXPECT_EQ(proof.error().code, ErrorCode::kCorrupt);
  }
}

}  // namespace
}  // namespace rowledger::ledger
