// A search is refused with a place inside the text, or it is answered: then what the index is asked for must
// include every entry that matches.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "query/json_scan.h"
#include "query/search.h"
#include "store/terms.h"

namespace rowledger::query {
namespace {

using record::Entry;
using record::EntryKind;
using record::Value;
using record::ValueForm;

constexpr Timestamp kNow{1'795'426'201'123'456};

std::vector<Entry> entries() {
  Entry update;
  update.header.kind = EntryKind::kUpdate;
  update.header.table = "public.contacts";
  update.header.tenant = "1";
  update.header.trust = record::Trust::kClaimed;
  update.header.via = record::Via::kApp;
  update.header.flags = record::kBulk;
  update.header.tx = record::TxIdentity{42, 1, Lsn{0x16B'3748}, 7, 8'812, {kNow.us - 86'400'000'000}, {}};
  update.body.key = {{"id", "42"}};
  update.body.old_key = {{"id", "41"}};
  update.body.subject = "public.contacts/42";
  update.body.attribution = {"7",        "Priya R. Sharma",
                             "glific",   "glific_web",
                             "10.0.0.7", R"({"request_id":"F1a2","reason":"caller asked for it"})"};
  update.body.changes = {
      {"phone", ValueForm::kText, Value::of("919812345678"), Value::of("+91 98987 65432")},
      {"name", ValueForm::kText, Value::of("Asha Kumar"), Value::null()},
      {"score", ValueForm::kNumber, Value::of("30"), Value::of("7.5")},
      {"optin_time", ValueForm::kText, Value::unknown(), Value::of("2026-08-01 10:00:00")},
      {"fields", ValueForm::kJson, Value::of(R"({"age_group": {"value": "18 or below"}})"),
       Value::of(R"({"age_group": {"value": "19 or above"}, "tags": ["a", "cc"]})")},
  };
  Entry insert = update;
  insert.header.kind = EntryKind::kInsert;
  insert.header.flags = record::kHousekeeping;
  insert.header.trust = record::Trust::kUnknown;
  insert.body.key = {{"a", "x,y"}, {"b", "100%"}};
  insert.body.old_key.clear();
  insert.body.attribution = {};
  for (auto& change : insert.body.changes) change.before = {};
  Entry gap;
  gap.header.kind = EntryKind::kGap;
  gap.header.received_at = kNow;
  return {update, insert, gap};
}

bool is_exact(const store::Filter& filter) {
  if (filter.op == store::Filter::Op::kTerm) return !store::is_token(filter.term.dimension);
  return std::ranges::all_of(filter.children, is_exact);
}

bool admits(const store::Term& wanted, const std::vector<store::Term>& terms) {
  using store::Dimension;
  const auto has = [&](const std::string& value) {
    return std::ranges::count(terms, store::Term{wanted.dimension, value}) > 0;
  };
  switch (wanted.dimension) {
    case Dimension::kOldValue:
    case Dimension::kNewValue:
    case Dimension::kReason:
      return !store::is_findable(store::normalise(wanted.value)) || has(store::normalise(wanted.value));
    case Dimension::kActor: return has(wanted.value) || has(store::normalise(wanted.value));
    case Dimension::kTx: return has(std::to_string(std::strtoull(wanted.value.c_str(), nullptr, 10)));
    default: return has(wanted.value);
  }
}

// What the index answers for one entry (store/filter_eval.cc).
bool admits(const store::Filter& filter, const std::vector<store::Term>& terms) {
  using Op = store::Filter::Op;
  const auto each = [&](const store::Filter& child) { return admits(child, terms); };
  switch (filter.op) {
    case Op::kAll: return true;
    case Op::kNone: return false;
    case Op::kTerm: return admits(filter.term, terms);
    case Op::kAnd: return std::ranges::all_of(filter.children, each);
    case Op::kOr: return std::ranges::any_of(filter.children, each);
    case Op::kNot: return !is_exact(filter.children.at(0)) || !admits(filter.children.at(0), terms);
  }
  return false;
}

struct Indexed {
  Entry entry;
  std::vector<store::Term> terms;
  std::vector<KnownActor> actors;
};

std::vector<Indexed> indexed() {
  std::vector<Indexed> out;
  for (const Entry& entry : entries()) {
    Indexed& one = out.emplace_back(Indexed{entry, {}, {}});
    store::for_each_term(entry, [&](store::Dimension dimension, std::string_view value) {
      one.terms.push_back({dimension, std::string(value)});
      if (dimension == store::Dimension::kActor) one.actors.push_back({std::string(value), {}});
    });
  }
  return out;
}

void try_search(std::string_view text, bool all) {
  static const std::vector<Indexed> kEntries = indexed();
  const auto search = Search::parse(text, kNow, all);
  if (!search) {
    CHECK(search.error().position <= text.size() && search.error().length <= text.size() - search.error().position);
    CHECK(!search.error().message.empty() && !to_string(search.error(), text).empty());
    return;
  }
  CHECK(is_json(search->to_json()));
  // A number, because only numbers and times are compared by size.
  const auto replaced = with_values_replaced(text, [](std::string_view) { return std::string("0"); });
  CHECK(replaced);
  const auto again = Search::parse(*replaced, kNow, all);
  CHECK(again && again->values_looked_for() == search->values_looked_for());
  (void)search->names_actors();
  for (const auto& [entry, terms, actors] : kEntries) {
    if (!search->matches(entry)) continue;
    CHECK(admits(search->filter(), terms));
    CHECK(admits(search->filter(actors), terms));
    const Timestamp time = entry.header.tx ? entry.header.tx->committed_at : entry.header.received_at;
    CHECK(!search->from() || *search->from() <= time);
    CHECK(!search->to() || time <= *search->to());
  }
}

}  // namespace
}  // namespace rowledger::query

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  rowledger::query::try_search(text, false);
  rowledger::query::try_search(text, true);
  return 0;
}
