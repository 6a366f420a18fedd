// The keys of the grammar and what each takes as a value.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <numeric>
#include <span>

#include "base/local_time.h"
#include "query/search_ast.h"

namespace rowledger::query {
namespace {

using Op = SearchValue::Op;
using Checked = tl::expected<void, SearchError>;

struct KeyName {
  std::string_view name;
  SearchKey key;
};
constexpr KeyName kKeys[] = {
    {"table", SearchKey::kTable},     {"key", SearchKey::kKey},         {"field", SearchKey::kField},
    {"op", SearchKey::kOp},           {"actor", SearchKey::kActor},     {"via", SearchKey::kVia},
    {"trust", SearchKey::kTrust},     {"role", SearchKey::kRole},       {"org", SearchKey::kOrg},
    {"old", SearchKey::kOld},         {"new", SearchKey::kNew},         {"value", SearchKey::kValue},
    {"created", SearchKey::kCreated}, {"tx", SearchKey::kTx},           {"request", SearchKey::kRequest},
    {"reason", SearchKey::kReason},   {"changes", SearchKey::kChanges}, {"kind", SearchKey::kKind},
    {"is", SearchKey::kIs},           {"alert", SearchKey::kAlert},     {"tenant", SearchKey::kOrg},
};

constexpr std::string_view kOps[] = {"create", "modify", "remove", "insert", "update", "delete", "truncate"};
constexpr std::string_view kVias[] = {"app", "job", "flow", "import", "trigger", "sql", "undo", "unknown"};
constexpr std::string_view kTrusts[] = {"verified", "claimed", "database", "unknown"};
constexpr std::string_view kFlags[] = {"housekeeping", "unattributed", "bulk",      "forged",
                                       "undone",       "alerted",      "first-time"};
constexpr std::string_view kKinds[] = {"baseline", "insert",  "update", "delete", "truncate", "schema",
                                       "gap",      "control", "access", "alert",  "undo",     "erase"};

// Levenshtein's distance, with two neighbours swapped counted as one (optimal string alignment).
size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<size_t> two_ago(b.size() + 1), previous(b.size() + 1), row(b.size() + 1);
  std::iota(previous.begin(), previous.end(), size_t{0});
  for (size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      row[j] = std::min({previous[j] + 1, row[j - 1] + 1, previous[j - 1] + (a[i - 1] != b[j - 1])});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) row[j] = std::min(row[j], two_ago[j - 2] + 1);
    }
    std::swap(two_ago, previous);
    std::swap(previous, row);
  }
  return previous[b.size()];
}

// The one that was probably meant: few edits, for the length of the word, or its beginning.
std::string nearest(std::string_view text, std::span<const std::string_view> names) {
  if (text.size() < 2 || text.size() > 32) return {};
  std::string_view best;
  size_t best_distance = text.size() <= 3 ? 2 : 3;
  for (const std::string_view name : names) {
    const size_t distance = name.starts_with(text) ? 1 : edit_distance(text, name);
    if (distance < best_distance && distance < name.size()) {
      best = name;
      best_distance = distance;
    }
  }
  return std::string(best);
}

std::string listed(std::span<const std::string_view> names) {
  std::string out;
  for (const std::string_view name : names) {
    if (!out.empty()) out += ", ";
    out += name;
  }
  return out;
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
  return out;
}

bool is_number(std::string_view text) {
  double number;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size();
}

bool is_digits(std::string_view text) {
  return !text.empty() && text.size() <= 18 && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

bool is_integer(std::string_view text) { return is_digits(text.starts_with('-') ? text.substr(1) : text); }

constexpr int64_t kSecondUs = 1'000'000;
constexpr int64_t kDayUs = 86'400 * kSecondUs;

// "now", "now-2d": a moment.
std::optional<Timestamp> relative_moment(std::string_view text, Timestamp now) {
  if (!text.starts_with("now")) return std::nullopt;
  text.remove_prefix(3);
  if (text.empty()) return now;
  if (text.size() < 3 || text.front() != '-') return std::nullopt;
  int64_t unit;
  switch (text.back()) {
    case 's': unit = kSecondUs; break;
    case 'm': unit = 60 * kSecondUs; break;
    case 'h': unit = 3'600 * kSecondUs; break;
    case 'd': unit = kDayUs; break;
    case 'w': unit = 7 * kDayUs; break;
    default: return std::nullopt;
  }
  const std::string_view digits = text.substr(1, text.size() - 2);
  if (!is_digits(digits) || digits.size() > 6) return std::nullopt;
  int64_t count = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), count);
  return Timestamp{now.us - count * unit};
}

// The stretch of time that a date names: as long as its last given part.
std::optional<TimeSpan> span_of(std::string_view text, Timestamp now) {
  if (const auto moment = relative_moment(text, now)) return TimeSpan{*moment, *moment};
  return parse_time_span(text);
}

class Checker {
 public:
  Checker(SearchKey key, SearchValue& value, Timestamp now, size_t at, size_t length)
      : key_(key), value_(value), now_(now), at_(at), length_(length) {}

