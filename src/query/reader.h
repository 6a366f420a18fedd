#pragma once
// Answers over the log: search, one row's history, the past.
// Reads only; safe from any thread when the store is.
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "query/json.h"
#include "query/search.h"
#include "store/store.h"

namespace rowledger::query {

enum class Order { kNewestFirst, kOldestFirst };

// A moment in the log: after every entry with seq < `before`.
struct Moment {
  Seq before;
};

struct RowHistoryPage {
  std::vector<record::OwnedEntry> entries;  // newest first
  std::optional<Seq> next;                  // pass as `before` for the next page
};

// A row at a moment.
struct PastRow {
  bool known = false;      // the log says something about this row at or before the moment
  bool exists = false;     // the row stood in the table then
  bool erased = false;     // but its values were erased: `row` is empty
  std::optional<Seq> seq;  // the entry that made it so
  RowImage row;            // when it exists; fields may be kUnknown
};

class Reader {
 public:
  // Whether a candidate is one of those that are looked for.
  using Matches = std::function<bool(const record::OwnedEntry&)>;

  // What an actor is or was called besides what the index says of him.
  using NamesOf = std::function<Result<std::vector<std::string>>(const std::string& actor)>;

  explicit Reader(const store::Store& store, NamesOf names_of = {}) : store_(store), names_of_(std::move(names_of)) {}

  // Calls visit for matching entries in the order asked, until it returns false, starting at
  // `from` (inclusive; nothing: the newest or the oldest). Only indexes and matching bundles are read.
  Status search(const Search& search, Order order, std::optional<Seq> from,
                const std::function<bool(const record::OwnedEntry&)>& visit) const;
  // The same with another test of the candidates, which must not let through what search.matches() would not.
  Status search(const Search& search, Order order, std::optional<Seq> from, const Matches& matches,
                const std::function<bool(const record::OwnedEntry&)>& visit) const;

  // key: "42", or "a,b" with percent-encoded parts for keys of several columns.
  // kNotFound for a table that was never captured.
  Result<RowHistoryPage> history(std::string_view table, std::string_view key, std::optional<Seq> before,
                                 size_t limit) const;

  Result<PastRow> at(std::string_view table, std::string_view key, Moment moment) const;

  // "2026-08-01", "2026-08-01T10:00+05:30", "now", "now-2d", "lsn:0/16B3748", "seq:1207".
  // A seq or lsn means: just after it.
  Result<Moment> moment(std::string_view when, Timestamp now) const;

  // The whole row before and after the entry, for --images.
  Result<Images> images(const record::Entry& entry) const;

 private:
  const store::Store& store_;
  const NamesOf names_of_;
};

}  // namespace rowledger::query
