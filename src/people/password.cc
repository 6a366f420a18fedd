#include "people/password.h"

#include <fmt/format.h>
#include <sodium.h>

#include <algorithm>
#include <semaphore>

#include "base/ascii.h"
#include "base/check.h"
#include "base/crypto.h"

namespace rowledger::people {
namespace {

constexpr unsigned long long kPasses = crypto_pwhash_OPSLIMIT_INTERACTIVE;
constexpr size_t kMemoryBytes = crypto_pwhash_MEMLIMIT_INTERACTIVE;
constexpr ptrdiff_t kAtATime = 2;

// Holds one of the places for as long as it lives.
class Place {
 public:
  Place() { places().acquire(); }
  ~Place() { places().release(); }
  Place(const Place&) = delete;
  Place& operator=(const Place&) = delete;

 private:
  static std::counting_semaphore<kAtATime>& places() {
    static std::counting_semaphore<kAtATime> all(kAtATime);
    return all;
  }
};

size_t characters_of(std::string_view utf8) {
  return static_cast<size_t>(std::ranges::count_if(utf8, [](unsigned char c) { return (c & 0xC0) != 0x80; }));
}

}  // namespace

Status check_new_password(std::string_view password, std::string_view user_name) {
  if (characters_of(password) < kLeastPasswordCharacters) {
    return fail(ErrorCode::kInvalid,
                fmt::format("the password is too short: {} characters are the least", kLeastPasswordCharacters));
  }
  if (password.size() > kMostPasswordBytes)
    return fail(ErrorCode::kInvalid,
                fmt::format("the password is too long: {} bytes are the most", kMostPasswordBytes));
  std::string rest = lower_case(password);
  const std::string name = lower_case(user_name);
  if (name.size() >= 3) {
    for (size_t at; (at = rest.find(name)) != std::string::npos;) rest.erase(at, name.size());
  }
  std::ranges::sort(rest);
  const auto different = static_cast<size_t>(std::unique(rest.begin(), rest.end()) - rest.begin());
  if (different < 5) {
    return fail(ErrorCode::kInvalid,
                "the password is too easy to guess: beside the user's name it needs five different characters");
  }
  return {};
}

Result<std::string> hash_password(std::string_view password) {
  CHECK(sodium_init() >= 0);
  const Place place;
  char out[crypto_pwhash_STRBYTES];
  if (crypto_pwhash_str_alg(out, password.data(), password.size(), kPasses, kMemoryBytes,
                            crypto_pwhash_ALG_ARGON2ID13) != 0)
    return fail(ErrorCode::kUnavailable, "there is too little memory to hash a password: try again");
  return std::string(out);
}

bool verify_password(const std::string& hash, std::string_view password) {
  if (password.size() > kMostPasswordBytes || hash.size() >= crypto_pwhash_STRBYTES) return false;
  CHECK(sodium_init() >= 0);
  const Place place;
  return crypto_pwhash_str_verify(hash.c_str(), password.data(), password.size()) == 0;
}

void pretend_to_verify(std::string_view password) {
  // Of a password that nobody knows: of random bytes, forgotten.
  static const std::string kHash = hash_password(random_bytes(32)).value_or(std::string());
  verify_password(kHash, password);
}

}  // namespace rowledger::people
