#pragma once
// How many changes are known to be whose: the index's bitmaps counted per trust.
#include <array>
#include <map>
#include <mutex>

#include "base/result.h"
#include "store/store.h"

namespace rowledger::api {

struct CoverageCounts {
  Seq since;  // the changes from here on are counted
  uint64_t changes = 0, verified = 0, claimed = 0, database = 0, unknown = 0;
};

// Safe from any thread.
class Coverage {
 public:
  explicit Coverage(const store::Store& store) : store_(store) {}

  // Over the newest kRanges ranges of the index. A range that is full cannot change any more, and is
  // counted once.
  Result<CoverageCounts> count();
  // In the whole log; full ranges are counted once here, too.
  Result<uint64_t> gaps();

 private:
  static constexpr uint64_t kRanges = 64;
  Result<CoverageCounts> count_range(uint64_t range) const;

  const store::Store& store_;
  std::mutex mutex_;
  std::map<uint64_t, CoverageCounts> full_;
  uint64_t gap_ranges_ = 0, gaps_ = 0;  // so many first ranges have so many gaps
};

}  // namespace rowledger::api
