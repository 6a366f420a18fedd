#pragma once
// The search grammar: one parser for the command line, the API, the UI and the rules.
//
//   query = or;  or = and {"OR" and};  and = term {["AND"] term}
//   term  = ["-" | "NOT"] ( "(" or ")" | key ":" values | text )
//   values = value {"," value};  value = [">" | ">=" | "<" | "<="] atom | atom ".." atom | "*"
//   atom  = word | quoted | date | "now-" int unit
//
// NOT over AND over OR. One key twice means OR, different keys mean AND.
// docs/search.md explains it to people.
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "record/entry.h"
#include "store/store.h"

namespace rowledger::query {

struct SearchError {
  size_t position = 0;  // byte offset into the text
  size_t length = 0;    // of the offending part
  std::string message;
  std::string suggestion;  // "tenant" for "tennant"; empty when there is none
};

struct SearchNode;  // search_ast.h

struct KnownActor {
  std::string term;                // of Dimension::kActor
  std::vector<std::string> names;  // that this actor has or had, besides
};

// A parsed query; copying shares the tree.
class Search {
 public:
  // now: what "now-2d" is relative to. Dates without a zone are of the process's (local_time.h). "-is:housekeeping" is
  // added unless the text names is:housekeeping or `all` is set. Entries about who read the log match only searches
  // that name kind:access, or every look at the log would be in what is looked at.
  static tl::expected<Search, SearchError> parse(std::string_view text, Timestamp now, bool all = false);

  // True for the entries that the query asks for; exact.
  bool matches(const record::Entry& entry) const;
  // The same for somebody who is shown the entry as `shown`, with changes that are masked, or a key or context that are
  // not whole: what he is not shown is compared with whole values of three bytes or more, and otherwise matches
  // nothing.
  bool matches(const record::Entry& entry, const record::Entry& shown) const;
  // Whether a term looks at values, keys or context, so that the two can differ.
  bool looks_at_values() const;
  // How many values are looked for in them.
  size_t values_looked_for() const;
  // A superset that the indexes answer.
  const store::Filter& filter() const;
  // filter() answers just what matches, but for the bounds on time.
  bool filter_is_exact() const { return filter_is_exact_; }
  // The same, narrower: with every term of Dimension::kActor that the index has, and what else its actor is called, a
  // word of an actor's name needs no reading of all entries. names_actors: whether that makes a difference.
  store::Filter filter(const std::vector<KnownActor>& actors) const;
  bool names_actors() const;
  // Bounds that the query puts on the commit time, if it puts any on every match.
  std::optional<Timestamp> from() const;
  std::optional<Timestamp> to() const;

  // The syntax tree as JSON, for GET /v1/query/parse.
  std::string to_json() const;

 private:
  store::Filter narrowed(store::Filter filter) const;

  std::shared_ptr<const SearchNode> root_;
  bool hides_access_ = true;
  store::Filter filter_;
  bool filter_is_exact_ = false;
  std::optional<Timestamp> from_, to_;
};

// The text of a search with each value that it looks for in rows, keys or contexts (a bare text; key, old, new, value,
// request, reason) put through `replace`, one by one; what else stands in it is as it was: names of tables, fields and
// people, times, numbers of transactions. Nothing when the text is no search.
std::optional<std::string> with_values_replaced(std::string_view text,
                                                const std::function<std::string(std::string_view)>& replace);

// The keys of the grammar, for completion.
std::vector<std::string_view> search_keys();

// "position 12: unknown key \"tennant\" - did you mean \"tenant\"?" with the text and a marker under it.
std::string to_string(const SearchError& error, std::string_view text);

}  // namespace rowledger::query
