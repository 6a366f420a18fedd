#pragma once
// Values are gone only where the log says so: each key that was destroyed is named by an entry of kind `erase`. Private
// to the room; one thread.
#include <cstdint>
#include <unordered_set>
#include <vector>

#include "base/result.h"
#include "evidence/chain_check.h"
#include "evidence/findings.h"
#include "evidence/value_check.h"
#include "store/store.h"

namespace rowledger::evidence {

class ErasureCheck {
 public:
  ErasureCheck(const store::Store& store, uint64_t first, uint64_t end, FindingList& findings)
      : store_(store), end_(end), findings_(findings), erased_(first, end) {}

  // Of each bundle, in order.
  void add(uint64_t bundle, const ValueCounts& counts);
  // After the last. Of the entries before the first bundle nothing needs to be known: what erases an entry's values
  // comes after it.
  Status finish();

 private:
  Status add_newer_orders();
  void add_keys(const std::vector<privacy::KeyId>& keys);

  const store::Store& store_;
  const uint64_t end_;
  FindingList& findings_;
  SeqBits erased_;
  std::vector<uint64_t> bundles_;  // with erased entries, ascending
  std::unordered_set<uint64_t> told_;
};

}  // namespace rowledger::evidence
