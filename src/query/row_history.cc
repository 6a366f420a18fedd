// One row's history: a walk along the links, no index needed.
#include <algorithm>
#include <queue>

#include "query/reader.h"
#include "query/row_chain.h"
#include "store/terms.h"

namespace rowledger::query {
namespace {

using record::OwnedEntry;
using store::Dimension;
using store::Filter;

// A link still to be followed. elsewhere: to what the row did under the key that it had before.
struct Link {
  Seq seq;
  Seq from;
  bool elsewhere;
  // The top of the heap is the newest; of two to the same entry the one that leads further.
  bool operator<(const Link& other) const { return seq != other.seq ? seq < other.seq : elsewhere && !other.elsewhere; }
};

class HistoryWalk {
 public:
  HistoryWalk(const store::Store& store, const RowPlace& place) : store_(store), place_(place) {}

  void start_at(Seq newest) { links_.push({newest, Seq{UINT64_MAX}, false}); }
  Status start_after(const record::Entry& entry) {
    follow(entry, false);
    RL_ASSIGN(gap_, gap_before(store_, entry));
    return {};
  }

  // Newest first, each entry once.
  Result<std::optional<OwnedEntry>> next() {
    if (gap_) {
      std::optional<OwnedEntry> gap = std::move(gap_);
      gap_.reset();
      return gap;
    }
    // A row that went from key to key and back is reached along both of its links.
    while (true) {
      while (!links_.empty() && links_.top().seq == last_) links_.pop();
      if (links_.empty()) return std::optional<OwnedEntry>();
      const Link link = links_.top();
      links_.pop();
      RL_ASSIGN(std::optional<OwnedEntry> entry, read_linked(store_, link.seq, link.from));
      last_ = link.seq;
      if (!entry) continue;
      follow(entry->entry(), link.elsewhere);
      RL_ASSIGN(gap_, gap_before(store_, entry->entry()));
      return entry;
    }
  }

 private:
  void follow(const record::Entry& entry, bool elsewhere) {
    const record::EntryHeader& header = entry.header;
    const Effect effect = effect_at(entry, place_.key);
    // What stood under the row's former key before the row appeared there is another row's story.
    if (elsewhere && effect == Effect::kAppears) return;
    const bool arrived_here = !elsewhere && effect == Effect::kArrives;
    if (header.prev) links_.push({*header.prev, header.seq, elsewhere || arrived_here});
    if (arrived_here && header.prev_at_key) links_.push({*header.prev_at_key, header.seq, false});
  }

  const store::Store& store_;
  const RowPlace& place_;
  std::priority_queue<Link> links_;
  std::optional<OwnedEntry> gap_;
  std::optional<Seq> last_;
};

Filter term_filter(Dimension dimension, std::string value) {
  return {Filter::Op::kTerm, {dimension, std::move(value)}, {}};
}

// Whether a row may have come to this key, or left it, in an entry newer than `seq`: then more than one
// chain has to be followed from the newest entry on. A move is an update of a column of the key.
Result<bool> may_have_moved_after(const store::Store& store, const RowPlace& place, Seq seq) {
  std::vector<record::KeyPart> parts;
  for (const std::string& part : place.key) parts.push_back({"", part});
  Filter columns{Filter::Op::kOr};
  for (const record::Column& column : place.versions.back().columns)
    if (column.is_key) columns.children.push_back(term_filter(Dimension::kField, column.name));
  const Filter moves{Filter::Op::kAnd,
                     {},
                     {term_filter(Dimension::kTable, place.table_name), term_filter(Dimension::kKind, "update"),
                      columns, term_filter(Dimension::kKey, store::key_text(parts))}};
  const uint64_t ranges = (store.end().value + store::Store::kIndexRange - 1) / store::Store::kIndexRange;
  for (uint64_t range = seq.value / store::Store::kIndexRange; range < ranges; ++range) {
    RL_ASSIGN(const std::vector<Seq> found, store.candidates(range, moves));
    if (!found.empty() && found.back() >= seq) return true;
  }
  return false;
}

}  // namespace

Result<RowHistoryPage> Reader::history(std::string_view table, std::string_view key, std::optional<Seq> before,
                                       size_t limit) const {
  RL_ASSIGN(const RowPlace place, find_place(store_, table, key));
  RowHistoryPage page;
  RL_ASSIGN(const std::optional<store::RowState> state, store_.row(place.table, place.encoded_key));
  if (!state || limit == 0) return page;
  HistoryWalk walk(store_, place);
  bool resumed = false;
  if (before) {
    // The page before ended at this entry, so that a long history is not walked again from its top.
    RL_ASSIGN(const std::optional<OwnedEntry> last, store_.read(*before));
    if (last && last->header().table == place.table_name && record::is_change(last->header().kind) &&
        key_is(last->body().key, place.key)) {
      RL_ASSIGN(const bool moved, may_have_moved_after(store_, place, *before));
      resumed = !moved;
      if (resumed) RL_TRY(walk.start_after(last->entry()));
    }
  }
  if (!resumed) walk.start_at(state->newest);
  while (true) {
    RL_ASSIGN(std::optional<OwnedEntry> entry, walk.next());
    if (!entry) return page;
    if (before && entry->header().seq >= *before) continue;
    if (page.entries.size() == limit) {
      page.next = page.entries.back().header().seq;
      return page;
    }
    page.entries.push_back(std::move(*entry));
  }
}

}  // namespace rowledger::query
