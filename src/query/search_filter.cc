// What the indexes can say about a search: always a superset of what matches (search_match.cc).
#include <algorithm>

#include "query/search_ast.h"
#include "store/terms.h"

namespace rowledger::query {
namespace {

using Op = SearchValue::Op;
using store::Dimension;
using store::Filter;

// exact: the filter answers just what matches, so that its opposite may be asked for.
struct Built {
  Filter filter;
  bool exact = false;
};

const Built kAll{{Filter::Op::kAll}, false};
const Built kNone{{Filter::Op::kNone}, true};

Built term(Dimension dimension, std::string value) {
  return {{Filter::Op::kTerm, {dimension, std::move(value)}, {}}, !store::is_token(dimension)};
}

Built combine(Filter::Op op, std::vector<Built> parts) {
  const bool is_or = op == Filter::Op::kOr;
  const Filter::Op decides = is_or ? Filter::Op::kAll : Filter::Op::kNone;
  const Filter::Op adds_nothing = is_or ? Filter::Op::kNone : Filter::Op::kAll;
  Built out{{op}, true};
  bool decided = false, decided_exactly = false;
  for (Built& part : parts) {
    out.exact = out.exact && part.exact;
    decided = decided || part.filter.op == decides;
    decided_exactly = decided_exactly || (part.filter.op == decides && part.exact);
    if (part.filter.op != adds_nothing) out.filter.children.push_back(std::move(part.filter));
  }
  if (decided) return {{decides}, decided_exactly};
  if (out.filter.children.empty()) return {{adds_nothing}, out.exact};
  if (out.filter.children.size() == 1) {
    Filter only = std::move(out.filter.children.front());
    out.filter = std::move(only);
  }
  return out;
}

Built any_of(std::vector<Built> parts) { return combine(Filter::Op::kOr, std::move(parts)); }
Built all_of(std::vector<Built> parts) { return combine(Filter::Op::kAnd, std::move(parts)); }

Built inexact(Built built) {
  built.exact = false;
  return built;
}

Built kinds(std::initializer_list<record::EntryKind> these) {
  std::vector<Built> parts;
  for (const record::EntryKind kind : these) parts.push_back(term(Dimension::kKind, std::string(to_string(kind))));
  return any_of(std::move(parts));
}

// The whole value, or each word of it, as matches_terms compares.
Built text(Dimension dimension, const SearchValue& value) {
  if (value.op != Op::kEqual) return kAll;
  std::string whole = store::normalise(value.text);
  if (!store::is_findable(whole)) return kAll;
  std::vector<Built> words;
  for (std::string& word : store::words_of(value.text)) words.push_back(term(dimension, std::move(word)));
  std::vector<Built> parts;
  const bool one_word = words.size() == 1 && words.front().filter.term.value == whole;
  if (!words.empty() && !one_word) parts.push_back(all_of(std::move(words)));
  parts.push_back(term(dimension, std::move(whole)));
  return any_of(std::move(parts));
}

Built key(const SearchValue& value) {
  if (value.op != Op::kEqual) return kAll;
  const std::string escaped = store::key_text({{"", value.text}});
  if (escaped == value.text) return term(Dimension::kKey, value.text);
  return any_of({term(Dimension::kKey, value.text), term(Dimension::kKey, escaped)});
}

Built actor(const SearchValue& value, const std::vector<KnownActor>* actors) {
  if (actors == nullptr || value.op != Op::kEqual) return kAll;
  const std::string wanted = store::normalise(value.text);
  std::vector<Built> parts;
  for (const KnownActor& known : *actors) {
    const auto is_called = [&](const std::string& name) { return is_actor_name(wanted, store::normalise(name)); };
    if (known.term == value.text || is_actor_name(wanted, known.term) || std::ranges::any_of(known.names, is_called))
      parts.push_back(term(Dimension::kActor, known.term));
  }
  return inexact(any_of(std::move(parts)));
}

Built field(const SearchValue& value) {
  if (value.op != Op::kEqual) return inexact(kinds({record::EntryKind::kUpdate, record::EntryKind::kGap}));
  std::vector<Built> parts{term(Dimension::kField, value.text)};
  for (size_t dot = value.text.find('.'); dot != std::string::npos; dot = value.text.find('.', dot + 1))
    if (dot > 0) parts.push_back(inexact(term(Dimension::kField, value.text.substr(0, dot))));
  return any_of(std::move(parts));
}

Built name(Dimension dimension, const SearchValue& value) {
  return value.op == Op::kEqual ? term(dimension, value.text) : kAll;
}

Built table(const SearchValue& value) {
  if (value.op != Op::kEqual) return kAll;
  return any_of({term(Dimension::kTable, value.text), term(Dimension::kTable, "public." + value.text)});
}

Built flag(const SearchValue& value) {
  for (const std::string_view known : {"housekeeping", "bulk", "forged", "unattributed"})
    if (value.text == known) return term(Dimension::kFlag, value.text);
  return kNone;
}

Built bare(const SearchValue& value, const std::vector<KnownActor>* actors) {
  if (value.op != Op::kEqual) return kAll;
  return any_of({text(Dimension::kOldValue, value), text(Dimension::kNewValue, value), key(value),
                 term(Dimension::kRequest, value.text), text(Dimension::kReason, value), actor(value, actors)});
}

Built built_for(const SearchTerm& term_, const SearchValue& value, const std::vector<KnownActor>* actors) {
  const bool any = value.op == Op::kAny;
  switch (term_.key) {
    case SearchKey::kText: return bare(value, actors);
    case SearchKey::kTable: return table(value);
    case SearchKey::kKey: return key(value);
    case SearchKey::kField: return field(value);
    case SearchKey::kOp:
      return any ? kinds({record::EntryKind::kInsert, record::EntryKind::kUpdate, record::EntryKind::kDelete})
                 : kinds({*kind_of_op(value.text)});
    case SearchKey::kActor: return actor(value, actors);
    case SearchKey::kVia: return any ? kAll : term(Dimension::kVia, value.text);
    case SearchKey::kTrust: return any ? kAll : term(Dimension::kTrust, value.text);
    case SearchKey::kRole: return name(Dimension::kRole, value);
    case SearchKey::kOrg: return name(Dimension::kTenant, value);
    case SearchKey::kOld: return text(Dimension::kOldValue, value);
    case SearchKey::kNew: return text(Dimension::kNewValue, value);
    case SearchKey::kValue: return any_of({text(Dimension::kOldValue, value), text(Dimension::kNewValue, value)});
    case SearchKey::kTx:
      return value.op == Op::kEqual && !Lsn::parse(value.text) ? term(Dimension::kTx, value.text) : kAll;
    case SearchKey::kRequest: return name(Dimension::kRequest, value);
    case SearchKey::kReason: return text(Dimension::kReason, value);
    case SearchKey::kKind: return any ? kAll : term(Dimension::kKind, value.text);
    case SearchKey::kIs: return flag(value);
    case SearchKey::kAlert: return kNone;
    case SearchKey::kCreated:  // narrowed by bounds_of
    case SearchKey::kChanges: return kAll;
  }
  return kAll;
}

Built build(const SearchNode& node, const std::vector<KnownActor>* actors) {
  std::vector<Built> parts;
  for (const SearchNode& child : node.children) parts.push_back(build(child, actors));
  switch (node.type) {
    case SearchNode::Type::kAll: return {{Filter::Op::kAll}, true};
    case SearchNode::Type::kTerm:
      for (const SearchValue& value : node.term.values) parts.push_back(built_for(node.term, value, actors));
      return any_of(std::move(parts));
    case SearchNode::Type::kAnd: return all_of(std::move(parts));
    case SearchNode::Type::kOr: return any_of(std::move(parts));
    case SearchNode::Type::kNot: {
      Built& child = parts.front();
      if (!child.exact) return kAll;
      if (child.filter.op == Filter::Op::kNone) return {{Filter::Op::kAll}, true};
      if (child.filter.op == Filter::Op::kAll) return kNone;
      Built out{{Filter::Op::kNot}, true};
      out.filter.children.push_back(std::move(child.filter));
      return out;
    }
  }
  return kAll;
}

TimeBounds narrower(TimeBounds a, const TimeBounds& b) {
  if (b.from && (!a.from || *a.from < *b.from)) a.from = b.from;
  if (b.to && (!a.to || *b.to < *a.to)) a.to = b.to;
  return a;
}

TimeBounds wider(TimeBounds a, const TimeBounds& b) {
  a.from = a.from && b.from ? std::optional(std::min(*a.from, *b.from)) : std::nullopt;
  a.to = a.to && b.to ? std::optional(std::max(*a.to, *b.to)) : std::nullopt;
  return a;
}

}  // namespace

std::pair<Filter, bool> filter_of(const SearchNode& node, const std::vector<KnownActor>* actors) {
  // bounds_of() says all that a stretch of time says which every match lies in.
  const auto is_bound = [](const SearchNode& part) {
    return part.type == SearchNode::Type::kTerm && part.term.key == SearchKey::kCreated && part.term.values.size() == 1;
  };
  const auto is_exact = [&](const SearchNode& part) { return is_bound(part) || build(part, actors).exact; };
  const bool exact =
      node.type == SearchNode::Type::kAnd ? std::ranges::all_of(node.children, is_exact) : is_exact(node);
  return {build(node, actors).filter, exact};
}

TimeBounds bounds_of(const SearchNode& node) {
  std::optional<TimeBounds> out;
  if (node.type == SearchNode::Type::kTerm && node.term.key == SearchKey::kCreated) {
    for (const SearchValue& value : node.term.values) {
      const TimeBounds bounds{value.from, value.to};
      out = out ? wider(*out, bounds) : bounds;
    }
  } else if (node.type == SearchNode::Type::kAnd || node.type == SearchNode::Type::kOr) {
    for (const SearchNode& child : node.children) {
      const TimeBounds bounds = bounds_of(child);
      out = !out ? bounds : node.type == SearchNode::Type::kAnd ? narrower(*out, bounds) : wider(*out, bounds);
    }
  }
  return out.value_or(TimeBounds{});
}

}  // namespace rowledger::query
