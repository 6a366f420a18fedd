#pragma once
// An issuer of tokens for tests: keys of each kind, their JWK set, and signatures, right and wrong ones.
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include <memory>
#include <string>

#include "base/check.h"
#include "people/jwt.h"
#include "people/secret.h"

namespace rowledger::people {

class TestKey {
 public:
  TestKey(JwtAlgorithm algorithm, std::string id, unsigned rsa_bits = 2'048)
      : algorithm_(algorithm), id_(std::move(id)) {
    switch (algorithm) {
      case JwtAlgorithm::kRs256: key_.reset(EVP_RSA_gen(rsa_bits)); break;
      case JwtAlgorithm::kEs256: key_.reset(EVP_EC_gen("P-256")); break;
      case JwtAlgorithm::kEdDsa: key_.reset(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519")); break;
    }
    CHECK(key_ != nullptr);
  }

  std::string jwk(const std::string& more = "") const {
    std::string out = "{\"kid\":\"" + id_ + "\"" + more;
    switch (algorithm_) {
      case JwtAlgorithm::kRs256:
        out += R"(,"kty":"RSA","n":")" + number("n") + R"(","e":")" + number("e") + "\"";
        break;
      case JwtAlgorithm::kEs256:
        out += R"(,"kty":"EC","crv":"P-256","x":")" + number("qx", 32) + R"(","y":")" + number("qy", 32) + "\"";
        break;
      case JwtAlgorithm::kEdDsa: out += R"(,"kty":"OKP","crv":"Ed25519","x":")" + raw_public() + "\""; break;
    }
    return out + "}";
  }
  std::string set() const { return "{\"keys\":[" + jwk() + "]}"; }

  // A whole token; header: instead of the usual one.
  std::string token(const std::string& claims, std::string header = "") const {
    if (header.empty())
      header = "{\"alg\":\"" + std::string(to_string(algorithm_)) + "\",\"typ\":\"JWT\",\"kid\":\"" + id_ + "\"}";
    const std::string part = to_base64url(header) + "." + to_base64url(claims);
    return part + "." + to_base64url(signature(part));
  }

  std::string public_pem() const {
    const std::unique_ptr<BIO, decltype(&BIO_free)> bio(BIO_new(BIO_s_mem()), &BIO_free);
    CHECK(i2d_PUBKEY_bio(bio.get(), key_.get()) == 1);
    char* data = nullptr;
    const long size = BIO_get_mem_data(bio.get(), &data);
    return {data, static_cast<size_t>(size)};
  }

 private:
  struct Free {
    void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
  };

  std::string number(const char* name, int width = 0) const {
    BIGNUM* value = nullptr;
    CHECK(EVP_PKEY_get_bn_param(key_.get(), name, &value) == 1);
    std::string out(static_cast<size_t>(width > 0 ? width : BN_num_bytes(value)), '\0');
    BN_bn2binpad(value, reinterpret_cast<unsigned char*>(out.data()), static_cast<int>(out.size()));
    BN_free(value);
    return to_base64url(out);
  }

  std::string raw_public() const {
    std::string out(32, '\0');
    size_t size = out.size();
    CHECK(EVP_PKEY_get_raw_public_key(key_.get(), reinterpret_cast<unsigned char*>(out.data()), &size) == 1);
    return to_base64url(out);
  }

  std::string signature(const std::string& bytes) const {
    const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(), &EVP_MD_CTX_free);
    const EVP_MD* digest = algorithm_ == JwtAlgorithm::kEdDsa ? nullptr : EVP_sha256();
    CHECK(EVP_DigestSignInit(context.get(), nullptr, digest, nullptr, key_.get()) == 1);
    size_t size = 0;
    const auto* data = reinterpret_cast<const unsigned char*>(bytes.data());
    CHECK(EVP_DigestSign(context.get(), nullptr, &size, data, bytes.size()) == 1);
    std::string out(size, '\0');
    CHECK(EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(out.data()), &size, data, bytes.size()) == 1);
    out.resize(size);
    return algorithm_ == JwtAlgorithm::kEs256 ? from_der(out) : out;
  }

  static std::string from_der(const std::string& der) {
    const auto* at = reinterpret_cast<const unsigned char*>(der.data());
    ECDSA_SIG* both = d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(der.size()));
    CHECK(both != nullptr);
    std::string out(64, '\0');
    BN_bn2binpad(ECDSA_SIG_get0_r(both), reinterpret_cast<unsigned char*>(out.data()), 32);
    BN_bn2binpad(ECDSA_SIG_get0_s(both), reinterpret_cast<unsigned char*>(out.data()) + 32, 32);
    ECDSA_SIG_free(both);
    return out;
  }

  const JwtAlgorithm algorithm_;
  const std::string id_;
  std::unique_ptr<EVP_PKEY, Free> key_;
};

}  // namespace rowledger::people
