#include "evidence/bundle_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "ledger/tile.h"

namespace rowledger::evidence {
namespace {

using record::EntryHeader;
using record::EntryKind;

// Errors of the log itself become findings, so that one damaged place does not hide the others.
template <class T>
bool is_finding(const Result<T>& result) {
  return !result && result.error().code == ErrorCode::kCorrupt;
}

void take_tenant(const EntryHeader& header, Seq seq, BundleFacts& facts, FindingList& findings) {
  const auto known = std::find_if(facts.tenants.rbegin(), facts.tenants.rend(),
                                  [&](const TenantRun& run) { return run.tenant == header.tenant; });
  if (known == facts.tenants.rend()) {
    facts.tenants.push_back({std::string(header.tenant), seq.value, header.tenant_seq, header.tenant_seq + 1});
    return;
  }
  if (header.tenant_seq != known->next)
    findings.add(seq, fmt::format("its number among its tenant's entries is {}, where {} comes next", header.tenant_seq,
                                  known->next));
  known->next = header.tenant_seq + 1;
}

// Entries that say how their row stands now. A gap without a link only says that something was missed.
bool ends_chain(const EntryHeader& header) {
  return record::is_change(header.kind) || header.kind == EntryKind::kBaseline ||
         (header.kind == EntryKind::kGap && header.prev);
}

void take_header(const EntryHeader& header, Seq seq, BundleFacts& facts, FindingList& findings) {
  if (header.seq != seq)
    findings.add(seq, fmt::format("stands at this place, but says that it is entry {}", header.seq.value));
  const uint64_t ref = short_ref(header.row_ref);
  facts.refs.push_back(ref);
  facts.ends_chain.push_back(ref != 0 && ends_chain(header));
  for (const bool at_key : {false, true}) {
    const std::optional<Seq>& to = at_key ? header.prev_at_key : header.prev;
    if (!to) continue;
    if (*to >= seq) {
      findings.add(seq, fmt::format("links to entry {}, which does not stand before it", to->value));
    } else if (ref == 0) {
      findings.add(seq, "links to a row's earlier entry, but is of no row");
    } else {
      facts.links.push_back({seq.value, to->value, ref, at_key});
    }
  }
  if (!header.tenant.empty()) take_tenant(header, seq, facts, findings);
}

// Which entries are others than the tile says.
void compare_with_tile(Seq first, std::string_view tile, const BundleFacts& facts, FindingList& findings) {
  for (size_t i = 0; i < kBundle; ++i)
    if (ledger::digest_at(tile, i) != ledger::digest_at(facts.leaf_hashes, i))
      findings.add(Seq{first.value + i}, fmt::format("is not what was recorded: its hash is not the one in {}",
                                                     ledger::tile_path({0, first.value / kBundle})));
}

}  // namespace

uint64_t short_ref(const record::Ref& ref) {
  uint64_t out;
  std::memcpy(&out, ref.data(), sizeof(out));
  // A reference that begins with zeros is still one.
  if (out == 0 && ref != record::Ref{}) return 1;
  return out;
}

Result<BundleFacts> check_bundle(const store::Store& store, Seq first, uint32_t count, FindingList& findings) {
  const auto headers = store.headers(first, count);
  if (is_finding(headers)) {
    findings.add(first, fmt::format("entries {} to {} cannot be read: {}", first.value, first.value + count - 1,
                                    headers.error().message));
    BundleFacts out;
    if (count == kBundle) {
      RL_ASSIGN(out, believe_tile(store, first, findings));
    }
    out.readable = false;
    return out;
  }
  if (!headers) return fail(headers.error());
  BundleFacts facts;
  facts.refs.reserve(count);
  for (uint32_t i = 0; i < count; ++i) {
    const Seq seq{first.value + i};
    facts.leaf_hashes.append(as_view(ledger::leaf_hash((*headers)[i])));
    const auto header = record::decode_header((*headers)[i]);
    if (header) {
      take_header(*header, seq, facts, findings);
    } else {
      findings.add(seq, header.error().message);
      facts.refs.push_back(0);
      facts.ends_chain.push_back(false);
    }
  }
  if (count < kBundle) return facts;
  facts.root = ledger::subtree_root(facts.leaf_hashes);
  const auto tile = ledger::read_full_tile(store.tiles(), {0, first.value / kBundle});
  if (tile) {
    if (*tile != facts.leaf_hashes) compare_with_tile(first, *tile, facts, findings);
  } else if (is_finding(tile)) {
    findings.add(first, tile.error().message);
  } else {
    return fail(tile.error());
  }
  ++facts.tiles;
  return facts;
}

Result<BundleFacts> believe_tile(const store::Store& store, Seq first, FindingList& findings) {
  BundleFacts facts;
  const auto tile = ledger::read_full_tile(store.tiles(), {0, first.value / kBundle});
  if (tile) {
    facts.root = ledger::subtree_root(*tile);
    ++facts.tiles;
  } else if (is_finding(tile)) {
    findings.add(first, tile.error().message);
  } else {
    return fail(tile.error());
  }
  return facts;
}

}  // namespace rowledger::evidence
