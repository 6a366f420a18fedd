#pragma once
// The links between the entries of a row: each names an earlier entry of the same row. Private to the room; one thread.
#include <cstdint>
#include <vector>

#include "base/result.h"
#include "evidence/bundle_check.h"
#include "evidence/findings.h"

namespace rowledger::evidence {

// One bit for each of the entries from `first` on.
class SeqBits {
 public:
  SeqBits(uint64_t first, uint64_t end) : first_(first), words_((end - first + 63) / 64) {}
  bool has(uint64_t seq) const {
    return seq >= first_ && (words_[(seq - first_) / 64] >> (seq - first_) % 64 & 1) != 0;
  }
  void set(uint64_t seq) {
    if (seq >= first_) words_[(seq - first_) / 64] |= uint64_t{1} << (seq - first_) % 64;
  }
  void clear(uint64_t seq) {
    if (seq >= first_) words_[(seq - first_) / 64] &= ~(uint64_t{1} << (seq - first_) % 64);
  }
  template <class Visit>
  void for_each(const Visit& visit) const {
    for (size_t i = 0; i < words_.size(); ++i)
      for (uint64_t word = words_[i]; word != 0; word &= word - 1)
        visit(first_ + i * 64 + static_cast<uint64_t>(__builtin_ctzll(word)));
  }

 private:
  const uint64_t first_;
  std::vector<uint64_t> words_;
};

// Entries are added bundle by bundle, in order. The rows of the newest kRecent ones are remembered; links further back
// are collected and looked up together, in the order of where they lead, so that a bundle is read once for many.
class ChainCheck {
 public:
  ChainCheck(const store::Store& store, bool values, uint64_t first, uint64_t end, FindingList& findings);

  Status add(uint64_t first, const BundleFacts& facts);
  Status finish();

  // The entries that are their row's newest ones.
  const SeqBits& ends() const { return ends_; }
  uint64_t links() const { return links_; }
  uint64_t links_unproven() const { return unproven_; }

 private:
  static constexpr size_t kRecent = 1 << 20, kMaxFar = 1 << 18, kMaxCrossing = 1 << 12;

  void check(const Link& link, uint64_t ref_there);
  Status check_far();
  Status check_crossing();
  Status check_crossing(const Link& link);

  const store::Store& store_;
  const bool values_;
  const uint64_t first_;
  FindingList& findings_;
  SeqBits ends_;
  std::vector<uint64_t> recent_;  // refs, at seq % kRecent
  std::vector<Link> far_;
  std::vector<Link> crossing_;  // between entries of different keys: a row moved
  uint64_t links_ = 0, unproven_ = 0;
};

}  // namespace rowledger::evidence
