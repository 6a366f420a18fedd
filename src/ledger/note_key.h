#pragma once
// The keys that sign notes: Ed25519 (RFC 8032), signature type 0x01 of https://c2sp.org/signed-note, in the text
// forms of golang.org/x/mod/sumdb/note. docs/format/checkpoint.md has the bytes.
#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace rowledger::ledger {

inline constexpr size_t kSignatureBytes = 64;

// What a note is checked with. A value; const use from any thread.
class VerifierKey {
 public:
  // "name+hex(key id)+base64(0x01 || public key)". kInvalid when it is malformed, of another type, or its id is wrong.
  static Result<VerifierKey> parse(std::string_view text);
  std::string format() const;

  const std::string& name() const { return name_; }
  // The first four bytes of SHA-256(name || 0x0A || 0x01 || public key), big-endian.
  uint32_t key_id() const { return key_id_; }
  bool verify(std::string_view text, std::string_view signature) const;

  bool operator==(const VerifierKey&) const = default;

 private:
  friend class SigningKey;
  VerifierKey(std::string_view name, std::string_view public_key);

  std::string name_;
  uint32_t key_id_ = 0;
  std::array<char, 32> public_key_{};
};

// What a note is signed with. Moves, does not copy; the secret is wiped when it goes.
class SigningKey {
 public:
  // A new random key. name: see is_key_name; kInvalid otherwise. For a log it is the checkpoint's origin.
  static Result<SigningKey> generate(std::string_view name);
  // From the 32 bytes that RFC 8032 calls the private key.
  static Result<SigningKey> from_seed(std::string_view name, std::string_view seed);
  // "PRIVATE+KEY+name+hex(key id)+base64(0x01 || seed)". Errors as VerifierKey::parse; they never hold the text.
  static Result<SigningKey> parse(std::string_view text);
  // The secret itself: write it only where secrets go.
  std::string format() const;

  const VerifierKey& verifier() const { return verifier_; }
  // kSignatureBytes bytes; the same text always gives the same.
  std::string sign(std::string_view text) const;

  SigningKey(SigningKey&& other) noexcept;
  SigningKey& operator=(SigningKey&& other) noexcept;
  ~SigningKey();

 private:
  SigningKey(VerifierKey verifier, std::string_view seed);

  VerifierKey verifier_;
  std::array<char, 32> seed_{};
};

}  // namespace rowledger::ledger
