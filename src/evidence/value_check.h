#pragma once
// An entry's values are those that its header committed to. Private to the room.
#include <vector>

#include "evidence/findings.h"
#include "store/store.h"

namespace rowledger::evidence {

struct ValueCounts {
  uint64_t proven = 0, locked = 0;
  std::vector<Seq> erased_seqs;
  std::vector<uint64_t> told_keys;  // that its entries of kind `erase` say they destroyed
};

// Of the entries of one bundle. An error is one that kept it from looking.
Result<ValueCounts> check_values(const store::Store& store, Seq first, uint32_t count, FindingList& findings);

}  // namespace rowledger::evidence
