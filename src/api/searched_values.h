#pragma once
// What the log keeps of a value that somebody looked for: not the value, which would outlive the erasure of the person
// whose it is, but a token of it. Whoever knows the value finds out who looked for it (docs/privacy.md).
#include <string>
#include <string_view>
#include <vector>

#include "base/crypto.h"

namespace rowledger::api {

class SearchedValues {
 public:
  // token_key: the installation's.
  explicit SearchedValues(std::string_view token_key);

  // "#" and six hexadecimal digits: the first 24 bits of a keyed hash of the value, normalised as the index does. So
  // few that of all phone numbers there are, some hundred have the same.
  std::string token(std::string_view value) const;

  // The text of a search with a token for each value that it looks for. What is no search becomes one token.
  std::string recorded(std::string_view search) const;

  // The tokens by which the log tells that this value was looked for: as a whole, or by a beginning of it ("#3f9a12*").
  std::vector<std::string> tokens_of(std::string_view value) const;

 private:
  HmacSha256 hmac_;
};

}  // namespace rowledger::api
