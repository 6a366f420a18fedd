#include "privacy/seal.h"

#include <gtest/gtest.h>

#include <optional>

namespace rowledger::privacy {
namespace {

std::string hex(std::string_view text) { return from_hex(text).value(); }

Nonce nonce_of(std::string_view bytes) {
  Nonce nonce;
  std::copy(bytes.begin(), bytes.end(), nonce.begin());
  return nonce;
}

std::vector<Implementation> implementations() {
  std::vector<Implementation> out{Implementation::kOpenSsl};
  if (is_available(Implementation::kSodium)) out.push_back(Implementation::kSodium);
  return out;
}

std::string sealed_by(Implementation implementation, std::string_view key, const Nonce& nonce, std::string_view aad,
                      std::string_view plain) {
  std::string out(plain.size() + kTagBytes, '\0');
  seal(implementation, key, nonce, aad, plain, out.data());
  return out;
}

struct Vector {
  const char *key, *nonce, *plain, *aad, *sealed;
};

// Test cases 13 to 16 of McGrew and Viega, "The Galois/Counter Mode of Operation", appendix B, which NIST's
// SP 800-38D refers to.
const Vector kVectors[] = {
    {"0000000000000000000000000000000000000000000000000000000000000000", "000000000000000000000000", "", "",
     "530f8afbc74536b9a963b4f1c4cb738b"},
    {"0000000000000000000000000000000000000000000000000000000000000000", "000000000000000000000000",
     "00000000000000000000000000000000", "", "cea7403d4d606b6e074ec5d3baf39d18d0d1c8a799996bf0265b98b5d48ab919"},
    {"feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308", "cafebabefacedbaddecaf888",
     "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657b"
     "a"
     "637b391aafd255",
     "",
     "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0ab"
     "c"
     "c9f662898015adb094dac5d93471bdec1a502270e3cc6c"},
    {"feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308", "cafebabefacedbaddecaf888",
     "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657b"
     "a"
     "637b39",
     "feedfacedeadbeeffeedfacedeadbeefabaddad2",
     "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0ab"
     "c"
     "c9f66276fc6ece0f4e1768cddf8853bb2d551b"},
};

TEST(Seal, KnownAnswers) {
  for (const Vector& v : kVectors) {
    for (const Implementation implementation : implementations()) {
      const std::string key = hex(v.key), aad = hex(v.aad), plain = hex(v.plain);
      const Nonce nonce = nonce_of(hex(v.nonce));
      const std::string sealed = sealed_by(implementation, key, nonce, aad, plain);
      EXPECT_EQ(to_hex(sealed), v.sealed);
      std::string back(plain.size(), '\0');
      EXPECT_TRUE(unseal(implementation, key, nonce, aad, sealed, back.data()));
      EXPECT_EQ(back, plain);
    }
  }
}

TEST(Seal, BothImplementationsGiveTheSameBytes) {
  if (!is_available(Implementation::kSodium)) GTEST_SKIP() << "no AES instructions";
  for (size_t size = 0; size < 700; size += 13) {
    const std::string key = random_bytes(kKeyBytes), plain = random_bytes(size), aad = random_bytes(size % 40);
    const Nonce nonce = nonce_of(random_bytes(kNonceBytes));
    const std::string a = sealed_by(Implementation::kSodium, key, nonce, aad, plain);
    EXPECT_EQ(a, sealed_by(Implementation::kOpenSsl, key, nonce, aad, plain)) << size;
    std::string back;
    EXPECT_TRUE(unseal(key, nonce, aad, a, back));
    EXPECT_EQ(back, plain);
  }
}

TEST(Seal, EveryAlteredBitIsNoticed) {
  const std::string key = random_bytes(kKeyBytes), plain = "phone: 919000000001";
  const Nonce nonce = nonce_of(random_bytes(kNonceBytes));
  for (const Implementation implementation : implementations()) {
    const std::string sealed = sealed_by(implementation, key, nonce, "aad", plain);
    std::string out(plain.size(), '\0');
    for (size_t bit = 0; bit < sealed.size() * 8; ++bit) {
      std::string altered = sealed;
      altered[bit / 8] = static_cast<char>(altered[bit / 8] ^ (1 << bit % 8));
      EXPECT_FALSE(unseal(implementation, key, nonce, "aad", altered, out.data()));
    }
    EXPECT_FALSE(unseal(implementation, key, nonce, "aae", sealed, out.data()));
    EXPECT_FALSE(unseal(implementation, random_bytes(kKeyBytes), nonce, "aad", sealed, out.data()));
    EXPECT_FALSE(unseal(implementation, key, nonce, "aad", sealed.substr(1), out.data()));
  }
}

TEST(Seal, AppendsAndLeavesTheBufferAloneOnFailure) {
  const std::string key = random_bytes(kKeyBytes);
  const Nonce nonce{};
  std::string sealed = "before";
  seal(key, nonce, "", "text", sealed);
  EXPECT_EQ(sealed.size(), 6 + 4 + kTagBytes);
  std::string out = "kept";
  EXPECT_TRUE(unseal(key, nonce, "", sealed.substr(6), out));
  EXPECT_EQ(out, "kepttext");
  EXPECT_FALSE(unseal(key, nonce, "x", sealed.substr(6), out));
  EXPECT_FALSE(unseal(key, nonce, "", "short", out));
  EXPECT_FALSE(unseal(key, nonce, "", "", out));
  EXPECT_EQ(out, "kepttext");
}

TEST(Seal, RecordsOfSeveralMegabytes) {
  const std::string key = random_bytes(kKeyBytes);
  std::string plain(5 << 20, 'x');
  std::string sealed, back;
  seal(key, Nonce{}, "aad", plain, sealed);
  EXPECT_TRUE(unseal(key, Nonce{}, "aad", sealed, back));
  EXPECT_EQ(back, plain);
}

TEST(SubjectKeyTest, DerivesAsDocumented) {
  const DataKey secret("0123456789abcdef0123456789abcdef");
  const SubjectKey key(secret);
  const Digest salt_key = HmacSha256(secret.view())("rowledger salt key v1");
  EXPECT_EQ(key.salt(Seq{0x0102030405060708}),
            HmacSha256(as_view(salt_key))("rowledger salt v1\x01\x02\x03\x04\x05\x06\x07\x08"));
  EXPECT_NE(key.salt(Seq{1}), key.salt(Seq{2}));

  const Digest seal_key = HmacSha256(secret.view())("rowledger seal key v1");
  std::string by_key, by_hand;
  key.seal(Nonce{1}, "aad", "value", by_key);
  seal(as_view(seal_key), Nonce{1}, "aad", "value", by_hand);
  EXPECT_EQ(by_key, by_hand);
  std::string back;
  EXPECT_TRUE(key.unseal(Nonce{1}, "aad", by_key, back));
  EXPECT_EQ(back, "value");
}

TEST(SubjectKeyTest, IsWipedWhenItGoes) {
  alignas(SubjectKey) unsigned char place[sizeof(SubjectKey)];
  auto* key = new (place) SubjectKey(DataKey::generate());
  key->~SubjectKey();
  for (const unsigned char byte : place) EXPECT_EQ(byte, 0);
}

TEST(SubjectKeyDeathTest, SealingWithNoKeyEndsTheProgram) {
  std::string out;
  EXPECT_DEATH(SubjectKey().seal(Nonce{}, "", "value", out), "filled_");
}

}  // namespace
}  // namespace rowledger::privacy
