#pragma once
// What is wrong with a log: a bounded list, the earliest entries first. Private to the room. Any thread.
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "evidence/verify.h"

namespace rowledger::evidence {

class FindingList {
 public:
  // seq: nothing when it concerns no entry in particular.
  void add(std::optional<Seq> seq, std::string what) {
    std::lock_guard lock(mutex_);
    ++total_;
    kept_.emplace(seq ? seq->value : UINT64_MAX, Finding{seq, std::move(what)});
    if (kept_.size() > kMaxFindings) kept_.erase(std::prev(kept_.end()));
  }

  uint64_t total() const {
    std::lock_guard lock(mutex_);
    return total_;
  }
  std::vector<Finding> take() {
    std::lock_guard lock(mutex_);
    std::vector<Finding> out;
    for (auto& [seq, finding] : kept_) out.push_back(std::move(finding));
    return out;
  }

 private:
  mutable std::mutex mutex_;
  uint64_t total_ = 0;
  std::multimap<uint64_t, Finding> kept_;
};

}  // namespace rowledger::evidence
