#pragma once
// What one bundle's headers say, looked at by itself: hashes, order, links and counters. Private to the room.
#include <cstdint>
#include <string>
#include <vector>

#include "base/crypto.h"
#include "base/result.h"
#include "evidence/findings.h"
#include "store/store.h"

namespace rowledger::evidence {

inline constexpr uint64_t kBundle = 256;

// From an entry to an earlier one of the same row (prev), or at the same key (prev_at_key).
struct Link {
  uint64_t from = 0, to = 0;
  uint64_t ref = 0;  // of the entry that it comes from
  bool at_key = false;
};

// How one tenant's numbers go on in the bundle.
struct TenantRun {
  std::string tenant;
  uint64_t first_seq = 0;  // the entry with its first number here
  uint64_t first = 0, next = 0;
};

struct BundleFacts {
  bool readable = true;          // else all but root is empty
  std::string leaf_hashes;       // 32 bytes each
  std::optional<Digest> root;    // of a full bundle
  std::vector<uint64_t> refs;    // of the entries' rows, shortened; 0: of no row
  std::vector<bool> ends_chain;  // entries that are a row's newest one until another names them
  std::vector<Link> links;
  std::vector<TenantRun> tenants;
  uint64_t tiles = 0;
};

// A full bundle's tile of level 0 is compared with the entries' hashes.
Result<BundleFacts> check_bundle(const store::Store& store, Seq first, uint32_t count, FindingList& findings);

// The same for a bundle whose entries are not to be looked at: its tile is believed.
Result<BundleFacts> believe_tile(const store::Store& store, Seq first, FindingList& findings);

uint64_t short_ref(const record::Ref& ref);

}  // namespace rowledger::evidence
