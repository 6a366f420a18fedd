#include "ledger/checkpoint.h"

#include <gtest/gtest.h>

#include "ledger/ledger_testing.h"

namespace rowledger::ledger {
namespace {

using testing::test_key;

// The example of https://c2sp.org/tlog-checkpoint.
constexpr std::string_view kExample =
    "example.com/behind-the-sofa\n"
    "20852163\n"
    "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"
    "\n"
    "— example.com/behind-the-sofa "
    "Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n";

SignedCheckpoint test_checkpoint() {
  testing::TestTree tree;
  tree.grow_to(300);
  return sign_checkpoint({300}, tree.edge.root(), test_key());
}

TEST(Checkpoint, ReadsTheSpecificationsExample) {
  const auto note = parse_note(kExample);
  ASSERT_TRUE(note.has_value());
  const auto checkpoint = parse_checkpoint(note->text);
  ASSERT_TRUE(checkpoint.has_value());
  EXPECT_EQ(checkpoint->origin, "example.com/behind-the-sofa");
  EXPECT_EQ(checkpoint->size.value, 20'852'163U);
  EXPECT_EQ(to_base64(as_view(checkpoint->root)), "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=");
  EXPECT_EQ(format_checkpoint(*checkpoint), note->text);
  EXPECT_EQ(encode_note(*note), kExample);
}

TEST(Checkpoint, Golden) {
  const std::string now = test_checkpoint().encode();
  EXPECT_EQ(testing::golden("checkpoint", now), now);
}

TEST(Checkpoint, OpensWhatWasSigned) {
  const SigningKey key = test_key();
  const SignedCheckpoint made = test_checkpoint();
  EXPECT_EQ(open_checkpoint(made.encode(), {{key.verifier()}}).value(), made);
  const SignedCheckpoint empty = sign_checkpoint({0}, empty_root(), key);
  EXPECT_EQ(empty.note.text, "rowledger.example/test\n0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n");
  EXPECT_EQ(open_checkpoint(empty.encode(), {{key.verifier()}}).value(), empty);
}

TEST(Checkpoint, EveryAlteredByteIsSeen) {
  const SigningKey key = test_key();
  std::string bytes = test_checkpoint().encode();
  for (size_t i = 0; i < bytes.size(); ++i) {
    for (int bit = 0; bit < 8; ++bit) {
      bytes[i] = static_cast<char>(bytes[i] ^ 1 << bit);
      const auto opened = open_checkpoint(bytes, {{key.verifier()}});
      ASSERT_FALSE(opened.has_value()) << i << ": " << bytes;
      EXPECT_EQ(opened.error().code, ErrorCode::kCorrupt);
      bytes[i] = static_cast<char>(bytes[i] ^ 1 << bit);
    }
  }
}

TEST(Checkpoint, OfAnotherLogIsRefused) {
  const SigningKey key = test_key(), other = test_key("another.example/log");
  const SignedCheckpoint made = test_checkpoint();
  EXPECT_FALSE(open_checkpoint(made.encode(), {{other.verifier()}}).has_value());
  // Signed by a known key, but in another log's name.
  const Note note = *sign_note(made.note.text, other);
  const auto opened = open_checkpoint(encode_note(note), {{other.verifier()}});
  ASSERT_FALSE(opened.has_value());
  EXPECT_NE(opened.error().message.find("another log"), std::string::npos);
  // With both signatures it is the first log's.
  Note both = made.note;
  both.signatures.push_back(note.signatures.front());
  const std::vector<VerifierKey> known = {other.verifier(), key.verifier()};
  EXPECT_TRUE(open_checkpoint(encode_note(both), known).has_value());
}

TEST(Checkpoint, ExtensionLinesAreReadNotWritten) {
  const std::string root = to_base64(as_view(leaf_hash("")));
  const auto checkpoint = parse_checkpoint("origin\n1\n" + root + "\nmore\nand more\n");
  ASSERT_TRUE(checkpoint.has_value());
  EXPECT_EQ(checkpoint->extensions, (std::vector<std::string>{"more", "and more"}));
  EXPECT_EQ(format_checkpoint(*checkpoint), "origin\n1\n" + root + "\n");
}

TEST(Checkpoint, MalformedIsRefused) {
  const std::string root = to_base64(as_view(leaf_hash("")));
  ASSERT_TRUE(parse_checkpoint("an origin\n1\n" + root + "\n").has_value());
  ASSERT_TRUE(parse_checkpoint("origin\n9223372036854775807\n" + root + "\n").has_value());
  const std::string wrong[] = {"",
                               "\n",
                               "origin\n",
                               "origin\n1\n",
                               "origin\n1\n" + root,
                               "\n1\n" + root + "\n",
                               "origin\n\n" + root + "\n",
                               "origin\n01\n" + root + "\n",
                               "origin\n+1\n" + root + "\n",
                               "origin\n-1\n" + root + "\n",
                               "origin\n 1\n" + root + "\n",
                               "origin\n1 \n" + root + "\n",
                               "origin\n0x1\n" + root + "\n",
                               "origin\n9223372036854775808\n" + root + "\n",
                               "origin\n18446744073709551617\n" + root + "\n",
                               "origin\n0\n" + root + "\n",
                               "origin\n1\n" + root.substr(0, 40) + "\n",
                               "origin\n1\n" + root.substr(0, 43) + "\n",
                               "origin\n1\n" + root + "=\n",
                               "origin\n1\nAAAA" + root + "\n",
                               "origin\n1\n" + root + "\n\n",
                               "origin\n1\n" + root + "\nmore",
                               "ori\tgin\n1\n" + root + "\n",
                               "ori\xffgin\n1\n" + root + "\n"};
  for (const std::string& text : wrong) {
    const auto checkpoint = parse_checkpoint(text);
    ASSERT_FALSE(checkpoint.has_value()) << text;
    EXPECT_EQ(checkpoint.error().code, ErrorCode::kCorrupt);
  }
}

}  // namespace
}  // namespace rowledger::ledger
