#include "privacy/seal.h"

#include <openssl/evp.h>
#include <sodium.h>

#include <algorithm>
#include <memory>

#include "base/check.h"

namespace rowledger::privacy {
namespace {

// Measured (docs/format/keys.md): with another key for every record, the two cross at about 600 bytes.
constexpr size_t kSodiumMaxBytes = 576;
constexpr size_t kOpenSslPiece = size_t{1} << 30;  // EVP counts in int

constexpr std::string_view kSealLabel = "rowledger seal key v1";
constexpr std::string_view kSaltKeyLabel = "rowledger salt key v1";
constexpr std::string_view kWrapLabel = "rowledger wrap key v1";
constexpr std::string_view kSaltLabel = "rowledger salt v1";

const unsigned char* bytes_of(std::string_view text) { return reinterpret_cast<const unsigned char*>(text.data()); }
unsigned char* bytes_of(char* text) { return reinterpret_cast<unsigned char*>(text); }

bool sodium_has_aes() {
  static const bool has = sodium_init() >= 0 && crypto_aead_aes256gcm_is_available() == 1;
  return has;
}

const EVP_CIPHER* aes_256_gcm() {
  static const EVP_CIPHER* const cipher = EVP_CIPHER_fetch(nullptr, "AES-256-GCM", nullptr);
  CHECK(cipher != nullptr);
  return cipher;
}

// A thread's context with the cipher set: setting it costs more than sealing a record.
struct Context {
  Context() : evp(EVP_CIPHER_CTX_new()) {
    CHECK(evp != nullptr);
    CHECK(EVP_EncryptInit_ex2(evp, aes_256_gcm(), nullptr, nullptr, nullptr) == 1);
  }
  ~Context() { EVP_CIPHER_CTX_free(evp); }
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;

  // The schedule of a key must not outlive its use: another key's is put over it.
  void forget_key() {
    static constexpr unsigned char kNoKey[kKeyBytes] = {};
    CHECK(EVP_EncryptInit_ex2(evp, nullptr, kNoKey, kNoKey, nullptr) == 1);
  }

