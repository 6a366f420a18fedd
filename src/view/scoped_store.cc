#include "view/scoped_store.h"

#include <algorithm>
#include <set>

namespace rowledger::view {
namespace {

using record::OwnedEntry;
using store::Filter;

// The entry without what its row had while it was another tenant's.
Result<OwnedEntry> without_old_values(const OwnedEntry& entry) {
  record::EntryBody body = entry.body();
  body.old_key.clear();
  for (record::FieldChange& change : body.changes)
    if (change.before.presence != record::Presence::kAbsent) change.before = record::Value::unknown();
  std::string bytes;
  record::encode_body(body, bytes);
  return OwnedEntry::decode(std::string(entry.header_bytes()), std::string(entry.salt()), std::move(bytes),
                            entry.values());
}

bool same_key(const std::vector<record::KeyPart>& a, const std::vector<record::KeyPart>& b) {
  return std::ranges::equal(a, b, {}, &record::KeyPart::value, &record::KeyPart::value);
}

}  // namespace

namespace {
tl::unexpected<Error> refused() {
  return fail(ErrorCode::kPermission, "a reader's part of the log cannot be written, and knows no keys");
}
}  // namespace

Status ScopedStore::append(const store::Batch&) { return refused(); }
Status ScopedStore::set_checkpoint(std::string_view) { return refused(); }
Result<uint64_t> ScopedStore::destroy_keys(const std::vector<store::Owner>&) { return refused(); }
Status ScopedStore::drop_tokens(std::string_view) { return refused(); }
Result<store::Store::KeySlots> ScopedStore::key_slots() const { return refused(); }
Status ScopedStore::scan_keys(store::SeqRange, const std::function<void(Seq, privacy::KeyId)>&) const {
  return refused();
}
Result<std::vector<privacy::KeyId>> ScopedStore::destroy_expired(const store::RetentionRules&, uint32_t, size_t) {
  return refused();
}
Result<std::vector<privacy::KeyId>> ScopedStore::untold_keys() const { return refused(); }
Status ScopedStore::drop_expired_tokens() { return refused(); }
Status ScopedStore::note_lost_keys(const std::vector<privacy::KeyId>&) { return refused(); }

Result<std::vector<privacy::KeyId>> ScopedStore::lost_keys() const { return refused(); }
Result<std::vector<privacy::KeyId>> ScopedStore::keys_of(const std::vector<store::Owner>&) const { return refused(); }
Result<store::Store::Trace> ScopedStore::trace_of(std::string_view, Seq) const { return refused(); }

Result<ScopedStore::Part> ScopedStore::part_of(const record::Entry& entry) const {
  if (!scope_.may_see(entry.header)) return Part::kNone;
  if (scope_.is_own(entry.header)) return scope_.came_from_elsewhere(entry) ? Part::kWithoutOld : Part::kWhole;
  if (Scope::concerns_everyone(entry)) return Part::kWhole;
  RL_ASSIGN(const bool own, is_about_next_change(entry));
  return own ? Part::kWhole : Part::kNone;
}

// Capture writes that changes of a row were missed directly before the change in which it noticed, and the gap itself
// does not say whose row it was.
Result<bool> ScopedStore::is_about_next_change(const record::Entry& gap) const {
  if (gap.header.kind != record::EntryKind::kGap || gap.body.key.empty() || !gap.body.changes.empty()) return false;
  RL_ASSIGN(const std::optional<OwnedEntry> next, whole_.read({gap.header.seq.value + 1}));
  if (!next || !record::is_change(next->header().kind) || !scope_.is_own(next->header())) return false;
  const record::EntryBody& body = next->body();
  return next->header().table == gap.header.table && !scope_.came_from_elsewhere(next->entry()) &&
         same_key(body.old_key.empty() ? body.key : body.old_key, gap.body.key);
}

Result<std::optional<OwnedEntry>> ScopedStore::read(Seq seq) const {
  RL_ASSIGN(std::optional<OwnedEntry> entry, whole_.read(seq));
  if (!entry) return entry;
  RL_ASSIGN(const Part part, part_of(entry->entry()));
  if (part == Part::kNone) return std::optional<OwnedEntry>();
  if (part == Part::kWhole) return entry;
  RL_ASSIGN(OwnedEntry rest, without_old_values(*entry));
  return std::optional<OwnedEntry>(std::move(rest));
}

Status ScopedStore::read(store::SeqRange range, ReadRange how, const VisitEntry& visit) const {
  Status inner;
  const auto look = [&](const OwnedEntry& entry) -> Result<bool> {
    RL_ASSIGN(const Part part, part_of(entry.entry()));
    if (part == Part::kNone) return true;
    if (part == Part::kWhole) return visit(entry);
    RL_ASSIGN(const OwnedEntry rest, without_old_values(entry));
    return visit(rest);
  };
  RL_TRY((whole_.*how)(range, [&](const OwnedEntry& entry) {
    Result<bool> go_on = look(entry);
    if (!go_on) inner = fail(std::move(go_on.error()));
    return go_on && *go_on;
  }));
  return inner;
}

Result<std::vector<Seq>> ScopedStore::candidates(uint64_t range, const Filter& filter) const {
  return whole_.candidates(range, {Filter::Op::kAnd, {}, {scope_.filter(), filter}});
}

Result<std::vector<std::string>> ScopedStore::values_of(store::Dimension dimension, size_t limit) const {
  std::vector<std::string> out;
  std::set<std::string, std::less<>> seen;
  for (uint64_t range = (end().value + kIndexRange - 1) / kIndexRange; range-- > 0 && out.size() < limit;) {
    RL_ASSIGN(const std::vector<Seq> seqs, whole_.candidates(range, scope_.own_filter()));
    RL_ASSIGN(const std::vector<Tally> values, whole_.tally(range, seqs, dimension));
    for (const Tally& tally : values)
      if (out.size() < limit && seen.insert(tally.value).second) out.push_back(tally.value);
  }
  return out;
}

Result<std::vector<store::Store::Tally>> ScopedStore::tally(uint64_t range, const std::vector<Seq>& seqs,
                                                            store::Dimension dimension) const {
  RL_ASSIGN(const std::vector<Seq> own, whole_.candidates(range, scope_.own_filter()));
  std::vector<Seq> both;
  std::ranges::set_intersection(seqs, own, std::back_inserter(both));
  return whole_.tally(range, both, dimension);
}

// By the newest entry of the row: what it is now, and whether it is deleted, is that entry's tenant's.
Result<bool> ScopedStore::is_own(const store::RowState& row) const {
  RL_ASSIGN(const std::optional<OwnedEntry> newest, whole_.read(row.newest));
  return newest && scope_.may_see(newest->header()) && scope_.is_own(newest->header());
}

Result<std::optional<store::RowState>> ScopedStore::row(TableId table, std::string_view key) const {
  RL_ASSIGN(std::optional<store::RowState> row, whole_.row(table, key));
  if (!row) return row;
  RL_ASSIGN(const bool own, is_own(*row));
  return own ? row : std::optional<store::RowState>();
}

Status ScopedStore::rows(TableId table, const std::vector<std::string_view>& keys,
                         const std::function<void(std::string_view, store::RowState&&)>& visit) const {
  Status inner;
  RL_TRY(whole_.rows(table, keys, [&](std::string_view key, store::RowState&& row) {
    const Result<bool> own = is_own(row);
    if (!own) inner = fail(own.error());
    if (own && *own) visit(key, std::move(row));
  }));
  return inner;
}

Status ScopedStore::scan_rows(TableId table, std::string_view from,
                              const std::function<bool(std::string_view, const store::RowState&)>& visit) const {
  Status inner;
  const auto owns = [&](const store::RowState& row) -> Result<bool> {
    if (const auto schema = whole_.schema(row.schema); schema != nullptr && !row.deleted && !row.erased)
      return scope_.owns_row(*schema, row);
    return is_own(row);
  };
  RL_TRY(whole_.scan_rows(table, from, [&](std::string_view key, const store::RowState& row) {
    const Result<bool> own = owns(row);
    if (!own) inner = fail(own.error());
    return own && (!*own || visit(key, row));
  }));
  return inner;
}

uint64_t ScopedStore::next_tenant_seq(std::string_view tenant) const {
  const auto& own = scope_.tenant();
  return !own || *own == tenant ? whole_.next_tenant_seq(tenant) : 0;
}

Result<std::vector<std::string>> ScopedStore::headers(Seq first, uint32_t count) const {
  RL_ASSIGN(std::vector<std::string> out, whole_.headers(first, count));
  for (const std::string& bytes : out) {
    RL_ASSIGN(const record::EntryHeader header, record::decode_header(bytes));
    if (!scope_.may_see(header)) return fail(ErrorCode::kNotFound, "there are no such entries");
  }
  return out;
}

}  // namespace rowledger::view
