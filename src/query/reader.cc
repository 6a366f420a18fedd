#include "query/reader.h"

#include <algorithm>

#include "query/search_ast.h"

namespace rowledger::query {
namespace {

using record::OwnedEntry;
using store::SeqRange;
using store::Store;

// More actors than this are not looked through for a word of a name; the search reads entries instead.
constexpr size_t kMaxActors = 20'000;

// Reads single entries, at `seqs` in the order given; Store::read keeps the bundle of the last one.
Status visit_each(const Store& store, const Reader::Matches& matches, const std::vector<Seq>& seqs, bool& go_on,
                  const std::function<bool(const OwnedEntry&)>& visit) {
  for (const Seq seq : seqs) {
    RL_ASSIGN(const std::optional<OwnedEntry> entry, store.read(seq));
    if (!entry && store.is_whole())
      return fail(ErrorCode::kCorrupt, "entry " + std::to_string(seq.value) + " is missing from the log");
    if (entry && matches(*entry) && !visit(*entry)) {
      go_on = false;
      return {};
    }
  }
  return {};
}

}  // namespace

Status Reader::search(const Search& search, Order order, std::optional<Seq> from,
                      const std::function<bool(const OwnedEntry&)>& visit) const {
  return this->search(
      search, order, from, [&](const OwnedEntry& entry) { return search.matches(entry.entry()); }, visit);
}

Status Reader::search(const Search& search, Order order, std::optional<Seq> from, const Matches& matches,
                      const std::function<bool(const OwnedEntry&)>& visit) const {
  // The end comes first: what is appended after it may have actors that are not in the list below.
  SeqRange bounds{{0}, store_.end()};
  store::Filter filter = search.filter();
  if (search.names_actors()) {
    RL_ASSIGN(std::vector<std::string> terms, store_.values_of(store::Dimension::kActor, kMaxActors));
    if (terms.size() < kMaxActors) {
      std::vector<KnownActor> actors;
      for (std::string& term : terms) {
        KnownActor& actor = actors.emplace_back(KnownActor{std::move(term), {}});
        if (!names_of_) continue;
        RL_ASSIGN(actor.names, names_of_(actor.term));
      }
      filter = search.filter(actors);
    }
  }
  if (filter.op == store::Filter::Op::kNone) return {};
  if (search.from() || search.to()) {
    RL_ASSIGN(const SeqRange timely, store_.seqs_between(search.from(), search.to()));
    bounds = {std::max(bounds.begin, timely.begin), std::min(bounds.end, timely.end)};
  }
  const bool newest_first = order == Order::kNewestFirst;
  if (from && newest_first)
    bounds.end = std::min(bounds.end, Seq{from->value == UINT64_MAX ? UINT64_MAX : from->value + 1});
  if (from && !newest_first) bounds.begin = std::max(bounds.begin, *from);
  if (bounds.begin >= bounds.end) return {};

  const uint64_t first = bounds.begin.value / Store::kIndexRange;
  const uint64_t last = (bounds.end.value - 1) / Store::kIndexRange;
  bool go_on = true;
  for (uint64_t i = 0; i <= last - first && go_on; ++i) {
    RL_ASSIGN(std::vector<Seq> seqs, store_.candidates(newest_first ? last - i : first + i, filter));
    std::erase_if(seqs, [&](Seq seq) { return seq < bounds.begin || seq >= bounds.end; });
    if (newest_first) std::ranges::reverse(seqs);
    RL_TRY(visit_each(store_, matches, seqs, go_on, visit));
  }
  return {};
}

namespace {

// The first seq whose transaction committed after the LSN; commit LSNs only grow along the log. Entries
// without a transaction stand where the next one with a transaction does.
Result<Seq> first_after(const Store& store, Lsn lsn) {
  uint64_t low = 0, high = store.end().value;  // all before low are at or before lsn; all from high on, after it
  while (low < high) {
    const uint64_t middle = low + (high - low) / 2;
    uint64_t probed = high;
    bool is_after = false;
    RL_TRY(store.scan({{middle}, {high}}, [&](const OwnedEntry& entry) {
      if (!entry.header().tx) return true;
      probed = entry.header().seq.value;
      is_after = entry.header().tx->commit_lsn > lsn;
      return false;
    }));
    // Only entries without a transaction: they belong to what follows them.
    if (probed == high || is_after) {
      high = middle;
    } else {
      low = probed + 1;
    }
  }
  return Seq{low};
}

// One past the last entry that was committed at or before the time. Clocks may step, so that this need
// not be where the first later one stands.
Result<Seq> first_after(const Store& store, Timestamp time) {
  RL_ASSIGN(const SeqRange range, store.seqs_between(std::nullopt, time));
  constexpr uint64_t kStep = 256;
  uint64_t end = std::min(range.end, store.end()).value;
  while (end > range.begin.value) {
    const uint64_t begin = end - range.begin.value > kStep ? end - kStep : range.begin.value;
    std::optional<Seq> found;
    RL_TRY(store.scan({{begin}, {end}}, [&](const OwnedEntry& entry) {
      if (time_of(entry.header()) <= time) found = entry.header().seq;
      return true;
    }));
    if (found) return Seq{found->value + 1};
    end = begin;
  }
  return Seq{end};
}

std::optional<uint64_t> parse_seq(std::string_view text) {
  if (text.empty() || text.size() > 18) return std::nullopt;
  uint64_t value = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return std::nullopt;
    value = value * 10 + static_cast<uint64_t>(c - '0');
  }
  return value;
}

}  // namespace

Result<Moment> Reader::moment(std::string_view when, Timestamp now) const {
  if (when.starts_with("seq:")) {
    const auto seq = parse_seq(when.substr(4));
    if (!seq)
      return fail(ErrorCode::kInvalid, "\"" + std::string(when) + "\" is no position in the log; write seq:1207");
    const Seq end = store_.end();
    if (*seq >= end.value) return fail(ErrorCode::kNotFound, "the log has no entry " + std::to_string(*seq) + " yet");
    return Moment{Seq{*seq + 1}};
  }
  if (when.starts_with("lsn:")) {
    const auto lsn = Lsn::parse(when.substr(4));
    if (!lsn) return fail(ErrorCode::kInvalid, "\"" + std::string(when) + "\" is no WAL position; write lsn:0/16B3748");
    RL_ASSIGN(const Seq before, first_after(store_, *lsn));
    return Moment{before};
  }
  if (when == "now") return Moment{store_.end()};
  const auto time = parse_moment(when, now);
  if (!time)
    return fail(ErrorCode::kInvalid, "\"" + std::string(when) +
                                         "\" is no moment; write 2026-08-01, 2026-08-01T10:00+05:30, now, now-2d "
                                         "(s, m, h, d, w), lsn:0/16B3748 or seq:1207");
  RL_ASSIGN(const Seq before, first_after(store_, *time));
  return Moment{before};
}

}  // namespace rowledger::query