  EVP_CIPHER_CTX* const evp;
};

EVP_CIPHER_CTX* start(Context& context, bool sealing, std::string_view key, const Nonce& nonce, std::string_view aad) {
  EVP_CIPHER_CTX* const evp = context.evp;
  CHECK(EVP_CipherInit_ex2(evp, nullptr, bytes_of(key), nonce.data(), sealing ? 1 : 0, nullptr) == 1);
  int done = 0;
  CHECK(aad.size() <= kOpenSslPiece);
  if (!aad.empty()) {
    CHECK(EVP_CipherUpdate(evp, nullptr, &done, bytes_of(aad), static_cast<int>(aad.size())) == 1);
  }
  return evp;
}

void update(EVP_CIPHER_CTX* evp, std::string_view in, char* out) {
  while (!in.empty()) {
    const size_t n = std::min(in.size(), kOpenSslPiece);
    int done = 0;
    CHECK(EVP_CipherUpdate(evp, bytes_of(out), &done, bytes_of(in), static_cast<int>(n)) == 1);
    CHECK(static_cast<size_t>(done) == n);
    in.remove_prefix(n);
    out += n;
  }
}

Context& thread_context() {
  thread_local Context context;
  return context;
}

void seal_with_openssl(std::string_view key, const Nonce& nonce, std::string_view aad, std::string_view plain,
                       char* out) {
  Context& context = thread_context();
  EVP_CIPHER_CTX* const evp = start(context, true, key, nonce, aad);
  update(evp, plain, out);
  int done = 0;
  unsigned char none[16];
  CHECK(EVP_CipherFinal_ex(evp, none, &done) == 1 && done == 0);
  CHECK(EVP_CIPHER_CTX_ctrl(evp, EVP_CTRL_AEAD_GET_TAG, kTagBytes, out + plain.size()) == 1);
  context.forget_key();
}

bool unseal_with_openssl(std::string_view key, const Nonce& nonce, std::string_view aad, std::string_view cipher,
                         std::string_view tag, char* out) {
  Context& context = thread_context();
  EVP_CIPHER_CTX* const evp = start(context, false, key, nonce, aad);
  update(evp, cipher, out);
  std::array<char, kTagBytes> expected;
  std::copy(tag.begin(), tag.end(), expected.begin());
  CHECK(EVP_CIPHER_CTX_ctrl(evp, EVP_CTRL_AEAD_SET_TAG, kTagBytes, expected.data()) == 1);
  int done = 0;
  unsigned char none[16];
  const bool genuine = EVP_CipherFinal_ex(evp, none, &done) == 1;
  context.forget_key();
  if (!genuine) sodium_memzero(out, cipher.size());  // what came out is no one's plain text
  return genuine;
}

}  // namespace

bool is_available(Implementation implementation) {
  return implementation == Implementation::kOpenSsl || sodium_has_aes();
}

Implementation implementation_for(size_t plain_bytes) {
  return plain_bytes <= kSodiumMaxBytes && sodium_has_aes() ? Implementation::kSodium : Implementation::kOpenSsl;
}

void seal(Implementation implementation, std::string_view key, const Nonce& nonce, std::string_view aad,
          std::string_view plain, char* out) {
  CHECK(key.size() == kKeyBytes && plain.size() <= kMaxPlainBytes);
  if (implementation == Implementation::kOpenSsl) return seal_with_openssl(key, nonce, aad, plain, out);
  CHECK(sodium_has_aes());
  CHECK(crypto_aead_aes256gcm_encrypt(bytes_of(out), nullptr, bytes_of(plain), plain.size(), bytes_of(aad), aad.size(),
                                      nullptr, nonce.data(), bytes_of(key)) == 0);
}

bool unseal(Implementation implementation, std::string_view key, const Nonce& nonce, std::string_view aad,
            std::string_view sealed, char* out) {
  CHECK(key.size() == kKeyBytes);
  if (sealed.size() < kTagBytes || sealed.size() - kTagBytes > kMaxPlainBytes) return false;
  if (implementation == Implementation::kOpenSsl) {
    const size_t n = sealed.size() - kTagBytes;
    return unseal_with_openssl(key, nonce, aad, sealed.substr(0, n), sealed.substr(n), out);
  }
  CHECK(sodium_has_aes());
  return crypto_aead_aes256gcm_decrypt(bytes_of(out), nullptr, nullptr, bytes_of(sealed), sealed.size(), bytes_of(aad),
                                       aad.size(), nonce.data(), bytes_of(key)) == 0;
}

void seal(std::string_view key, const Nonce& nonce, std::string_view aad, std::string_view plain, char* out) {
  seal(implementation_for(plain.size()), key, nonce, aad, plain, out);
}

void seal(std::string_view key, const Nonce& nonce, std::string_view aad, std::string_view plain, std::string& out) {
  const size_t start = out.size();
  out.resize(start + plain.size() + kTagBytes);
  seal(key, nonce, aad, plain, out.data() + start);
}

bool unseal(std::string_view key, const Nonce& nonce, std::string_view aad, std::string_view sealed, char* out) {
  return unseal(implementation_for(sealed.size() - std::min(sealed.size(), kTagBytes)), key, nonce, aad, sealed, out);
}

bool unseal(std::string_view key, const Nonce& nonce, std::string_view aad, std::string_view sealed, std::string& out) {
  if (sealed.size() < kTagBytes) return false;
  const size_t start = out.size();
  out.resize(start + sealed.size() - kTagBytes);
  const bool genuine = unseal(key, nonce, aad, sealed, out.data() + start);
  if (!genuine) out.resize(start);
  return genuine;
}

SubjectKey::SubjectKey()
    : salt_key_([] {
        static const HmacSha256 none("");
        return none;
      }()) {}

SubjectKey::SubjectKey(const DataKey& secret) : SubjectKey() {
  HmacSha256 derive(secret.view());
  Digest seal_key = derive(kSealLabel);
  Digest salt_key = derive(kSaltKeyLabel);
  std::copy(seal_key.begin(), seal_key.end(), seal_key_.begin());
  salt_key_ = HmacSha256(as_view(salt_key));
  filled_ = true;
  sodium_memzero(seal_key.data(), seal_key.size());
  sodium_memzero(salt_key.data(), salt_key.size());
  sodium_memzero(&derive, sizeof derive);
}

SubjectKey::~SubjectKey() { sodium_memzero(this, sizeof *this); }

Digest SubjectKey::salt(Seq seq) const {
  CHECK(filled_);
  std::array<char, kSaltLabel.size() + 8> message;
  std::copy(kSaltLabel.begin(), kSaltLabel.end(), message.begin());
  for (size_t i = 0; i < 8; ++i) message[kSaltLabel.size() + i] = static_cast<char>(seq.value >> (56 - 8 * i));
  return salt_key_({message.data(), message.size()});
}

std::string_view SubjectKey::seal_key() const {
  CHECK(filled_);
  return {seal_key_.data(), seal_key_.size()};
}

void SubjectKey::seal(const Nonce& nonce, std::string_view aad, std::string_view plain, std::string& out) const {
  privacy::seal(seal_key(), nonce, aad, plain, out);
}

bool SubjectKey::unseal(const Nonce& nonce, std::string_view aad, std::string_view sealed, std::string& out) const {
  return privacy::unseal(seal_key(), nonce, aad, sealed, out);
}

WrapKey wrap_key_of(const DataKey& tenant_secret) {
  HmacSha256 derive(tenant_secret.view());
  Digest key = derive(kWrapLabel);
  WrapKey out(as_view(key));
  sodium_memzero(key.data(), key.size());
  sodium_memzero(&derive, sizeof derive);
  return out;
}

}  // namespace rowledger::privacy
