#pragma once
// Which tokens a finished range of the index does not have, in one small record (docs/format/store.md): a search in all
// tenants asks for a token of each, of which hardly any is there. No database here.
#include <string>
#include <string_view>

#include "store/range_index.h"

namespace rowledger::store {

class TokenFilter {
 public:
  // For about so many tokens: two bits and more for each.
  explicit TokenFilter(size_t tokens);
  void add(Token token);
  // Bytes as stored.
  const std::string& record() const { return record_; }

 private:
  std::string record_;
};

// False: no such token was added. kCorrupt when the record is none.
Result<bool> may_have(std::string_view filter, Token token);

}  // namespace rowledger::store
