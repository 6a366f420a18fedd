#include "api/coverage.h"

#include <string>

namespace rowledger::api {
namespace {

using store::Dimension;
using store::Filter;

Filter term(Dimension dimension, std::string_view value) {
  return {Filter::Op::kTerm, {dimension, std::string(value)}, {}};
}

Filter any_change() {
  return {Filter::Op::kOr,
          {},
          {term(Dimension::kKind, to_string(record::EntryKind::kInsert)),
           term(Dimension::kKind, to_string(record::EntryKind::kUpdate)),
           term(Dimension::kKind, to_string(record::EntryKind::kDelete))}};
}

constexpr uint64_t ranges_for(Seq end) {
  return (end.value + store::Store::kIndexRange - 1) / store::Store::kIndexRange;
}

}  // namespace

Result<CoverageCounts> Coverage::count_range(uint64_t range) const {
  CoverageCounts out;
  const auto count = [&](record::Trust trust, uint64_t& into) -> Status {
    Filter filter;  // filled so because gcc 12 takes its initialisation at once for none
    filter.op = Filter::Op::kAnd;
    filter.children.push_back(any_change());
    filter.children.push_back(term(Dimension::kTrust, to_string(trust)));
    RL_ASSIGN(const auto seqs, store_.candidates(range, filter));
    into = seqs.size();
    out.changes += into;
    return {};
  };
  RL_TRY(count(record::Trust::kVerified, out.verified));
  RL_TRY(count(record::Trust::kClaimed, out.claimed));
  RL_TRY(count(record::Trust::kDatabase, out.database));
  RL_TRY(count(record::Trust::kUnknown, out.unknown));
  return out;
}

Result<CoverageCounts> Coverage::count() {
  const Seq end = store_.end();
  const uint64_t last = ranges_for(end), first = last > kRanges ? last - kRanges : 0;
  CoverageCounts sum;
  sum.since = {first * store::Store::kIndexRange};
  std::lock_guard lock(mutex_);
  full_.erase(full_.begin(), full_.lower_bound(first));
  for (uint64_t range = first; range < last; ++range) {
    auto known = full_.find(range);
    CoverageCounts counts;
    if (known != full_.end()) {
      counts = known->second;
    } else {
      RL_ASSIGN(counts, count_range(range));
      if ((range + 1) * store::Store::kIndexRange <= end.value) full_.emplace(range, counts);
    }
    sum.changes += counts.changes;
    sum.verified += counts.verified;
    sum.claimed += counts.claimed;
    sum.database += counts.database;
    sum.unknown += counts.unknown;
  }
  return sum;
}

Result<uint64_t> Coverage::gaps() {
  const Seq end = store_.end();
  const Filter filter = term(Dimension::kKind, to_string(record::EntryKind::kGap));
  std::lock_guard lock(mutex_);
  uint64_t sum = gaps_;
  for (uint64_t range = gap_ranges_, last = ranges_for(end); range < last; ++range) {
    RL_ASSIGN(const auto seqs, store_.candidates(range, filter));
    sum += seqs.size();
    if ((range + 1) * store::Store::kIndexRange > end.value) continue;
    gap_ranges_ = range + 1;
    gaps_ = sum;
  }
  return sum;
}

}  // namespace rowledger::api
