#include "evidence/value_check.h"

#include "record/erase_detail.h"

namespace rowledger::evidence {
namespace {

using record::OwnedEntry;
using record::Values;

constexpr char kOtherValues[] = "its values are not those that were recorded: they do not give its commitment";

// False: they are others.
bool count_entry(const OwnedEntry& entry, ValueCounts& counts) {
  switch (entry.values()) {
    case Values::kErased: counts.erased_seqs.push_back(entry.header().seq); return true;
    case Values::kLocked: ++counts.locked; return true;
    case Values::kHere: break;
  }
  if (record::commitment_of(entry.salt(), entry.body_bytes()) != entry.header().commitment) return false;
  ++counts.proven;
  if (entry.header().kind == record::EntryKind::kErase) {
    const auto keys = record::keys_destroyed(entry.body().detail);
    counts.told_keys.insert(counts.told_keys.end(), keys.begin(), keys.end());
  }
  return true;
}

// After a bundle could not be read through: which of its entries cannot.
Status check_one_by_one(const store::Store& store, Seq first, uint32_t count, ValueCounts& counts,
                        FindingList& findings) {
  for (uint64_t seq = first.value; seq < first.value + count; ++seq) {
    const auto entry = store.read({seq});
    if (entry && *entry) {
      if (!count_entry(**entry, counts)) findings.add(Seq{seq}, kOtherValues);
    } else if (entry) {
      findings.add(Seq{seq}, "is missing");
    } else if (entry.error().code == ErrorCode::kCorrupt) {
      findings.add(Seq{seq}, "cannot be read: " + entry.error().message);
    } else {
      return fail(entry.error());
    }
  }
  return {};
}

}  // namespace

Result<ValueCounts> check_values(const store::Store& store, Seq first, uint32_t count, FindingList& findings) {
  ValueCounts counts;
  std::vector<Seq> wrong;
  const Status scanned = store.scan({first, {first.value + count}}, [&](const OwnedEntry& entry) {
    if (!count_entry(entry, counts)) wrong.push_back(entry.header().seq);
    return true;
  });
  if (scanned) {
    for (const Seq seq : wrong) findings.add(seq, kOtherValues);
    return counts;
  }
  if (scanned.error().code != ErrorCode::kCorrupt) return fail(scanned.error());
  counts = {};
  RL_TRY(check_one_by_one(store, first, count, counts, findings));
  return counts;
}

}  // namespace rowledger::evidence
