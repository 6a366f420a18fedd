#include "people/jwt.h"

#include <fmt/format.h>
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>

#include <algorithm>
#include <array>
#include <boost/json/parse.hpp>

#include "people/secret.h"

namespace rowledger::people {
namespace {

namespace json = boost::json;
using json::object;

constexpr size_t kMostTokenBytes = 8 << 10, kMostKeys = 100;
constexpr int kLeastRsaBits = 2'048, kMostRsaBits = 8'192;
constexpr size_t kCoordinateBytes = 32;  // of P-256

tl::unexpected<Error> malformed(std::string_view what) {
  return fail(ErrorCode::kInvalid, fmt::format("the token is not well-formed: {}", what));
}

std::optional<object> parse_object(std::string_view text) {
  boost::system::error_code error;
  try {
    json::value value = json::parse(text, error);
    if (error || !value.is_object()) return std::nullopt;
    return std::move(value.get_object());
  } catch (const std::exception&) {
    return std::nullopt;
  }
}

// "" when it is not there or no text.
std::string_view text_of(const object& from, std::string_view name) {
  const auto* found = from.if_contains(name);
  return found != nullptr && found->is_string() ? std::string_view(found->get_string()) : std::string_view();
}

std::optional<JwtAlgorithm> parse_algorithm(std::string_view text) {
  for (const auto each : {JwtAlgorithm::kRs256, JwtAlgorithm::kEs256, JwtAlgorithm::kEdDsa})
    if (text == to_string(each)) return each;
  return std::nullopt;
}

std::string_view take_part(std::string_view& text) {
  const size_t dot = text.find('.');
  const std::string_view out = text.substr(0, dot);
  text.remove_prefix(dot == std::string_view::npos ? text.size() : dot + 1);
  return out;
}

const unsigned char* bytes_of(std::string_view text) { return reinterpret_cast<const unsigned char*>(text.data()); }

template <auto free>
struct Freer {
  template <class T>
  void operator()(T* what) const {
    free(what);
  }
};
using BigNumber = std::unique_ptr<BIGNUM, Freer<BN_free>>;
using ParamBuilder = std::unique_ptr<OSSL_PARAM_BLD, Freer<OSSL_PARAM_BLD_free>>;
using Params = std::unique_ptr<OSSL_PARAM, Freer<OSSL_PARAM_free>>;
using KeyContext = std::unique_ptr<EVP_PKEY_CTX, Freer<EVP_PKEY_CTX_free>>;
using DigestContext = std::unique_ptr<EVP_MD_CTX, Freer<EVP_MD_CTX_free>>;
using EcSignature = std::unique_ptr<ECDSA_SIG, Freer<ECDSA_SIG_free>>;

BigNumber number_of(std::string_view bytes) {
  return BigNumber(BN_bin2bn(bytes_of(bytes), static_cast<int>(bytes.size()), nullptr));
}

EVP_PKEY* make_key(const char* type, const ParamBuilder& builder) {
  const Params params(OSSL_PARAM_BLD_to_param(builder.get()));
  const KeyContext context(EVP_PKEY_CTX_new_from_name(nullptr, type, nullptr));
  EVP_PKEY* out = nullptr;
  if (!params || !context || EVP_PKEY_fromdata_init(context.get()) != 1 ||
      EVP_PKEY_fromdata(context.get(), &out, EVP_PKEY_PUBLIC_KEY, params.get()) != 1)
    return nullptr;
  return out;
}

EVP_PKEY* rsa_key(const object& jwk) {
  const auto n = from_base64url(text_of(jwk, "n")), e = from_base64url(text_of(jwk, "e"));
  if (!n || !e || n->empty() || n->size() > kMostRsaBits / 8 || e->empty() || e->size() > 8) return nullptr;
  const BigNumber modulus = number_of(*n), exponent = number_of(*e);
  const int bits = modulus ? BN_num_bits(modulus.get()) : 0;
  if (bits < kLeastRsaBits || bits > kMostRsaBits || !exponent || BN_is_odd(exponent.get()) != 1 ||
      BN_is_one(exponent.get()) == 1)
    return nullptr;
  const ParamBuilder builder(OSSL_PARAM_BLD_new());
  if (!builder || OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_N, modulus.get()) != 1 ||
      OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_E, exponent.get()) != 1)
    return nullptr;
  return make_key("RSA", builder);
}

EVP_PKEY* p256_key(const object& jwk) {
  const auto x = from_base64url(text_of(jwk, "x")), y = from_base64url(text_of(jwk, "y"));
  if (!x || !y || x->size() != kCoordinateBytes || y->size() != kCoordinateBytes) return nullptr;
  const std::string point = "\x04" + *x + *y;
  const ParamBuilder builder(OSSL_PARAM_BLD_new());
  if (!builder || OSSL_PARAM_BLD_push_utf8_string(builder.get(), OSSL_PKEY_PARAM_GROUP_NAME, "prime256v1", 0) != 1 ||
      OSSL_PARAM_BLD_push_octet_string(builder.get(), OSSL_PKEY_PARAM_PUB_KEY, point.data(), point.size()) != 1)
    return nullptr;
  return make_key("EC", builder);  // a point that is not on the curve is refused
}

EVP_PKEY* ed25519_key(const object& jwk) {
  const auto x = from_base64url(text_of(jwk, "x"));
  if (!x || x->size() != 32) return nullptr;
  return EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, bytes_of(*x), x->size());
}

