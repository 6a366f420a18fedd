#include "base/check.h"
#include "store/store.h"
#include "store/terms.h"

namespace rowledger::store {

size_t Batch::add(const record::Entry& entry) {
  CHECK(items_.empty() || items_.back().seq.value + 1 == entry.header.seq.value);
  const size_t before = arena_.size();
  Item item;
  item.seq = entry.header.seq;
  item.committed_at = entry.header.tx ? entry.header.tx->committed_at : entry.header.received_at;
  if (entry.header.tx) item.xid = entry.header.tx->xid;
  item.kind = entry.header.kind;
  item.key_moved = !entry.body.old_key.empty();
  item.expires =
      !entry.body.key.empty() || !entry.body.subject.empty() || entry.header.kind == record::EntryKind::kAccess;
  const Item* const previous = items_.empty() ? nullptr : &items_.back();
  item.table = keep_name(entry.header.table, previous != nullptr ? previous->table : Name{});
  item.tenant = keep_name(entry.header.tenant, previous != nullptr ? previous->tenant : Name{});
  item.subject = keep_name(entry.body.subject, {});

  item.body_at = arena_.size();
  record::encode_body(entry.body, arena_);
  item.body_size = arena_.size() - item.body_at;
  item.header_at = arena_.size();
  record::encode_header(entry.header, arena_);
  item.header_size = arena_.size() - item.header_at;

  collect_terms(entry, item);
  if (!entry.header.tenant.empty()) advance_tenant(entry.header.tenant, entry.header.tenant_seq + 1);
  items_.push_back(item);
  return arena_.size() - before;
}

void Batch::add_terms(const record::Entry& entry) {
  Item item;
  item.seq = entry.header.seq;
  item.committed_at = entry.header.tx ? entry.header.tx->committed_at : entry.header.received_at;
  if (entry.header.tx) item.xid = entry.header.tx->xid;
  item.kind = entry.header.kind;
  collect_terms(entry, item);
  items_.push_back(item);
}

// Most terms of an entry are those of the entry before it, in the same place: these are not stored
// again, so that append() sees by their position that it knows them.
void Batch::collect_terms(const record::Entry& entry, Item& item) {
  const size_t previous_at = items_.empty() ? 0 : items_.back().terms_at;
  const size_t previous_end = items_.empty() ? 0 : previous_at + items_.back().terms_count;
  size_t previous = previous_at;
  item.terms_at = terms_.size();
  for_each_term(entry, [&](Dimension dimension, std::string_view value) {
    if (previous < previous_end) {
      const TermRef& candidate = terms_[previous++];
      if (candidate.dimension == dimension && term_value(candidate) == value) {
        terms_.push_back(TermRef(candidate));
        return;
      }
    }
    terms_arena_.push_back(static_cast<char>(dimension));
    CHECK(terms_arena_.size() < UINT32_MAX - value.size());
    const auto at = static_cast<uint32_t>(terms_arena_.size());
    terms_arena_.append(value);
    terms_.push_back({dimension, at, static_cast<uint32_t>(value.size())});
  });
  item.terms_count = terms_.size() - item.terms_at;
}

// Consecutive entries mostly have one table and one tenant.
Batch::Name Batch::keep_name(std::string_view name, Name previous) {
  if (previous.size != 0 && this->name(previous) == name) return previous;
  const Name out{names_.size(), name.size()};
  names_.append(name);
  return out;
}

void Batch::advance_tenant(std::string_view tenant, uint64_t next) {
  if (last_tenant_ >= tenants_.size() || tenants_[last_tenant_].first != tenant) {
    const auto [at, is_new] = tenant_index_.try_emplace(std::string(tenant), tenants_.size());
    if (is_new) tenants_.emplace_back(std::string(tenant), 0);
    last_tenant_ = at->second;
  }
  tenants_[last_tenant_].second = next;
}

void Batch::clear() {
  arena_.clear();
  names_.clear();
  terms_arena_.clear();
  items_.clear();
  terms_.clear();
  state_.clear();
  schemas_.clear();
  cursor_.reset();
  meta_.clear();
  tenants_.clear();
  tenant_index_.clear();
  last_tenant_ = 0;
}

}  // namespace rowledger::store
