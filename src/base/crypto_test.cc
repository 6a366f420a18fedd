#include "base/crypto.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace rowledger {
namespace {

using namespace std::string_literals;

std::string hex(const Digest& digest) { return to_hex(as_view(digest)); }

// FIPS 180-4's examples.
TEST(Sha256, KnownAnswers) {
  EXPECT_EQ(hex(sha256("")), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(hex(sha256("abc")), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(hex(sha256("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq")),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  EXPECT_EQ(hex(sha256(std::string(1'000'000, 'a'))),
            "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST(Sha256, OfPartsIsOfTheWhole) {
  const std::string text(200, 'x');
  for (const size_t cut : {0u, 1u, 63u, 64u, 65u, 200u}) {
    EXPECT_EQ(sha256(std::string_view(text).substr(0, cut), std::string_view(text).substr(cut)), sha256(text)) << cut;
  }
  EXPECT_EQ(sha256("a", "b", "c"), sha256("abc"));
}

// FIPS 180-4, "abc".
TEST(Sha384, KnownAnswer) {
  EXPECT_EQ(to_hex(sha384("a", "bc")),
            "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed8086072ba1e7cc2358baeca134c825a7");
}

TEST(Sha256, InPiecesIsOfTheWhole) {
  Sha256 hash;
  for (const std::string_view piece : {"", "ab", "c"}) hash.update(piece);
  Sha256 moved = std::move(hash);
  EXPECT_EQ(moved.finish(), sha256("abc"));
}

// RFC 4231, test cases 1 to 4, 6 and 7.
TEST(HmacSha256, KnownAnswers) {
  struct {
    std::string key, data, mac;
  } const cases[] = {
      {std::string(20, '\x0b'), "Hi There", "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"},
      {"Jefe", "what do ya want for nothing?", "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"},
      {std::string(20, '\xaa'), std::string(50, '\xdd'),
       "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"},
      {*from_hex("0102030405060708090a0b0c0d0e0f10111213141516171819"), std::string(50, '\xcd'),
       "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b"},
      {std::string(131, '\xaa'), "Test Using Larger Than Block-Size Key - Hash Key First",
       "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"},
      {std::string(131, '\xaa'),
       "This is a test using a larger than block-size key and a larger than block-size data. The key needs to be "
       "hashed "
       "before being used by the HMAC algorithm.",
       "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2"},
  };
  for (const auto& c : cases) {
    const HmacSha256 hmac(c.key);
    EXPECT_EQ(hex(hmac(c.data)), c.mac);
    EXPECT_EQ(hex(hmac(c.data)), c.mac) << "the prepared key must not wear out";
    EXPECT_EQ(hex(hmac(c.data.substr(0, 3), c.data.substr(3))), c.mac);
  }
}

TEST(HmacSha256, KeyOfExactlyOneBlock) {
  // Python: hmac.new(b"k" * 64, b"data", "sha256")
  EXPECT_EQ(hex(HmacSha256(std::string(64, 'k'))("data")),
            "93244b031118b8060c6619e5900fcf916faefb2d8d020fecb22ae0f62275db08");
}

// The reference implementation's vectors (SipHash-2-4, key 00 01 .. 0f, text 00 01 ..).
TEST(ShortHash, KnownAnswers) {
  ShortHashKey key;
  std::string text;
  for (unsigned char i = 0; i < 16; ++i) key.bytes[i] = i;
  EXPECT_EQ(short_hash(key, ""), 0x726fdb47dd0e0e31u);
  for (char i = 0; i < 15; ++i) text += i;
  EXPECT_EQ(short_hash(key, text), 0xa129ca6149be45e5u);
}

TEST(RandomBytes, AreAsManyAsAskedForAndNotTheSame) {
  EXPECT_EQ(random_bytes(0), "");
  const std::string a = random_bytes(32), b = random_bytes(32);
  EXPECT_EQ(a.size(), 32u);
  EXPECT_NE(a, b);
}

TEST(Comparing, InConstantTime) {
  EXPECT_TRUE(equal_in_constant_time("", ""));
  EXPECT_TRUE(equal_in_constant_time("abc", "abc"));
  EXPECT_FALSE(equal_in_constant_time("abc", "abd"));
  EXPECT_FALSE(equal_in_constant_time("abc", "ab"));
  EXPECT_FALSE(equal_in_constant_time("", "a"));
}

TEST(Hex, BothWays) {
  EXPECT_EQ(to_hex("\0\x7f\xff"s), "007fff");
  EXPECT_EQ(to_hex(""), "");
  EXPECT_EQ(from_hex("007fFF"), "\0\x7f\xff"s);
  EXPECT_EQ(from_hex(""), "");
  for (const char* text : {"0", "007", "0g", " 00", "00 ", "0x00", "0:0"})
    EXPECT_EQ(from_hex(text), std::nullopt) << text;
}

// RFC 4648, section 10.
TEST(Base64, BothWays) {
  struct {
    const char *plain, *text;
  } const cases[] = {{"", ""},
                     {"f", "Zg=="},
                     {"fo", "Zm8="},
                     {"foo", "Zm9v"},
                     {"foob", "Zm9vYg=="},
                     {"fooba", "Zm9vYmE="},
                     {"foobar", "Zm9vYmFy"},
                     {"\xff\xfe\xfd", "//79"}};
  for (const auto& c : cases) {
    EXPECT_EQ(to_base64(c.plain), c.text);
    EXPECT_EQ(from_base64(c.text), c.plain) << c.text;
  }
  for (const char* text : {"Z", "Zg", "Zg=", "Zg===", "Zm9v ", "Zm 9v", "Zm9v!", "__79", "Zh=="})
    EXPECT_EQ(from_base64(text), std::nullopt) << text;
}

TEST(Base64, HasOneSpelling) {
  for (const char* text : {"Zm9vYmE", "Zm9vYmF=", "Zm9vYmE==", "Zm9v YmE=", "Zm9vYmE=\n", "Zm9-YmE=", "=", "A"})
    EXPECT_FALSE(from_base64(text).has_value()) << text;
  std::string text = "+/09azAZ";
  ASSERT_TRUE(from_base64(text).has_value());
  for (char& c : text) {
    c = static_cast<char>(c ^ 0x80);
    EXPECT_FALSE(from_base64(text).has_value()) << text;
    c = static_cast<char>(c ^ 0x80);
  }
}

}  // namespace
}  // namespace rowledger
