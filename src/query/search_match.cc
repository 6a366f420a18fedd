// What each term of a search means for an entry. Wherever the index is asked first (search_filter.cc),
// the comparison here is by the same terms (store/terms.h), so that the two cannot disagree.
#include <algorithm>
#include <charconv>
#include <compare>

#include "query/json_scan.h"
#include "query/search_ast.h"
#include "store/terms.h"

namespace rowledger::query {
namespace {

using Op = SearchValue::Op;
using record::Entry;
using record::EntryKind;
using record::FieldChange;
using record::Presence;
using store::Dimension;

constexpr int kMaxLeafDepth = 64;

template <class Number>
std::optional<Number> number_of(std::string_view text) {
  Number number;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

// Whole numbers exactly, others as floating point, else as dates; unordered when the two are not alike.
std::partial_ordering compare_values(std::string_view a, std::string_view b) {
  if (const auto x = number_of<int64_t>(a), y = number_of<int64_t>(b); x && y) return *x <=> *y;
  if (const auto x = number_of<double>(a), y = number_of<double>(b); x && y) return *x <=> *y;
  if (const auto x = Lsn::parse(a), y = Lsn::parse(b); x && y) return x->value <=> y->value;
  if (const auto x = Timestamp::parse(a), y = Timestamp::parse(b); x && y) return *x <=> *y;
  return std::partial_ordering::unordered;
}

// Equality or beginning, for names that are compared as they are written.
bool matches_name(const SearchValue& value, std::string_view text) {
  switch (value.op) {
    case Op::kEqual: return text == value.text;
    case Op::kPrefix: return text.starts_with(value.text);
    case Op::kAny: return !text.empty();
    default: return false;
  }
}

// By the terms that the index has of the entry: the whole value, one word, or every word of a phrase.
bool matches_terms(const SearchValue& value, const Entry& entry, Dimension dimension) {
  if (value.op == Op::kPrefix) {
    const std::string beginning = store::normalise(value.text);
    bool found = false;
    store::for_each_term(entry, [&](Dimension d, std::string_view term) {
      found = found || (d == dimension && term.starts_with(beginning));
    });
    return found;
  }
  if (store::has_term(entry, dimension, value.text)) return true;
  const std::vector<std::string> words = store::words_of(value.text);
  return !words.empty() &&
         std::ranges::all_of(words, [&](const std::string& word) { return store::has_term(entry, dimension, word); });
}

// An entry that has nothing but this change, for asking after its terms.
Entry entry_of(const FieldChange& change) {
  Entry entry;
  entry.body.changes.push_back(change);
  return entry;
}

// The names of a JSON pointer.
std::vector<std::string> names_of(std::string_view pointer) {
  std::vector<std::string> out;
  while (!pointer.empty()) {
    pointer.remove_prefix(1);
    const size_t end = std::min(pointer.find('/'), pointer.size());
    std::string& name = out.emplace_back();
    for (size_t i = 0; i < end; ++i) {
      const bool escaped = pointer[i] == '~' && i + 1 < end;
      name += !escaped ? pointer[i] : pointer[++i] == '1' ? '/' : '~';
    }
    pointer.remove_prefix(end);
  }
  return out;
}

// How many parts of the path, from `from` on, lead to where the change's values stand inside their column; nothing when
// it leads elsewhere, or not that far.
std::optional<size_t> pointer_parts(const std::vector<std::string>& path, size_t from, const FieldChange& change) {
  if (change.path.empty()) return 0;
  const std::vector<std::string> names = names_of(change.path);
  if (path.size() < from + names.size()) return std::nullopt;
  for (size_t i = 0; i < names.size(); ++i)
    if (path[from + i] != names[i]) return std::nullopt;
  return names.size();
}

// The old or new value of a change at the rest of a path into its JSON; nothing when there is none.
std::optional<std::string_view> value_at(const record::Value& value, const std::vector<std::string>& path,
                                         size_t from) {
  if (value.presence != Presence::kValue) return std::nullopt;
  if (from == path.size()) return value.text;
  return json_at(value.text, path, from);
}

// How many parts of the path are the column's name; 0: another column. A name may have dots in it.
size_t column_parts(const std::vector<std::string>& path, std::string_view column) {
  std::string name;
  for (size_t i = 0; i < path.size(); ++i) {
    if (i > 0) name += '.';
    name += path[i];
    if (name == column) return i + 1;
    if (name.size() >= column.size()) return 0;
  }
  return 0;
}

bool matches_text_value(const SearchValue& value, const std::string& text) {
  record::FieldChange change;
  change.after = record::Value::of(text);
  return matches_terms(value, entry_of(change), Dimension::kNewValue);
}

bool matches_member(const SearchValue& value, const FieldChange& change, Dimension dimension,
                    const std::vector<std::string>& path, size_t from) {
  const bool is_old = dimension == Dimension::kOldValue;
  const auto here = value_at(is_old ? change.before : change.after, path, from);
  if (!here || here == value_at(is_old ? change.after : change.before, path, from)) return false;
  if (value.op == Op::kAny) return *here != "null";
  const auto text = json_scalar_text(*here);
  if (!text) return false;
  if (value.is_comparison()) return matches_comparison(value, *text);
  // Also asked of the whole column, because that is what the index knows.
  return matches_text_value(value, *text) && matches_terms(value, entry_of(change), dimension);
}

bool matches_change(const SearchValue& value, const FieldChange& change, Dimension dimension,
                    const std::vector<std::string>& path) {
  size_t parts = 0;
  if (!path.empty()) {
    parts = column_parts(path, change.field);
    if (parts == 0) return false;
    if (parts < path.size()) {
      const auto inside = pointer_parts(path, parts, change);
      if (!inside || (change.masked && value.op != Op::kAny)) return false;
      if (parts + *inside < path.size() || *inside > 0)
        return matches_member(value, change, dimension, path, parts + *inside);
    }
  }
  const record::Value& side = dimension == Dimension::kOldValue ? change.before : change.after;
  if (side.presence != Presence::kValue) return false;
  if (value.op == Op::kAny) return true;
  if (change.masked) return false;
  if (value.is_comparison()) return change.form != record::ValueForm::kJson && matches_comparison(value, side.text);
  return matches_terms(value, entry_of(change), dimension);
}

bool matches_side(const SearchTerm& term, const SearchValue& value, const Entry& entry, Dimension dimension) {
  return std::ranges::any_of(entry.body.changes, [&](const FieldChange& change) {
    return matches_change(value, change, dimension, term.path);
  });
}

// Whether the two sides differ at the path inside their column.
bool is_place_of(const FieldChange& change, const std::vector<std::string>& path) {
  if (change.path.empty()) return !change.masked && value_at(change.before, path, 0) != value_at(change.after, path, 0);
  const std::vector<std::string> names = names_of(change.path);
  const size_t shared = std::min(names.size(), path.size());
  if (!std::equal(path.begin(), path.begin() + static_cast<ptrdiff_t>(shared), names.begin())) return false;
  return path.size() <= names.size() ||
         (!change.masked && value_at(change.before, path, shared) != value_at(change.after, path, shared));
}

bool matches_field(const SearchValue& value, const Entry& entry) {
  if (entry.header.kind != EntryKind::kUpdate && entry.header.kind != EntryKind::kGap) return false;
  return std::ranges::any_of(entry.body.changes, [&](const FieldChange& change) {
    if (matches_name(value, change.field)) return true;
    if (value.op != Op::kEqual || !value.text.starts_with(change.field)) return false;
    // "fields.age_group": a place inside a JSON column, where the two sides differ.
    std::string_view rest = std::string_view(value.text).substr(change.field.size());
    if (change.form != record::ValueForm::kJson || !rest.starts_with('.')) return false;
    std::vector<std::string> path;
    for (rest.remove_prefix(1);; rest.remove_prefix(rest.find('.') + 1)) {
      path.emplace_back(rest.substr(0, rest.find('.')));
      if (rest.find('.') == std::string_view::npos) break;
    }
    return is_place_of(change, path);
  });
}

bool matches_key(const SearchValue& value, const Entry& entry) {
  for (const auto* key : {&entry.body.key, &entry.body.old_key}) {
    if (key->empty()) continue;
    if (value.is_comparison()) {
      if (key->size() == 1 && matches_comparison(value, key->front().value)) return true;
    } else if (matches_name(value, store::key_text(*key)) ||
               (key->size() == 1 && matches_name(value, key->front().value))) {
      return true;
    }
  }
  return false;
}

bool matches_actor(const SearchValue& value, const record::Attribution& who) {
  if (matches_name(value, who.actor_id)) return true;
  if (value.op == Op::kAny) return !who.actor_name.empty();
  const std::string wanted = store::normalise(value.text), name = store::normalise(who.actor_name);
  if (value.op == Op::kPrefix) {
    const auto words = store::words_of(who.actor_name);
    return name.starts_with(wanted) ||
           std::ranges::any_of(words, [&](const std::string& word) { return word.starts_with(wanted); });
  }
  return is_actor_name(wanted, name);
}

bool matches_context_text(const SearchValue& value, const Entry& entry, std::string_view member, Dimension dimension) {
  if (value.op == Op::kEqual)
    return dimension == Dimension::kRequest ? store::has_term(entry, dimension, value.text)
                                            : matches_terms(value, entry, dimension);
  const std::string_view context = entry.body.attribution.context;
  const auto text = json_at(context, {std::string(member)});
  if (!text || json_kind(*text) != JsonKind::kString) return false;
  const auto unescaped = json_scalar_text(*text);
  if (value.op == Op::kAny) return unescaped && !unescaped->empty();
  return dimension == Dimension::kRequest ? unescaped->starts_with(value.text) : matches_terms(value, entry, dimension);
}

bool matches_tx(const SearchValue& value, const Entry& entry) {
  const auto& tx = entry.header.tx;
  if (!tx) return false;
  if (value.op == Op::kAny) return true;
  if (value.is_comparison()) return matches_comparison(value, tx->commit_lsn.to_string());
  if (const auto lsn = Lsn::parse(value.text)) return tx->commit_lsn == *lsn;
  return std::to_string(tx->xid) == value.text;
}

bool matches_created(const SearchValue& value, const Entry& entry) {
  const Timestamp time = time_of(entry.header);
  return (!value.from || time >= *value.from) && (!value.to || time <= *value.to);
}

bool matches_flag(std::string_view name, const record::EntryHeader& header) {
  if (name == "housekeeping") return header.has(record::kHousekeeping);
  if (name == "bulk") return header.has(record::kBulk);
  if (name == "forged") return header.has(record::kForged);
  if (name == "unattributed") return record::is_change(header.kind) && header.trust <= record::Trust::kDatabase;
  return false;  // undone, alerted, first-time: nothing records them yet
}

// ---- what is not shown -------------------------------------------------------------------------------------

// Shorter values could be found out by trying them all.
constexpr size_t kMinGuardedBytes = 3;

bool any_leaf_is(std::string_view json, const std::string& wanted, int depth) {
  if (const auto text = json_scalar_text(json)) return store::normalise(*text) == wanted;
  if (depth > kMaxLeafDepth) return false;
  return std::ranges::any_of(json_members(json),
                             [&](const JsonMember& member) { return any_leaf_is(member.value, wanted, depth + 1); });
}

bool is_whole_value(const FieldChange& change, std::string_view text, const std::string& wanted) {
  return change.form == record::ValueForm::kJson ? any_leaf_is(text, wanted, 0) : store::normalise(text) == wanted;
}

// A value that the reader is not shown is found by the whole of it and by nothing less. `side`: kOldValue or kNewValue.
bool equals_side(const SearchTerm& term, const std::string& wanted, const Entry& whole, Dimension side) {
  return std::ranges::any_of(whole.body.changes, [&](const FieldChange& change) {
    const record::Value& value = side == Dimension::kOldValue ? change.before : change.after;
    std::optional<std::string_view> text;
    if (value.presence == Presence::kValue) text = value.text;
    if (!term.path.empty()) {
      const size_t parts = column_parts(term.path, change.field);
      text = parts == 0 ? std::nullopt : value_at(value, term.path, parts);
    }
    // The index is asked first, and has of JSON what differs from the other side.
    return text && is_whole_value(change, *text, wanted) && store::has_term(entry_of(change), side, wanted);
  });
}

bool equals_context(const Entry& whole, std::string_view member, const std::string& wanted) {
  const auto text = json_at(whole.body.attribution.context, {std::string(member)});
  if (!text || json_kind(*text) != JsonKind::kString) return false;
  const auto unescaped = json_scalar_text(*text);
  return unescaped && store::normalise(*unescaped) == wanted;
}

bool equals_whole(const SearchTerm& term, const SearchValue& value, const Entry& whole) {
  if (value.op != Op::kEqual) return false;
  const std::string wanted = store::normalise(value.text);
  if (wanted.size() < kMinGuardedBytes) return false;
  const bool bare = term.key == SearchKey::kText;
  const auto is = [&](SearchKey key) { return bare || term.key == key; };
  return ((is(SearchKey::kOld) || term.key == SearchKey::kValue) &&
          equals_side(term, wanted, whole, Dimension::kOldValue)) ||
         ((is(SearchKey::kNew) || term.key == SearchKey::kValue) &&
          equals_side(term, wanted, whole, Dimension::kNewValue)) ||
         (is(SearchKey::kKey) && matches_key(value, whole)) ||
         (is(SearchKey::kRequest) && equals_context(whole, "request_id", wanted)) ||
         (is(SearchKey::kReason) && equals_context(whole, "reason", wanted));
}

// ---- terms -------------------------------------------------------------------------------------------------

bool matches_bare(const SearchTerm& term, const SearchValue& value, const Entry& entry) {
  if (value.op == Op::kAny) return true;
  return matches_key(value, entry) || matches_side(term, value, entry, Dimension::kNewValue) ||
         matches_side(term, value, entry, Dimension::kOldValue) || matches_actor(value, entry.body.attribution) ||
         matches_context_text(value, entry, "request_id", Dimension::kRequest) ||
         matches_context_text(value, entry, "reason", Dimension::kReason);
}

bool matches_value(const SearchTerm& term, const SearchValue& value, const Entry& entry) {
  const record::EntryHeader& header = entry.header;
  const bool any = value.op == Op::kAny;
  switch (term.key) {
    case SearchKey::kText: return matches_bare(term, value, entry);
    case SearchKey::kTable: return matches_name(value, header.table) || matches_table(value, header.table);
    case SearchKey::kKey: return any ? !entry.body.key.empty() : matches_key(value, entry);
    case SearchKey::kField: return matches_field(value, entry);
    case SearchKey::kOp: return any ? record::is_change(header.kind) : header.kind == kind_of_op(value.text);
    case SearchKey::kActor: return matches_actor(value, entry.body.attribution);
    case SearchKey::kVia: return any ? header.via != record::Via::kUnknown : to_string(header.via) == value.text;
    case SearchKey::kTrust:
      return any ? header.trust != record::Trust::kUnknown : to_string(header.trust) == value.text;
    case SearchKey::kRole: return matches_name(value, entry.body.attribution.role);
    case SearchKey::kOrg: return matches_name(value, header.tenant);
    case SearchKey::kOld: return matches_side(term, value, entry, Dimension::kOldValue);
    case SearchKey::kNew: return matches_side(term, value, entry, Dimension::kNewValue);
    case SearchKey::kValue:
      return matches_side(term, value, entry, Dimension::kOldValue) ||
             matches_side(term, value, entry, Dimension::kNewValue);
    case SearchKey::kCreated: return matches_created(value, entry);
    case SearchKey::kTx: return matches_tx(value, entry);
    case SearchKey::kRequest: return matches_context_text(value, entry, "request_id", Dimension::kRequest);
    case SearchKey::kReason: return matches_context_text(value, entry, "reason", Dimension::kReason);
    case SearchKey::kChanges:
      return any ? !entry.body.changes.empty() : matches_comparison(value, std::to_string(entry.body.changes.size()));
    case SearchKey::kKind: return any || to_string(header.kind) == value.text;
    case SearchKey::kIs: return matches_flag(value.text, header);
    case SearchKey::kAlert: return false;
  }
  return false;
}

bool matches_sight(const SearchTerm& term, const SearchValue& value, const Sight& sight) {
  // How many columns changed is seen also where their values are not.
  const Entry& entry = term.key == SearchKey::kChanges ? sight.whole : sight.shown;
  return matches_value(term, value, entry) || (sight.differs() && equals_whole(term, value, sight.whole));
}

}  // namespace

bool matches_comparison(const SearchValue& value, std::string_view text) {
  const auto order = [&](const std::string& bound) { return compare_values(text, bound); };
  switch (value.op) {
    case Op::kEqual: return order(value.text) == 0;
    case Op::kLess: return order(value.text) < 0;
    case Op::kLessEqual: return order(value.text) <= 0;
    case Op::kGreater: return order(value.text) > 0;
    case Op::kGreaterEqual: return order(value.text) >= 0;
    case Op::kRange:
      return (value.text.empty() || order(value.text) >= 0) && (value.upper.empty() || order(value.upper) <= 0);
    default: return false;
  }
}

bool matches_table(const SearchValue& value, std::string_view table) {
  constexpr std::string_view kPublic = "public.";
  return table.starts_with(kPublic) && matches_name(value, table.substr(kPublic.size()));
}

std::optional<EntryKind> kind_of_op(std::string_view op) {
  if (op == "create") return EntryKind::kInsert;
  if (op == "modify") return EntryKind::kUpdate;
  if (op == "remove") return EntryKind::kDelete;
  return record::parse_kind(op);
}

bool is_actor_name(std::string_view wanted, std::string_view name) {
  if (wanted.empty() || name.empty()) return false;
  if (wanted == name) return true;
  const std::vector<std::string> asked = store::words_of(wanted), has = store::words_of(name);
  return !asked.empty() &&
         std::ranges::all_of(asked, [&](const std::string& word) { return std::ranges::count(has, word) > 0; });
}

bool matches(const SearchNode& node, const Sight& sight) {
  const auto each = [&](const SearchNode& child) { return matches(child, sight); };
  switch (node.type) {
    case SearchNode::Type::kAll: return true;
    case SearchNode::Type::kTerm:
      return std::ranges::any_of(node.term.values,
                                 [&](const SearchValue& value) { return matches_sight(node.term, value, sight); });
    case SearchNode::Type::kAnd: return std::ranges::all_of(node.children, each);
    case SearchNode::Type::kOr: return std::ranges::any_of(node.children, each);
    case SearchNode::Type::kNot: return !matches(node.children.front(), sight);
  }
  return false;
}

}  // namespace rowledger::query
