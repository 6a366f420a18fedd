#include "ledger/note.h"

#include <gtest/gtest.h>

#include "ledger/ledger_testing.h"
#include "ledger/note_text.h"

namespace rowledger::ledger {
namespace {

using testing::test_key;

// The example of the package golang.org/x/mod/sumdb/note.
constexpr std::string_view kGoSigner = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz";
constexpr std::string_view kGoVerifier = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
constexpr std::string_view kGoNote =
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n"
    "\n"
    "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";

TEST(NoteKey, AsGoHasThem) {
  const auto signer = SigningKey::parse(kGoSigner);
  ASSERT_TRUE(signer.has_value()) << signer.error().message;
  EXPECT_EQ(signer->format(), kGoSigner);
  EXPECT_EQ(signer->verifier().format(), kGoVerifier);
  EXPECT_EQ(VerifierKey::parse(kGoVerifier).value(), signer->verifier());
  EXPECT_EQ(signer->verifier().name(), "PeterNeumann");
  EXPECT_EQ(signer->verifier().key_id(), 0xc74f20a3U);
  const auto note = parse_note(kGoNote);
  ASSERT_TRUE(note.has_value());
  EXPECT_TRUE(check_note(*note, {{signer->verifier()}}).has_value());
  EXPECT_EQ(encode_note(*sign_note(note->text, *signer)), kGoNote);
}

TEST(NoteKey, Golden) {
  const std::string now = test_key().verifier().format() + "\n";
  EXPECT_EQ(testing::golden("verifier_key.txt", now), now);
}

TEST(NoteKey, GeneratedAreReadBack) {
  auto one = SigningKey::generate("a.example/log").value();
  const auto other = SigningKey::generate("a.example/log").value();
  EXPECT_NE(one.verifier(), other.verifier());
  const auto again = SigningKey::parse(one.format()).value();
  EXPECT_EQ(again.verifier(), one.verifier());
  EXPECT_EQ(again.sign("text"), one.sign("text"));
  EXPECT_TRUE(one.verifier().verify("text", again.sign("text")));
  EXPECT_FALSE(other.verifier().verify("text", again.sign("text")));
  const SigningKey moved = std::move(one);
  EXPECT_EQ(moved.sign("text"), again.sign("text"));
}

// Every altered byte: each bit of it, so that letters of the other case are among them.
template <class Accepts>
void expect_no_altered_byte(std::string text, Accepts accepts) {
  ASSERT_TRUE(accepts(text));
  for (size_t i = 0; i < text.size(); ++i) {
    for (int bit = 0; bit < 8; ++bit) {
      text[i] = static_cast<char>(text[i] ^ 1 << bit);
      ASSERT_FALSE(accepts(text)) << "byte " << i << " bit " << bit << ": " << text;
      text[i] = static_cast<char>(text[i] ^ 1 << bit);
    }
  }
  for (size_t n = 0; n < text.size(); ++n) ASSERT_FALSE(accepts(text.substr(0, n))) << n;
  for (const char more : {'\n', ' ', '=', 'A', '+', '\0'}) ASSERT_FALSE(accepts(text + more)) << more;
}

TEST(NoteKey, AlteredKeysAreRefused) {
  expect_no_altered_byte(test_key().verifier().format(),
                         [](const std::string& text) { return VerifierKey::parse(text).has_value(); });
  expect_no_altered_byte(test_key().format(),
                         [](const std::string& text) { return SigningKey::parse(text).has_value(); });
}

TEST(NoteKey, ErrorsDoNotHoldTheSecret) {
  std::string text = test_key().format();
  text[20] ^= 1;
  const auto key = SigningKey::parse(text);
  ASSERT_FALSE(key.has_value());
  EXPECT_EQ(key.error().code, ErrorCode::kInvalid);
  EXPECT_EQ(key.error().message.find(text.substr(text.rfind('+') + 1)), std::string::npos);
}

TEST(NoteKey, Names) {
  for (const char* name : {"a", "example.com/log", "é", "\U0001F600", "a=b", "-"})
    EXPECT_TRUE(is_key_name(name)) << name;
  for (const char* name :
       {"", " ", "a b", "a+b", "a\nb", "a\tb", "\x01", "a\u00a0b", "a\u0085", "\u3000", "a\u2009b", "\u2028", "\xff",
        "\xc3", "\xed\xa0\x80", "\xc0\xaf", "\xe0\x80\xaf", "\xf0\x82\x82\xac", "\xf4\x90\x80\x80"}) {
    EXPECT_FALSE(is_key_name(name)) << name;
    EXPECT_FALSE(SigningKey::generate(name).has_value()) << name;
  }
}

TEST(Note, AlteredNotesAreRefused) {
  const SigningKey key = test_key();
  const std::string note = encode_note(*sign_note("One line.\n\nAnother: é.\n", key));
  expect_no_altered_byte(note, [&](const std::string& bytes) {
    const auto parsed = parse_note(bytes);
    return parsed && check_note(*parsed, {{key.verifier()}}).has_value();
  });
}

TEST(Note, KeepsOtherSignersLines) {
  const SigningKey key = test_key(), other = test_key("witness.example/w1");
  Note note = *sign_note("text\n", key);
  // A witness's cosignature, type 0x04: eight bytes of time, then Ed25519 over something else than the text.
  note.signatures.push_back({"witness.example/w1", 0x8d66cf3cU, std::string(72, '\x05')});
  note.signatures.push_back({"unheard.of", 1, "?"});
  const std::string bytes = encode_note(note);
  const auto parsed = parse_note(bytes);
  ASSERT_TRUE(parsed.has_value()) << parsed.error().message;
  EXPECT_EQ(*parsed, note);
  EXPECT_EQ(encode_note(*parsed), bytes);
  const std::vector<VerifierKey> known = {other.verifier(), key.verifier()};
  const auto signers = check_note(*parsed, known);
  ASSERT_TRUE(signers.has_value());
  EXPECT_EQ(*signers, std::vector{key.verifier()});
  EXPECT_FALSE(check_note(*parsed, {{other.verifier()}}).has_value());
  EXPECT_FALSE(check_note(*parsed, {}).has_value());
}

TEST(Note, AWrongSignatureOfAKnownKeyRefusesTheNote) {
  const SigningKey key = test_key(), other = test_key("another");
  Note note = *sign_note("text\n", key);
  NoteSignature wrong = sign_note("another text\n", other)->signatures.front();
  note.signatures.push_back(wrong);
  EXPECT_TRUE(check_note(note, {{key.verifier()}}).has_value());
  const std::vector<VerifierKey> both = {key.verifier(), other.verifier()};
  const auto checked = check_note(note, both);
  ASSERT_FALSE(checked.has_value());
  EXPECT_EQ(checked.error().code, ErrorCode::kCorrupt);
  // Also when it stands beside a right one of the same key.
  note.signatures.push_back(note.signatures.front());
  note.signatures.back().signature[0] ^= 1;
  EXPECT_FALSE(check_note(note, {{key.verifier()}}).has_value());
}

TEST(Note, MalformedNotesAreRefused) {
  const std::string line = encode_note(*sign_note("text\n", test_key())).substr(6);
  ASSERT_TRUE(line.starts_with("— "));
  ASSERT_TRUE(parse_note("text\n\n" + line).has_value());
  ASSERT_TRUE(parse_note("\n\n" + line).has_value());
  ASSERT_EQ(parse_note("text\n\n\n" + line)->text, "text\n\n");
  const std::string wrong[] = {"",
                               "\n",
                               "text\n",
                               "text\n\n",
                               "text\n\n\n",
                               line,
                               "text\n" + line,
                               "text" + line,
                               "text\n\n" + line.substr(0, line.size() - 1),
                               "text\n\n" + line + "\n",
                               "text\n\n" + line + "more\n",
                               "text\n\nmore\n" + line,
                               "text\n\n " + line,
                               "text\n\n-" + line.substr(3),
                               "te\rxt\n\n" + line,
                               "te\txt\n\n" + line,
                               std::string("te\0xt\n\n", 7) + line,
                               "te\xffxt\n\n" + line,
                               "text\n\n— name\n",
                               "text\n\n— name \n",
                               "text\n\n— name AAAAAA==\n",   // a key id and nothing more
                               "text\n\n— name AAAAAAA\n",    // padding missing
                               "text\n\n— name AAAAAAB=\n",   // bits that are not zero
                               "text\n\n— name  AAAAAAA=\n",  // two spaces
                               "text\n\n— name AAAAAAA= \n",  // one behind
                               "text\n\n— na+me AAAAAAA=\n",
                               "text\n\n—  AAAAAAA=\n"};
  for (const std::string& bytes : wrong) {
    const auto note = parse_note(bytes);
    ASSERT_FALSE(note.has_value()) << bytes;
    EXPECT_EQ(note.error().code, ErrorCode::kCorrupt);
  }
  EXPECT_TRUE(parse_note("text\n\n— name AAAAAAA=\n").has_value());
}

TEST(Note, Limits) {
  std::string lines;
  for (size_t i = 0; i < kMaxNoteSignatures; ++i) lines += "— name AAAAAAA=\n";
  EXPECT_TRUE(parse_note("text\n\n" + lines).has_value());
  EXPECT_FALSE(parse_note("text\n\n" + lines + "— name AAAAAAA=\n").has_value());
  EXPECT_FALSE(parse_note(std::string(kMaxNoteBytes, 'x') + "\n\n" + lines).has_value());
}

TEST(Note, WhatCannotBeSigned) {
  for (const std::string text : {"", "no end", "a\rb\n", "\xff\n"})
    EXPECT_FALSE(sign_note(text, test_key()).has_value()) << text;
}

}  // namespace
}  // namespace rowledger::ledger
