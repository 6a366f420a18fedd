#pragma once
// JSON Web Tokens (RFC 7519, compact JWS of RFC 7515) and the keys that they are signed with (JWK sets, RFC 7517). Only
// signatures by RS256, ES256 (RFC 7518) and EdDSA with Ed25519 (RFC 8037) are known. What signs a token is decided by
// the key, never by the token: "none", HMACs, and a key used for another algorithm than its own do not exist here.
// Pure; anything may come in. No message repeats a token's content.
#include <boost/json/object.hpp>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time.h"

struct evp_pkey_st;  // OpenSSL's EVP_PKEY

namespace rowledger::people {

enum class JwtAlgorithm { kRs256, kEs256, kEdDsa };
std::string_view to_string(JwtAlgorithm algorithm);

// Taken apart, not yet believed.
struct Jwt {
  JwtAlgorithm algorithm;
  std::string key_id;  // empty: not said
  boost::json::object claims;
  std::string signed_part;  // what the signature is over
  std::string signature;
};
Result<Jwt> parse_jwt(std::string_view token);

class JwkSet {
 public:
  // Keys of kinds and uses that are not known are passed over. kInvalid for what is no key set, or has more than 100.
  static Result<JwkSet> parse(std::string_view json);

  size_t size() const { return keys_.size(); }
  // Whether there is a key that the token could have been signed with.
  bool knows(const Jwt& token) const { return find(token) != nullptr; }
  // kPermission when no key here has signed it.
  Status verify(const Jwt& token) const;

 private:
  struct FreeKey {
    void operator()(evp_pkey_st* key) const;
  };
  struct Key {
    std::string id;
    JwtAlgorithm algorithm;
    std::unique_ptr<evp_pkey_st, FreeKey> key;
  };
  static std::optional<Key> read_key(const boost::json::object& jwk);
  // By the key's id; a token that names none is signed with the only key of its algorithm.
  const Key* find(const Jwt& token) const;
  std::vector<Key> keys_;
};

}  // namespace rowledger::people
