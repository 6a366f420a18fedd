#pragma once
// Sealing: AES-256-GCM (NIST SP 800-38D) with a 96-bit nonce of the caller's and a 128-bit tag.
//
//   sealed = ciphertext (as long as the plain text) || tag (16)
//
// A pair of key and nonce must never be used for two different records: it would give both away.
//
// Two implementations give the same bytes. libsodium's has the smaller cost per call and takes short records,
// OpenSSL's the higher rate and takes long ones, and all of them on a processor without AES instructions.
// All functions may be called from any thread.
#include <array>
#include <cstddef>
#include <string>
#include <string_view>

#include "base/crypto.h"
#include "base/ids.h"
#include "privacy/secret.h"

namespace rowledger::privacy {

inline constexpr size_t kNonceBytes = 12;
inline constexpr size_t kTagBytes = 16;
// GCM's own limit: 2^39 - 256 bits.
inline constexpr size_t kMaxPlainBytes = (size_t{1} << 36) - 32;

using Nonce = std::array<unsigned char, kNonceBytes>;

enum class Implementation { kSodium, kOpenSsl };
// False for kSodium on a processor without AES instructions.
bool is_available(Implementation implementation);
// Which of the two seals a record of this size fastest here.
Implementation implementation_for(size_t plain_bytes);

// Writes plain.size() + kTagBytes bytes to `out`, which does not overlap `plain`. `key` has kKeyBytes.
void seal(std::string_view key, const Nonce& nonce, std::string_view aad, std::string_view plain, char* out);
void seal(Implementation implementation, std::string_view key, const Nonce& nonce, std::string_view aad,
          std::string_view plain, char* out);
// Appends the same.
void seal(std::string_view key, const Nonce& nonce, std::string_view aad, std::string_view plain, std::string& out);

// Writes sealed.size() - kTagBytes bytes to `out`. False when `sealed` is not what was sealed with this key, nonce and
// aad: then nothing in `out` may be used.
[[nodiscard]] bool unseal(std::string_view key, const Nonce& nonce, std::string_view aad, std::string_view sealed,
                          char* out);
[[nodiscard]] bool unseal(Implementation implementation, std::string_view key, const Nonce& nonce, std::string_view aad,
                          std::string_view sealed, char* out);
// Appends; leaves `out` as it was when it answers false.
[[nodiscard]] bool unseal(std::string_view key, const Nonce& nonce, std::string_view aad, std::string_view sealed,
                          std::string& out);

// A subject's (or tenant's) key made ready for use. From the key K that the key file holds, two keys are derived, so
// that neither use can weaken the other:
//
//   seal key  HMAC-SHA256(K, "rowledger seal key v1")   AES-256-GCM
//   salt key  HMAC-SHA256(K, "rowledger salt key v1")   the salts of the entries' commitments
//
// Salts are computed, not stored: they take no space, and they are gone when the key is. 100 bytes, wiped when
// destroyed. Const functions may be called from any thread.
class SubjectKey {
 public:
  SubjectKey();  // no key: sealing with it is a broken invariant
  explicit SubjectKey(const DataKey& secret);
  ~SubjectKey();
  SubjectKey(const SubjectKey&) = default;
  SubjectKey& operator=(const SubjectKey&) = default;

  // HMAC-SHA256(salt key, "rowledger salt v1" || seq as 8 bytes, big-endian).
  Digest salt(Seq seq) const;

  void seal(const Nonce& nonce, std::string_view aad, std::string_view plain, std::string& out) const;
  [[nodiscard]] bool unseal(const Nonce& nonce, std::string_view aad, std::string_view sealed, std::string& out) const;

 private:
  std::string_view seal_key() const;

  HmacSha256 salt_key_;
  std::array<char, kKeyBytes> seal_key_{};
  bool filled_ = false;
};
static_assert(sizeof(SubjectKey) <= 104);

// The key that wraps a tenant's subjects' keys: HMAC-SHA256(K, "rowledger wrap key v1").
WrapKey wrap_key_of(const DataKey& tenant_secret);

}  // namespace rowledger::privacy
