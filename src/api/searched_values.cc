#include "api/searched_values.h"

#include "query/search.h"
#include "store/terms.h"

namespace rowledger::api {
namespace {

constexpr size_t kTokenBytes = 3;
// Nobody looks for a longer beginning.
constexpr size_t kMaxBeginningBytes = 256;

}  // namespace

SearchedValues::SearchedValues(std::string_view token_key)
    : hmac_(as_view(HmacSha256(token_key)("rowledger searched values v1"))) {}

std::string SearchedValues::token(std::string_view value) const {
  return "#" + to_hex(as_view(hmac_(store::normalise(value))).substr(0, kTokenBytes));
}

std::string SearchedValues::recorded(std::string_view search) const {
  return query::with_values_replaced(search, [this](std::string_view value) { return token(value); })
      .value_or(token(search));
}

std::vector<std::string> SearchedValues::tokens_of(std::string_view value) const {
  std::vector<std::string> out{token(value)};
  const std::string whole = store::normalise(value);
  for (size_t size = 1; size <= std::min(whole.size(), kMaxBeginningBytes); ++size)
    out.push_back(token(std::string_view(whole).substr(0, size)) + "*");
  return out;
}

}  // namespace rowledger::api
