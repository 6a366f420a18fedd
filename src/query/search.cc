#include "query/search.h"

#include <algorithm>
#include <functional>
#include <tuple>

#include "base/json_text.h"
#include "query/search_ast.h"

namespace rowledger::query {
namespace {

std::string_view operator_of(SearchValue::Op op) {
  switch (op) {
    case SearchValue::Op::kEqual: return "=";
    case SearchValue::Op::kPrefix: return "prefix";
    case SearchValue::Op::kAny: return "any";
    case SearchValue::Op::kLess: return "<";
    case SearchValue::Op::kLessEqual: return "<=";
    case SearchValue::Op::kGreater: return ">";
    case SearchValue::Op::kGreaterEqual: return ">=";
    case SearchValue::Op::kRange: return "..";
  }
  return {};
}

void append_value(std::string& out, const SearchValue& value) {
  out += "{\"op\":";
  append_json_string(out, operator_of(value.op));
  const auto member = [&out](std::string_view name, std::string_view text) {
    out += ",\"";
    out.append(name).append("\":");
    append_json_string(out, text);
  };
  if (!value.text.empty()) member("text", value.text);
  if (!value.upper.empty()) member("upper", value.upper);
  if (value.from) member("from", value.from->to_string());
  if (value.to) member("to", value.to->to_string());
  out += '}';
}

void append_term(std::string& out, const SearchTerm& term) {
  out += "{\"key\":";
  append_json_string(out, to_string(term.key));
  if (!term.path.empty()) {
    out += ",\"path\":[";
    for (const std::string& part : term.path) {
      if (&part != &term.path.front()) out += ',';
      append_json_string(out, part);
    }
    out += ']';
  }
  out += ",\"values\":[";
  for (const SearchValue& value : term.values) {
    if (&value != &term.values.front()) out += ',';
    append_value(out, value);
  }
  out += ']';
  if (term.length == 0) {
    out += ",\"implied\":true";
  } else {
    out += ",\"position\":" + std::to_string(term.position) + ",\"length\":" + std::to_string(term.length);
  }
  out += '}';
}

void append_node(std::string& out, const SearchNode& node) {
  switch (node.type) {
    case SearchNode::Type::kAll: out += "{\"all\":true}"; return;
    case SearchNode::Type::kTerm: append_term(out, node.term); return;
    case SearchNode::Type::kNot:
      out += "{\"not\":";
      append_node(out, node.children.front());
      out += '}';
      return;
    case SearchNode::Type::kAnd: out += "{\"and\":["; break;
    case SearchNode::Type::kOr: out += "{\"or\":["; break;
  }
  for (const SearchNode& child : node.children) {
    if (&child != &node.children.front()) out += ',';
    append_node(out, child);
  }
  out += "]}";
}

template <class Visit>
void for_each_term(const SearchNode& node, const Visit& visit) {
  if (node.type == SearchNode::Type::kTerm) visit(node.term);
  for (const SearchNode& child : node.children) for_each_term(child, visit);
}

// Whether what stands behind the key is a value of a row, its key, or of a context.
bool takes_values(SearchKey key) {
  switch (key) {
    case SearchKey::kText:
    case SearchKey::kKey:
    case SearchKey::kOld:
    case SearchKey::kNew:
    case SearchKey::kValue:
    case SearchKey::kRequest:
    case SearchKey::kReason: return true;
    default: return false;
  }
}

using Replacement = std::function<std::string(std::string_view)>;

// As it would be written, with other values.
std::string with_replaced(const SearchValue& value, const Replacement& replace) {
  const auto end = [&](const std::string& text) { return text.empty() ? "*" : replace(text); };
  switch (value.op) {
    case SearchValue::Op::kEqual: return replace(value.text);
    case SearchValue::Op::kPrefix: return replace(value.text) + "*";
    case SearchValue::Op::kAny: return "*";
    case SearchValue::Op::kRange: return end(value.text) + ".." + end(value.upper);
    default: return std::string(operator_of(value.op)) + replace(value.text);
  }
}

bool any_term(const SearchNode& node, const std::function<bool(const SearchTerm&)>& holds) {
  if (node.type == SearchNode::Type::kTerm) return holds(node.term);
  return std::ranges::any_of(node.children, [&](const SearchNode& child) { return any_term(child, holds); });
}

bool names_access(const SearchNode& root) {
  return any_term(root, [](const SearchTerm& term) {
    return term.key == SearchKey::kKind && std::ranges::any_of(term.values, [](const SearchValue& value) {
             return value.text == to_string(record::EntryKind::kAccess);
           });
  });
}

store::Filter without_access(store::Filter filter) {
  using store::Filter;
  Filter access{Filter::Op::kTerm, {store::Dimension::kKind, std::string(to_string(record::EntryKind::kAccess))}, {}};
  Filter none{Filter::Op::kNot, {}, {std::move(access)}};
  return {Filter::Op::kAnd, {}, {std::move(filter), std::move(none)}};
}

bool same_values(const std::vector<record::KeyPart>& a, const std::vector<record::KeyPart>& b) {
  return std::ranges::equal(a, b, {}, &record::KeyPart::value, &record::KeyPart::value);
}

// How many characters the UTF-8 text has, as a terminal counts them, roughly: no wide letters.
size_t characters(std::string_view text) {
  size_t count = 0;
  for (const char c : text) count += (static_cast<unsigned char>(c) & 0xc0) != 0x80;
  return count;
}

}  // namespace

tl::expected<Search, SearchError> Search::parse(std::string_view text, Timestamp now, bool all) {
  auto root = parse_search(text, now, all);
  if (!root) return tl::unexpected(std::move(root.error()));
  Search search;
  search.hides_access_ = !names_access(*root);
  const TimeBounds bounds = bounds_of(*root);
  search.from_ = bounds.from;
  search.to_ = bounds.to;
  search.root_ = std::make_shared<const SearchNode>(std::move(*root));
  std::tie(search.filter_, search.filter_is_exact_) = filter_of(*search.root_, nullptr);
  search.filter_ = search.narrowed(std::move(search.filter_));
  return search;
}

store::Filter Search::narrowed(store::Filter filter) const {
  if (!hides_access_ || filter.op == store::Filter::Op::kNone) return filter;
  return without_access(std::move(filter));
}

bool Search::matches(const record::Entry& entry) const { return matches(entry, entry); }
bool Search::matches(const record::Entry& entry, const record::Entry& shown) const {
  if (hides_access_ && entry.header.kind == record::EntryKind::kAccess) return false;
  if (&entry == &shown || same_values(entry.body.key, shown.body.key)) return query::matches(*root_, {entry, shown});
  // What is left of a key behind its mask is not compared with anything.
  record::Entry without_key = shown;
  without_key.body.key.clear();
  without_key.body.old_key.clear();
  return query::matches(*root_, {entry, without_key});
}
const store::Filter& Search::filter() const { return filter_; }
store::Filter Search::filter(const std::vector<KnownActor>& actors) const {
  return narrowed(filter_of(*root_, &actors).first);
}
std::optional<Timestamp> Search::from() const { return from_; }
std::optional<Timestamp> Search::to() const { return to_; }

bool Search::names_actors() const {
  return any_term(*root_,
                  [](const SearchTerm& term) { return term.key == SearchKey::kActor || term.key == SearchKey::kText; });
}

size_t Search::values_looked_for() const {
  size_t count = 0;
  for_each_term(*root_, [&](const SearchTerm& term) {
    if (takes_values(term.key)) count += term.values.size();
  });
  return count;
}

bool Search::looks_at_values() const {
  bool paths = false;
  for_each_term(*root_, [&](const SearchTerm& term) { paths = paths || term.key == SearchKey::kField; });
  return paths || values_looked_for() > 0;
}

std::string Search::to_json() const {
  std::string out;
  append_node(out, *root_);
  return out;
}

std::optional<std::string> with_values_replaced(std::string_view text, const Replacement& replace) {
  const auto root = parse_search(text, Timestamp::now(), true);
  if (!root) return std::nullopt;
  std::vector<const SearchTerm*> terms;
  for_each_term(*root, [&](const SearchTerm& term) {
    if (takes_values(term.key)) terms.push_back(&term);
  });
  std::ranges::sort(terms, {}, &SearchTerm::position);
  std::string out;
  size_t at = 0;
  for (const SearchTerm* term : terms) {
    size_t values = term->position;
    if (term->key != SearchKey::kText) values = text.find(':', values) + 1;
    out += text.substr(at, values - at);
    for (const SearchValue& value : term->values) {
      if (&value != &term->values.front()) out += ',';
      out += with_replaced(value, replace);
    }
    at = term->position + term->length;
  }
  out += text.substr(at);
  return out;
}

std::string to_string(const SearchError& error, std::string_view text) {
  std::string out = "position " + std::to_string(error.position) + ": " + error.message;
  if (!error.suggestion.empty()) out += " - did you mean \"" + error.suggestion + "\"?";
  // The line with the mistake, and not all of a long one.
  constexpr size_t kShown = 60;
  const size_t position = std::min(error.position, text.size());
  size_t begin = position > kShown ? position - kShown : 0;
  while (begin < position && (static_cast<unsigned char>(text[begin]) & 0xc0) == 0x80) ++begin;
  size_t end = std::min(text.size(), position + std::max(error.length, size_t{1}) + kShown);
  while (end < text.size() && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) ++end;
  std::string shown(text.substr(begin, end - begin));
  for (char& c : shown)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = ' ';
  const size_t before = characters(text.substr(begin, position - begin));
  const size_t marked = characters(text.substr(position, std::min(error.length, end - position)));
  out += "\n  " + shown + "\n  " + std::string(before, ' ') + std::string(std::max(marked, size_t{1}), '^');
  return out;
}

}  // namespace rowledger::query
