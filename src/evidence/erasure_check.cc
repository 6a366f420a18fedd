#include "evidence/erasure_check.h"

#include <algorithm>

#include "evidence/bundle_check.h"
#include "record/erase_detail.h"

namespace rowledger::evidence {

void ErasureCheck::add(uint64_t bundle, const ValueCounts& counts) {
  for (const Seq seq : counts.erased_seqs) erased_.set(seq.value);
  if (!counts.erased_seqs.empty()) bundles_.push_back(bundle);
  told_.insert(counts.told_keys.begin(), counts.told_keys.end());
}

void ErasureCheck::add_keys(const std::vector<privacy::KeyId>& keys) {
  for (const privacy::KeyId key : keys) told_.insert(key.value);
}

// Those that came in meanwhile, and what the next one will tell. In this order, since the list is emptied by the entry
// that tells of it.
Status ErasureCheck::add_newer_orders() {
  RL_ASSIGN(const auto untold, store_.untold_keys());
  add_keys(untold);
  RL_ASSIGN(const auto lost, store_.lost_keys());
  add_keys(lost);
  return store_.scan({{end_}, store_.end()}, [&](const record::OwnedEntry& entry) {
    if (entry.header().kind != record::EntryKind::kErase || entry.values() != record::Values::kHere) return true;
    const auto keys = record::keys_destroyed(entry.body().detail);
    told_.insert(keys.begin(), keys.end());
    return true;
  });
}

Status ErasureCheck::finish() {
  if (bundles_.empty()) return {};
  RL_TRY(add_newer_orders());
  for (const uint64_t bundle : bundles_) {
    const store::SeqRange range{{bundle * kBundle}, {std::min(end_, (bundle + 1) * kBundle)}};
    RL_TRY(store_.scan_keys(range, [&](Seq seq, privacy::KeyId key) {
      if (erased_.has(seq.value) && !told_.contains(key.value))
        findings_.add(seq, "its values' key was destroyed, but no entry says that they were erased");
    }));
  }
  return {};
}

}  // namespace rowledger::evidence
