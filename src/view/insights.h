#pragma once
// How many changes there are, by day, by person and so on, as far as one reader sees them. Counted by the index and the
// entries' headers; values are read only where the search asks for them.
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "query/search.h"
#include "view/view.h"

namespace rowledger::view {

enum class By { kDay, kHourOfWeek, kField, kActor, kVia, kOp, kTable, kRow };
std::optional<By> parse_by(std::string_view text);  // "hour_of_week"
std::string_view to_string(By by);

struct InsightRequest {
  By by = By::kDay;
  // The parts of each bucket: via, op, table, field, actor; of the last two the largest are named, the rest is "".
  std::optional<By> split;
  std::string table;  // only its changes; empty: of all tables
  size_t limit = 50;  // of buckets; not of days and hours
};

// Inclusive; nothing: without a bound.
struct Period {
  std::optional<Timestamp> from, to;
};

struct Bucket {
  // "2026-11-20"; "1-09" (Monday, from 9 to 10); a field; an actor's id, empty where nobody is known; "app"; "update";
  // "public.contacts"; "public.contacts/42".
  std::string key;
  std::string label;  // what the actor is called
  uint64_t count = 0;
  std::map<std::string, uint64_t> parts;
  std::string query;  // the search term for it; empty: there is none
};

struct Insight {
  uint64_t total = 0;           // changes that were counted; one can be in several fields' buckets, or in none
  std::vector<Bucket> buckets;  // days and hours by time, others the largest first
};

// Inserts, updates and deletes that match, counted in as many ways as are asked for, in one walk: an insight for each
// request. Days and hours are those of the process's zone (base/local_time.h). kInvalid: a split that there is not.
Result<std::vector<Insight>> count_changes(const View& view, const query::Search& search, const Period& period,
                                           std::span<const InsightRequest> requests);

}  // namespace rowledger::view