  Checked check() {
    switch (key_) {
      case SearchKey::kOp: return name_of(kOps, "operation");
      case SearchKey::kVia: return name_of(kVias, "way in");
      case SearchKey::kTrust: return name_of(kTrusts, "level of trust");
      case SearchKey::kKind: return name_of(kKinds, "kind of entry");
      case SearchKey::kIs:
        if (value_.op == Op::kAny) return error("\"is:\" needs a name: " + listed(kFlags));
        return name_of(kFlags, "property");
      case SearchKey::kCreated: return created();
      case SearchKey::kTx: return tx();
      case SearchKey::kChanges: return every_end(is_digits, "\"changes:\" takes a count, as in changes:>3");
      case SearchKey::kKey:
        if (!value_.is_comparison()) return {};
        return every_end(is_integer, "keys are compared as whole numbers, as in key:>100");
      case SearchKey::kOld:
      case SearchKey::kNew:
      case SearchKey::kValue:
        if (!value_.is_comparison()) return {};
        return every_end(
            [](std::string_view text) { return is_number(text) || Timestamp::parse(text).has_value(); },
            "values are compared as numbers or as dates; put the text in quotes to search for it as it is");
      default:
        if (!value_.is_comparison()) return {};
        return error("\"" + std::string(to_string(key_)) +
                     ":\" cannot be compared; <, > and .. work with key, created, tx, changes, old, new and value. "
                     "Put the text in quotes to search for it as it is");
    }
  }

 private:
  tl::unexpected<SearchError> error(std::string message, std::string suggestion = {}) const {
    return tl::unexpected(SearchError{at_, length_, std::move(message), std::move(suggestion)});
  }

  Checked name_of(std::span<const std::string_view> names, const char* what) {
    if (value_.op == Op::kAny) return {};
    value_.text = lower(value_.text);
    if (value_.op == Op::kEqual && std::ranges::count(names, value_.text) > 0) return {};
    const std::string shown = "\"" + value_.text + "\"";
    std::string suggestion = nearest(value_.text, names);
    return error(shown + " is no " + what + "; known are " + listed(names), std::move(suggestion));
  }

  template <class Test>
  Checked every_end(Test test, const char* message) const {
    if (value_.op == Op::kAny) return {};
    if (value_.op == Op::kPrefix) return error(message);
    const bool is_range = value_.op == Op::kRange;
    const bool lower_good = (is_range && value_.text.empty()) || test(value_.text);
    const bool upper_good = !is_range || value_.upper.empty() || test(value_.upper);
    if (!lower_good || !upper_good) return error(message);
    return {};
  }

  Checked tx() const {
    const auto is_xid_or_lsn = [](std::string_view text) { return is_digits(text) || Lsn::parse(text).has_value(); };
    if (value_.is_comparison())
      return every_end([](std::string_view text) { return Lsn::parse(text).has_value(); },
                       "transactions are compared by LSN, as in tx:>=0/16B3748; their numbers have no order");
    return every_end(is_xid_or_lsn, "\"tx:\" takes a transaction's number (8812) or its LSN (0/16B3748)");
  }

  Checked created() {
    if (value_.op == Op::kAny) return {};
    constexpr char kMessage[] =
        "this is no date; write 2026-08-01, 2026-08, 2026-08-01T10:00+05:30, or now-2d (s, m, h, d, w)";
    if (value_.op == Op::kPrefix) return error(kMessage);
    std::optional<TimeSpan> low, high;
    if (!(value_.op == Op::kRange && value_.text.empty())) {
      low = span_of(value_.text, now_);
      if (!low) return error(kMessage);
    }
    if (value_.op == Op::kRange && !value_.upper.empty()) {
      high = span_of(value_.upper, now_);
      if (!high) return error(kMessage);
    }
    switch (value_.op) {
      case Op::kLess: value_.to = Timestamp{low->first.us - 1}; break;
      case Op::kLessEqual: value_.to = low->last; break;
      case Op::kGreater: value_.from = Timestamp{low->last.us + 1}; break;
      case Op::kGreaterEqual: value_.from = low->first; break;
      case Op::kRange:
        if (low) value_.from = low->first;
        if (high) value_.to = high->last;
        break;
      default:
        // Nothing was committed at exactly the moment "now-2d": it stands for the time since.
        value_.from = low->first;
        value_.to = value_.text.starts_with("now") ? now_ : low->last;
    }
    return {};
  }

  const SearchKey key_;
  SearchValue& value_;
  const Timestamp now_;
  const size_t at_, length_;
};

}  // namespace

std::string_view to_string(SearchKey key) {
  for (const KeyName& name : kKeys)
    if (name.key == key) return name.name;
  return "text";
}

std::vector<std::string_view> search_keys() {
  std::vector<std::string_view> out;
  for (const KeyName& name : kKeys) out.push_back(name.name);
  return out;
}

std::optional<Timestamp> parse_moment(std::string_view text, Timestamp now) {
  if (const auto relative = relative_moment(text, now)) return relative;
  const auto span = parse_time_span(text);
  if (!span) return std::nullopt;
  // Copied from what was printed for an entry: the row as that entry left it.
  return is_shown_time(text) ? span->last : span->first;
}

std::optional<SearchKey> parse_key(std::string_view name) {
  const std::string wanted = lower(name);
  for (const KeyName& known : kKeys)
    if (known.name == wanted) return known.key;
  return std::nullopt;
}

std::string nearest_key(std::string_view name) {
  std::array<std::string_view, std::size(kKeys)> names;
  std::ranges::transform(kKeys, names.begin(), &KeyName::name);
  return nearest(lower(name), names);
}

Checked check_value(SearchKey key, SearchValue& value, Timestamp now, size_t at, size_t length) {
  return Checker(key, value, now, at, length).check();
}

}  // namespace rowledger::query
