// The low-level SHA-256 calls are deprecated in OpenSSL 3 in favour of EVP, whose per-call setup
// costs more than hashing one entry does; they are present and supported throughout OpenSSL 3.
#define OPENSSL_SUPPRESS_DEPRECATED
#include "base/crypto.h"

#include <openssl/rand.h>
#include <openssl/sha.h>
#include <sodium.h>

#include <algorithm>
#include <cstring>

#include "base/check.h"

namespace rowledger {
namespace {

constexpr size_t kBlock = 64;

void load(SHA256_CTX& context, const std::array<uint32_t, 8>& state) {
  SHA256_Init(&context);
  std::memcpy(context.h, state.data(), sizeof(context.h));
  context.Nl = kBlock * 8;  // one block, the padded key, has gone in already
}

}  // namespace

Digest sha256(std::string_view bytes) { return sha256(bytes, {}); }

Digest sha256(std::string_view a, std::string_view b, std::string_view c) {
  SHA256_CTX context;
  SHA256_Init(&context);
  SHA256_Update(&context, a.data(), a.size());
  SHA256_Update(&context, b.data(), b.size());
  SHA256_Update(&context, c.data(), c.size());
  Digest out;
  SHA256_Final(out.data(), &context);
  return out;
}

std::string sha384(std::string_view a, std::string_view b) {
  SHA512_CTX context;
  SHA384_Init(&context);
  SHA384_Update(&context, a.data(), a.size());
  SHA384_Update(&context, b.data(), b.size());
  std::string out(SHA384_DIGEST_LENGTH, '\0');
  SHA384_Final(reinterpret_cast<unsigned char*>(out.data()), &context);
  return out;
}

struct Sha256::State {
  SHA256_CTX context;
};
Sha256::Sha256() : state_(std::make_unique<State>()) { SHA256_Init(&state_->context); }
Sha256::Sha256(Sha256&&) noexcept = default;
Sha256& Sha256::operator=(Sha256&&) noexcept = default;
Sha256::~Sha256() = default;
void Sha256::update(std::string_view bytes) { SHA256_Update(&state_->context, bytes.data(), bytes.size()); }
Digest Sha256::finish() {
  Digest out;
  SHA256_Final(out.data(), &state_->context);
  return out;
}

HmacSha256::HmacSha256(std::string_view key) {
  std::array<unsigned char, kBlock> block{};
  if (key.size() > kBlock) {
    const Digest digest = sha256(key);
    std::memcpy(block.data(), digest.data(), digest.size());
  } else {
    std::copy(key.begin(), key.end(), block.begin());  // which may be nothing at all
  }
  auto prepare = [&](unsigned char pad, std::array<uint32_t, 8>& state) {
    std::array<unsigned char, kBlock> padded;
    for (size_t i = 0; i < kBlock; ++i) padded[i] = block[i] ^ pad;
    SHA256_CTX context;
    SHA256_Init(&context);
    SHA256_Update(&context, padded.data(), padded.size());
    std::memcpy(state.data(), context.h, sizeof(context.h));
  };
  prepare(0x36, inner_);
  prepare(0x5c, outer_);
}

Digest HmacSha256::operator()(std::string_view a, std::string_view b) const {
  SHA256_CTX context;
  Digest digest;
  load(context, inner_);
  SHA256_Update(&context, a.data(), a.size());
  SHA256_Update(&context, b.data(), b.size());
  SHA256_Final(digest.data(), &context);
  load(context, outer_);
  SHA256_Update(&context, digest.data(), digest.size());
  SHA256_Final(digest.data(), &context);
  return digest;
}

uint64_t short_hash(const ShortHashKey& key, std::string_view bytes) {
  static_assert(crypto_shorthash_BYTES == 8 && crypto_shorthash_KEYBYTES == 16);
  unsigned char out[8];
  crypto_shorthash(out, reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(), key.bytes.data());
  uint64_t value;
  std::memcpy(&value, out, sizeof(value));
  return value;
}

std::array<unsigned char, 16> wide_hash(const ShortHashKey& key, std::string_view bytes) {
  static_assert(crypto_shorthash_siphashx24_BYTES == 16 && crypto_shorthash_siphashx24_KEYBYTES == 16);
  std::array<unsigned char, 16> out;
  crypto_shorthash_siphashx24(out.data(), reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(),
                              key.bytes.data());
  return out;
}

void random_bytes(char* out, size_t n) {
  CHECK(RAND_bytes(reinterpret_cast<unsigned char*>(out), static_cast<int>(n)) == 1);
}

std::string random_bytes(size_t n) {
  std::string out(n, '\0');
  random_bytes(out.data(), n);
  return out;
}

namespace {

constexpr size_t kNonceBytes = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES;
constexpr size_t kTagBytes = crypto_aead_xchacha20poly1305_ietf_ABYTES;

const unsigned char* bytes_of(std::string_view text) { return reinterpret_cast<const unsigned char*>(text.data()); }

}  // namespace

std::string encrypt(const Digest& key, std::string_view text, std::string_view bound_to) {
  std::string out = random_bytes(kNonceBytes);
  out.resize(kNonceBytes + text.size() + kTagBytes);
  auto* at = reinterpret_cast<unsigned char*>(out.data());
  CHECK(crypto_aead_xchacha20poly1305_ietf_encrypt(at + kNonceBytes, nullptr, bytes_of(text), text.size(),
                                                   bytes_of(bound_to), bound_to.size(), nullptr, at, key.data()) == 0);
  return out;
}

std::optional<std::string> decrypt(const Digest& key, std::string_view bytes, std::string_view bound_to) {
  if (bytes.size() < kNonceBytes + kTagBytes) return std::nullopt;
  std::string out(bytes.size() - kNonceBytes - kTagBytes, '\0');
  const bool genuine =
      crypto_aead_xchacha20poly1305_ietf_decrypt(reinterpret_cast<unsigned char*>(out.data()), nullptr, nullptr,
                                                 bytes_of(bytes) + kNonceBytes, bytes.size() - kNonceBytes,
                                                 bytes_of(bound_to), bound_to.size(), bytes_of(bytes), key.data()) == 0;
  return genuine ? std::optional(std::move(out)) : std::nullopt;
}

bool equal_in_constant_time(std::string_view a, std::string_view b) {
  return a.size() == b.size() && sodium_memcmp(a.data(), b.data(), a.size()) == 0;
}

std::string to_hex(std::string_view bytes) {
  std::string out(bytes.size() * 2 + 1, '\0');
  sodium_bin2hex(out.data(), out.size(), reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size());
  out.pop_back();
  return out;
}

std::optional<std::string> from_hex(std::string_view text) {
  std::string out(text.size() / 2, '\0');
  size_t n = 0;
  if (sodium_hex2bin(reinterpret_cast<unsigned char*>(out.data()), out.size(), text.data(), text.size(), nullptr, &n,
                     nullptr) != 0 ||
      n * 2 != text.size())
    return std::nullopt;
  return out;
}

std::string to_base64(std::string_view bytes) {
  std::string out(sodium_base64_encoded_len(bytes.size(), sodium_base64_VARIANT_ORIGINAL), '\0');
  sodium_bin2base64(out.data(), out.size(), reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(),
                    sodium_base64_VARIANT_ORIGINAL);
  out.pop_back();
  return out;
}

std::optional<std::string> from_base64(std::string_view text) {
  std::string out(text.size(), '\0');
  size_t n = 0;
  const char* end = nullptr;
  if (sodium_base642bin(reinterpret_cast<unsigned char*>(out.data()), out.size(), text.data(), text.size(), nullptr, &n,
                        &end, sodium_base64_VARIANT_ORIGINAL) != 0 ||
      end != text.data() + text.size())
    return std::nullopt;
  out.resize(n);
  // libsodium takes some bytes above 0x7f for digits. What is signed or hashed must have one spelling.
  if (to_base64(out) != text) return std::nullopt;
  return out;
}

}  // namespace rowledger