// JWS writes an ECDSA signature as both numbers, one behind the other; OpenSSL reads DER.
std::optional<std::string> to_der(std::string_view signature) {
  if (signature.size() != 2 * kCoordinateBytes) return std::nullopt;
  const EcSignature both(ECDSA_SIG_new());
  BigNumber r = number_of(signature.substr(0, kCoordinateBytes)), s = number_of(signature.substr(kCoordinateBytes));
  if (!both || !r || !s || ECDSA_SIG_set0(both.get(), r.get(), s.get()) != 1) return std::nullopt;
  std::ignore = r.release();
  std::ignore = s.release();
  unsigned char* der = nullptr;
  const int size = i2d_ECDSA_SIG(both.get(), &der);
  if (size <= 0) return std::nullopt;
  std::string out(reinterpret_cast<const char*>(der), static_cast<size_t>(size));
  OPENSSL_free(der);
  return out;
}

bool is_signature(EVP_PKEY* key, JwtAlgorithm algorithm, const Jwt& token) {
  std::string signature = token.signature;
  if (algorithm == JwtAlgorithm::kEs256) {
    auto der = to_der(signature);
    if (!der) return false;
    signature = std::move(*der);
  }
  const EVP_MD* digest = algorithm == JwtAlgorithm::kEdDsa ? nullptr : EVP_sha256();
  const DigestContext context(EVP_MD_CTX_new());
  return context && EVP_DigestVerifyInit(context.get(), nullptr, digest, nullptr, key) == 1 &&
         EVP_DigestVerify(context.get(), bytes_of(signature), signature.size(), bytes_of(token.signed_part),
                          token.signed_part.size()) == 1;
}

}  // namespace

std::string_view to_string(JwtAlgorithm algorithm) {
  switch (algorithm) {
    case JwtAlgorithm::kRs256: return "RS256";
    case JwtAlgorithm::kEs256: return "ES256";
    case JwtAlgorithm::kEdDsa: return "EdDSA";
  }
  return "";
}

Result<Jwt> parse_jwt(std::string_view token) {
  if (token.size() > kMostTokenBytes) return malformed("it is too long");
  if (std::ranges::count(token, '.') != 2) return malformed("it has not three parts");
  std::string_view rest = token;
  const std::string_view header_part = take_part(rest), claims_part = take_part(rest), signature_part = rest;
  const auto header_text = from_base64url(header_part), claims_text = from_base64url(claims_part);
  auto signature = from_base64url(signature_part);
  if (!header_text || !claims_text || !signature) return malformed("it is not base64url");
  const auto header = parse_object(*header_text);
  auto claims = parse_object(*claims_text);
  if (!header || !claims) return malformed("it is not JSON");
  const auto algorithm = parse_algorithm(text_of(*header, "alg"));
  if (!algorithm) return fail(ErrorCode::kInvalid, "the token is not signed by RS256, ES256 or EdDSA");
  // Extensions that must be understood: none is.
  if (header->contains("crit")) return malformed("it asks for extensions");
  const std::string_view type = text_of(*header, "typ");
  if (header->contains("typ") && type != "JWT" && type != "at+jwt" && type != "application/at+jwt")
    return malformed("it is of another type");
  return Jwt{*algorithm, std::string(text_of(*header, "kid")), std::move(*claims),
             std::string(token.substr(0, header_part.size() + 1 + claims_part.size())), std::move(*signature)};
}

void JwkSet::FreeKey::operator()(evp_pkey_st* key) const { EVP_PKEY_free(key); }

std::optional<JwkSet::Key> JwkSet::read_key(const object& jwk) {
  if (jwk.contains("use") && text_of(jwk, "use") != "sig") return std::nullopt;
  const std::string_view type = text_of(jwk, "kty"), curve = text_of(jwk, "crv");
  Key out{std::string(text_of(jwk, "kid")), JwtAlgorithm::kRs256, nullptr};
  if (type == "RSA") {
    out.key.reset(rsa_key(jwk));
  } else if (type == "EC" && curve == "P-256") {
    out.algorithm = JwtAlgorithm::kEs256;
    out.key.reset(p256_key(jwk));
  } else if (type == "OKP" && curve == "Ed25519") {
    out.algorithm = JwtAlgorithm::kEdDsa;
    out.key.reset(ed25519_key(jwk));
  }
  if (!out.key) return std::nullopt;
  if (jwk.contains("alg") && text_of(jwk, "alg") != to_string(out.algorithm)) return std::nullopt;
  return out;
}

Result<JwkSet> JwkSet::parse(std::string_view text) {
  const auto root = parse_object(text);
  const auto* keys = root ? root->if_contains("keys") : nullptr;
  if (keys == nullptr || !keys->is_array()) return fail(ErrorCode::kInvalid, "this is no set of keys (RFC 7517)");
  if (keys->get_array().size() > kMostKeys)
    return fail(ErrorCode::kInvalid, fmt::format("the set has more than {} keys", kMostKeys));
  JwkSet out;
  for (const auto& each : keys->get_array()) {
    if (!each.is_object()) continue;
    if (auto key = read_key(each.get_object())) out.keys_.push_back(std::move(*key));
  }
  return out;
}

const JwkSet::Key* JwkSet::find(const Jwt& token) const {
  const Key* found = nullptr;
  for (const Key& key : keys_) {
    if (key.algorithm != token.algorithm) continue;
    if (!token.key_id.empty()) {
      if (key.id == token.key_id) return &key;
      continue;
    }
    if (found != nullptr) return nullptr;
    found = &key;
  }
  return found;
}

Status JwkSet::verify(const Jwt& token) const {
  const Key* key = find(token);
  if (key == nullptr) return fail(ErrorCode::kPermission, "none of the issuer's keys is the token's");
  if (!is_signature(key->key.get(), key->algorithm, token))
    return fail(ErrorCode::kPermission, "the token's signature is wrong");
  return {};
}

}  // namespace rowledger::people
