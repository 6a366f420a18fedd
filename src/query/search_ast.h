#pragma once
// The syntax tree of a search, and what it means. Private to the room.
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/time.h"
#include "query/search.h"
#include "record/entry.h"
#include "store/store.h"

namespace rowledger::query {

// clang-format off
enum class SearchKey : uint8_t {
  kText,  // no key: a bare word or quoted phrase
  kTable, kKey, kField, kOp, kActor, kVia, kTrust, kRole, kOrg, kOld, kNew, kValue,
  kCreated, kTx, kRequest, kReason, kChanges, kKind, kIs, kAlert,
};
// clang-format on
std::string_view to_string(SearchKey key);

struct SearchValue {
  enum class Op : uint8_t { kEqual, kPrefix, kAny, kLess, kLessEqual, kGreater, kGreaterEqual, kRange };
  Op op = Op::kEqual;
  std::string text;   // kRange: its lower end, empty when open
  std::string upper;  // kRange only, empty when open
  // created: what the value comes to, both ends included.
  std::optional<Timestamp> from, to;

  bool is_comparison() const { return op >= Op::kLess; }
};

struct SearchTerm {
  SearchKey key = SearchKey::kText;
  std::vector<std::string> path;    // old, new, value: column, then members of its JSON
  std::vector<SearchValue> values;  // any of them; never empty
  size_t position = 0, length = 0;  // in the text; length 0 for the term that is added by default
};

struct SearchNode {
  enum class Type : uint8_t { kAll, kTerm, kAnd, kOr, kNot };
  Type type = Type::kAll;
  SearchTerm term;                   // kTerm
  std::vector<SearchNode> children;  // kAnd, kOr: two or more; kNot: one
};

tl::expected<SearchNode, SearchError> parse_search(std::string_view text, Timestamp now, bool all);

// Reads what stands in `value` into what the key takes: checks names, numbers, dates. `at` is where the
// value stands, for errors. search_values.cc
tl::expected<void, SearchError> check_value(SearchKey key, SearchValue& value, Timestamp now, size_t at, size_t length);
std::optional<SearchKey> parse_key(std::string_view name);
std::string nearest_key(std::string_view name);
// "now-2d", or a date and time; a date or month is its beginning, a time as it is shown the end of its second.
std::optional<Timestamp> parse_moment(std::string_view text, Timestamp now);

// An entry, and the same as the one who searches is shown it; one and the same where nothing is masked.
struct Sight {
  const record::Entry& whole;
  const record::Entry& shown;
  bool differs() const { return &whole != &shown; }
};
bool matches(const SearchNode& node, const Sight& sight);
bool matches_comparison(const SearchValue& value, std::string_view text);
bool matches_table(const SearchValue& value, std::string_view table);  // without its "public."
std::optional<record::EntryKind> kind_of_op(std::string_view op);
// Both normalised: the whole name, or every word of what is wanted is a word of it.
bool is_actor_name(std::string_view wanted, std::string_view name);

// actors: every term of Dimension::kActor that the index has, when the caller knows them all; without
// them, what looks for a word of an actor's name answers all. The second: it answers just what matches, but for time.
std::pair<store::Filter, bool> filter_of(const SearchNode& node, const std::vector<KnownActor>* actors);

struct TimeBounds {
  std::optional<Timestamp> from, to;
};
TimeBounds bounds_of(const SearchNode& node);

// When an entry happened: its commit, or for entries without a transaction when it was written.
inline Timestamp time_of(const record::EntryHeader& header) {
  return header.tx ? header.tx->committed_at : header.received_at;
}

}  // namespace rowledger::query
