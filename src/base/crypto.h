#pragma once
// The few cryptographic primitives that more than one room needs; OpenSSL and libsodium do the work.
// All functions are safe to call from any thread.
#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace rowledger {

using Digest = std::array<unsigned char, 32>;

inline std::string_view as_view(const Digest& digest) {
  return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}

Digest sha256(std::string_view bytes);
// SHA-256 over the concatenation, without making it.
Digest sha256(std::string_view a, std::string_view b, std::string_view c = {});

// SHA-384 over the concatenation: 48 bytes. Unlike SHA-256's, its result cannot be continued, so that a secret in front
// makes it a code of authenticity.
std::string sha384(std::string_view a, std::string_view b);

// SHA-256 of what comes in pieces. Moves only; one thread at a time.
class Sha256 {
 public:
  Sha256();
  Sha256(Sha256&&) noexcept;
  Sha256& operator=(Sha256&&) noexcept;
  ~Sha256();
  void update(std::string_view bytes);
  Digest finish();  // once, at the end

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// HMAC-SHA256 (RFC 2104) with the key's two inner states prepared once. Copyable; const use from
// any thread.
class HmacSha256 {
 public:
  explicit HmacSha256(std::string_view key);
  Digest operator()(std::string_view a, std::string_view b = {}) const;

 private:
  std::array<uint32_t, 8> inner_, outer_;
};

// SipHash-2-4 with a 128-bit key: a keyed hash for index terms; 64 bits, not for commitments.
struct ShortHashKey {
  std::array<unsigned char, 16> bytes{};
};
uint64_t short_hash(const ShortHashKey& key, std::string_view bytes);
// SipHash-x-2-4: 128 bits, so that names that are hashed do not meet by chance.
std::array<unsigned char, 16> wide_hash(const ShortHashKey& key, std::string_view bytes);

// A text that only who has the key can read or make (XChaCha20-Poly1305, IETF; the nonce is random and stands before
// it). bound_to: what has to be the same at both ends, and is not in it.
std::string encrypt(const Digest& key, std::string_view text, std::string_view bound_to);
std::optional<std::string> decrypt(const Digest& key, std::string_view bytes, std::string_view bound_to);

void random_bytes(char* out, size_t n);
std::string random_bytes(size_t n);

// Compares without telling by time where the two differ.
bool equal_in_constant_time(std::string_view a, std::string_view b);

std::string to_hex(std::string_view bytes);                     // lower case
std::optional<std::string> from_hex(std::string_view text);     // either case
std::string to_base64(std::string_view bytes);                  // RFC 4648, padded
std::optional<std::string> from_base64(std::string_view text);  // exactly what to_base64 gives, nothing else

}  // namespace rowledger
