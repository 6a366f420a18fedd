#include "ledger/note_key.h"

#include <fmt/format.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>

#include "base/bytes.h"
#include "base/check.h"
#include "base/crypto.h"
#include "ledger/note_text.h"

namespace rowledger::ledger {
namespace {

constexpr char kEd25519 = 0x01;
constexpr size_t kKeyBytes = 32;
constexpr std::string_view kPrivatePrefix = "PRIVATE+KEY+";

using Key = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;
using Context = std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)>;

const unsigned char* bytes_of(std::string_view text) { return reinterpret_cast<const unsigned char*>(text.data()); }

Key private_key(std::string_view seed) {
  Key key(EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr, bytes_of(seed), seed.size()), EVP_PKEY_free);
  CHECK(key != nullptr);
  return key;
}

std::string public_key_of(std::string_view seed) {
  const Key key = private_key(seed);
  std::string out(kKeyBytes, '\0');
  size_t n = out.size();
  CHECK(EVP_PKEY_get_raw_public_key(key.get(), reinterpret_cast<unsigned char*>(out.data()), &n) == 1);
  CHECK(n == kKeyBytes);
  return out;
}

std::string with_type(std::string_view key) { return std::string(1, kEd25519).append(key); }

uint32_t key_id_of(std::string_view name, std::string_view public_key) {
  const Digest digest = sha256(name, "\n", with_type(public_key));
  return ByteReader(as_view(digest)).u32();
}

std::string format_id(uint32_t key_id) { return fmt::format("{:08x}", key_id); }

// A string that held a secret, wiped when it goes out of scope.
struct Wiped {
  std::string& text;
  ~Wiped() { OPENSSL_cleanse(text.data(), text.size()); }
};

struct KeyParts {
  std::string_view name, id;
  std::string key;  // without its type byte
};

// "name+id+base64(type || key)"
std::optional<KeyParts> split_key(std::string_view text) {
  const size_t first = text.find('+');
  if (first == std::string_view::npos) return std::nullopt;
  const size_t second = text.find('+', first + 1);
  if (second == std::string_view::npos) return std::nullopt;
  KeyParts out{text.substr(0, first), text.substr(first + 1, second - first - 1), {}};
  auto bytes = from_base64(text.substr(second + 1));
  if (!bytes) return std::nullopt;
  const Wiped wiped{*bytes};
  if (!is_key_name(out.name) || bytes->size() != 1 + kKeyBytes || bytes->front() != kEd25519) return std::nullopt;
  out.key = bytes->substr(1);
  return out;
}

tl::unexpected<Error> bad_name() {
  return fail(ErrorCode::kInvalid,
              "a key's name must not be empty and has no spaces, no plus and no control characters");
}

}  // namespace

VerifierKey::VerifierKey(std::string_view name, std::string_view public_key)
    : name_(name), key_id_(key_id_of(name, public_key)) {
  CHECK(public_key.size() == public_key_.size());
  std::copy(public_key.begin(), public_key.end(), public_key_.begin());
}

Result<VerifierKey> VerifierKey::parse(std::string_view text) {
  const auto parts = split_key(text);
  if (!parts)
    return fail(ErrorCode::kInvalid,
                "this is no verifier key of Ed25519; one looks like example.com/log+1a2b3c4d+AbCd...");
  VerifierKey key(parts->name, parts->key);
  // Compared as text: the id has one spelling, eight lower-case digits.
  if (parts->id != format_id(key.key_id_))
    return fail(ErrorCode::kInvalid,
                "the verifier key's id does not belong to its name and key; was it cut or altered?");
  return key;
}

std::string VerifierKey::format() const {
  return fmt::format("{}+{}+{}", name_, format_id(key_id_),
                     to_base64(with_type({public_key_.data(), public_key_.size()})));
}

bool VerifierKey::verify(std::string_view text, std::string_view signature) const {
  if (signature.size() != kSignatureBytes) return false;
  const Key key(
      EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, bytes_of({public_key_.data(), kKeyBytes}), kKeyBytes),
      EVP_PKEY_free);
  const Context context(EVP_MD_CTX_new(), EVP_MD_CTX_free);
  CHECK(key != nullptr && context != nullptr);
  CHECK(EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, key.get()) == 1);
  return EVP_DigestVerify(context.get(), bytes_of(signature), signature.size(), bytes_of(text), text.size()) == 1;
}

SigningKey::SigningKey(VerifierKey verifier, std::string_view seed) : verifier_(std::move(verifier)) {
  std::copy(seed.begin(), seed.end(), seed_.begin());
}

SigningKey::SigningKey(SigningKey&& other) noexcept : verifier_(std::move(other.verifier_)), seed_(other.seed_) {
  OPENSSL_cleanse(other.seed_.data(), other.seed_.size());
}

SigningKey& SigningKey::operator=(SigningKey&& other) noexcept {
  if (this == &other) return *this;
  verifier_ = std::move(other.verifier_);
  seed_ = other.seed_;
  OPENSSL_cleanse(other.seed_.data(), other.seed_.size());
  return *this;
}

SigningKey::~SigningKey() { OPENSSL_cleanse(seed_.data(), seed_.size()); }

Result<SigningKey> SigningKey::from_seed(std::string_view name, std::string_view seed) {
  if (!is_key_name(name)) return bad_name();
  if (seed.size() != kKeyBytes) return fail(ErrorCode::kInvalid, "a signing key's seed has 32 bytes");
  return SigningKey(VerifierKey(name, public_key_of(seed)), seed);
}

Result<SigningKey> SigningKey::generate(std::string_view name) {
  std::string seed = random_bytes(kKeyBytes);
  const Wiped wiped{seed};
  return from_seed(name, seed);
}

Result<SigningKey> SigningKey::parse(std::string_view text) {
  auto parts = text.starts_with(kPrivatePrefix) ? split_key(text.substr(kPrivatePrefix.size())) : std::nullopt;
  if (!parts) return fail(ErrorCode::kInvalid, "this is no signing key of Ed25519; one begins with PRIVATE+KEY+");
  const Wiped wiped{parts->key};
  RL_ASSIGN(SigningKey key, from_seed(parts->name, parts->key));
  if (parts->id != format_id(key.verifier_.key_id()))
    return fail(ErrorCode::kInvalid,
                "the signing key's id does not belong to its name and key; was it cut or altered?");
  return key;
}

std::string SigningKey::format() const {
  std::string bytes = with_type({seed_.data(), seed_.size()});
  const Wiped wiped{bytes};
  return fmt::format("{}{}+{}+{}", kPrivatePrefix, verifier_.name(), format_id(verifier_.key_id()), to_base64(bytes));
}

std::string SigningKey::sign(std::string_view text) const {
  const Key key = private_key({seed_.data(), seed_.size()});
  const Context context(EVP_MD_CTX_new(), EVP_MD_CTX_free);
  CHECK(context != nullptr);
  CHECK(EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr, key.get()) == 1);
  std::string out(kSignatureBytes, '\0');
  size_t n = out.size();
  CHECK(EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(out.data()), &n, bytes_of(text), text.size()) ==
        1);
  CHECK(n == kSignatureBytes);
  return out;
}

}  // namespace rowledger::ledger
