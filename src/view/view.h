#pragma once
// What one reader sees of the log: the entries of his tenant, with the values masked that he may not see. It is the
// only way by which a route, an export or a stream reads values, so that none of them can forget whom it answers
// (docs/masking.md).
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "people/principal.h"
#include "query/reader.h"
#include "store/store.h"
#include "view/policy.h"

namespace rowledger::view {

// An entry as the reader is shown it. Moves; what it views stays valid.
class Shown {
 public:
  Shown(Shown&&) = default;
  Shown& operator=(Shown&&) = default;

  // Changes bear masked values, and paths inside JSON where a mask is by path (query::by_path does the others).
  const record::Entry& entry() const { return *entry_; }
  Seq seq() const { return entry_->header.seq; }

 private:
  friend class View;
  friend class AccessSearch;
  Shown() = default;

  struct Copy {
    record::Entry entry;
    std::deque<std::string> texts;
  };
  const record::Entry* entry_ = nullptr;  // of copy_, or plain_
  const record::Entry* plain_ = nullptr;  // of owned_, or of who visits
  std::unique_ptr<Copy> copy_;
  std::unique_ptr<const record::OwnedEntry> owned_;
};

struct HistoryPage {
  std::vector<Shown> entries;  // newest first
  std::optional<Seq> next;
};

struct RowDifference {
  query::PastRow from, to;
  std::vector<record::FieldChange> changes;  // as an entry's
  std::deque<std::string> texts;             // that they view
};

// A row of a table as it was.
struct TableRow {
  std::string key;  // as a search and an address write it; masked when keys of the table are
  query::PastRow past;
};

struct TablePage {
  std::vector<TableRow> rows;
  std::optional<std::string> next;  // where the next page begins: for table_at()
};

// What a value of a column is called.
struct Label {
  struct Before {
    Seq until;  // in entries before this one
    std::string label;
  };
  std::string now;             // empty: nothing is known
  std::vector<Before> before;  // descending
};
// Column to value to label.
using KnownLabels = std::map<std::string, std::map<std::string, Label, std::less<>>, std::less<>>;

// Of one thread at a time; cheap to make, one for each request. Everything it is made of outlives it.
class View {
 public:
  View(const people::Principal& reader, const Policy& policy, const store::Store& store);

  const people::Principal& reader() const;
  // False: he is shown everything as it is.
  bool masks() const;

  // As query::Reader::search(). kInvalid when so many values are looked for that hidden ones could be found by trying.
  // An entry that is visited is valid until the visit returns.
  Status search(const query::Search& search, query::Order order, std::optional<Seq> from,
                const std::function<bool(const Shown&)>& visit) const;
  // The same over a short range at the end of the log, without the index, oldest first: for who follows it.
  Status follow(store::SeqRange range, const query::Search& search,
                const std::function<bool(const Shown&)>& visit) const;
  Result<std::optional<Shown>> entry(Seq seq) const;

  // As query::Reader's.
  Result<HistoryPage> history(std::string_view table, std::string_view key, std::optional<Seq> before,
                              size_t limit) const;
  Result<query::PastRow> at(std::string_view table, std::string_view key, query::Moment moment) const;
  Result<query::Moment> moment(std::string_view when, Timestamp now) const;
  Result<query::Images> images(const Shown& shown) const;
  Result<RowDifference> difference(std::string_view table, std::string_view key, query::Moment from,
                                   query::Moment to) const;

  // The table's rows that stood in it at the moment and match, in the order of their keys. `from`: of the page before.
  // A page ends early when many rows were looked at.
  Result<TablePage> table_at(std::string_view table, query::Moment moment, const query::Search& search,
                             const std::optional<std::string>& from, size_t limit) const;

  std::string json(const Shown& shown, const query::Images* images = nullptr) const;

  // What values stand for, for this reader: of a tenant column his own tenant alone.
  Result<KnownLabels> labels() const;

  // The same reader with these columns as they are; "context" for what the application said. Only for who has been
  // asked for a reason and recorded: kPermission without the right to unmask.
  Result<View> unmasking(std::set<std::string, std::less<>> columns) const;

  // Whether the index alone can count what matches, but for the bounds on time: scope().candidates() are the matches.
  bool can_tally(const query::Search& search) const;

  // The reader's part of the log, for what handles no values but positions, counts and proofs. Its values are plain: it
  // is his tenant's, but nothing is masked. Never write any of it into an answer.
  const store::Store& scope() const;

 private:
  friend class Counting;      // insights.cc
  friend class AccessSearch;  // accesses.cc
  struct State;
  class Visit;
  class TableWalk;
  explicit View(std::shared_ptr<State> state) : state_(std::move(state)) {}
  Result<Shown> show(const record::Entry& plain) const;
  Result<Shown> show(record::OwnedEntry owned) const;
  Status check_search(const query::Search& search) const;

  std::shared_ptr<State> state_;
};

}  // namespace rowledger::view
