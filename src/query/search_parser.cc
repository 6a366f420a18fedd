// From the text of a search to its tree: recursive descent over the bytes, no separate tokens, because
// what ends a word depends on where it stands ("10:30" is a text, "created:10:30" is not).
#include <algorithm>

#include "query/search_ast.h"

namespace rowledger::query {
namespace {

using Op = SearchValue::Op;
using Type = SearchNode::Type;
template <class T>
using Parsed = tl::expected<T, SearchError>;

constexpr size_t kMaxBytes = 16 * 1024;
constexpr size_t kMaxTerms = 1'000;  // values included
constexpr int kMaxDepth = 64;

constexpr bool is_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }
constexpr bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

tl::unexpected<SearchError> error(size_t position, size_t length, std::string message, std::string suggestion = {}) {
  return tl::unexpected(SearchError{position, length, std::move(message), std::move(suggestion)});
}

SearchNode combine(Type type, std::vector<SearchNode> nodes) {
  if (nodes.size() == 1) return std::move(nodes.front());
  return {type, {}, std::move(nodes)};
}

bool same_key(const SearchNode& a, const SearchNode& b) {
  return a.type == Type::kTerm && b.type == Type::kTerm && a.term.key != SearchKey::kText && a.term.key == b.term.key &&
         a.term.path == b.term.path;
}

bool has_comparison(const SearchNode& node) {
  return std::ranges::any_of(node.term.values, &SearchValue::is_comparison);
}

// Terms that stand side by side: one key twice means either. Comparisons are bounds, which all hold.
void merge_same_keys(std::vector<SearchNode>& nodes) {
  for (size_t i = 0; i < nodes.size(); ++i) {
    if (nodes[i].type != Type::kTerm || has_comparison(nodes[i])) continue;
    std::vector<SearchNode> group;
    for (size_t j = i + 1; j < nodes.size();) {
      if (!same_key(nodes[i], nodes[j]) || has_comparison(nodes[j])) {
        ++j;
        continue;
      }
      group.push_back(std::move(nodes[j]));
      nodes.erase(nodes.begin() + static_cast<ptrdiff_t>(j));
    }
    if (group.empty()) continue;
    group.insert(group.begin(), std::move(nodes[i]));
    nodes[i] = {Type::kOr, {}, std::move(group)};
  }
}

class Parser {
 public:
  Parser(std::string_view text, Timestamp now) : text_(text), now_(now) {}

  Parsed<SearchNode> parse() {
    if (text_.size() > kMaxBytes)
      return error(kMaxBytes, text_.size() - kMaxBytes, "the search is too long; 16 KiB are the most");
    skip_space();
    if (at_end()) return SearchNode{};
    auto node = parse_or(0);
    if (!node) return node;
    if (!at_end()) return error(at_, 1, "this \")\" closes nothing; put it in quotes to search for it");
    return node;
  }

  bool named_housekeeping() const { return named_housekeeping_; }

 private:
  bool at_end() const { return at_ >= text_.size(); }
  char here() const { return text_[at_]; }
  void skip_space() {
    while (!at_end() && is_space(here())) ++at_;
  }

  // A word of the grammar: in capitals, and standing alone.
  bool next_is(std::string_view word) const {
    if (!text_.substr(at_).starts_with(word)) return false;
    const size_t end = at_ + word.size();
    return end >= text_.size() || is_space(text_[end]) || text_[end] == '(' || text_[end] == ')';
  }
  bool take(std::string_view word) {
    if (!next_is(word)) return false;
    at_ += word.size();
    skip_space();
    return true;
  }

  Parsed<SearchNode> parse_or(int depth) {
    if (depth > kMaxDepth) return error(at_ - 1, 1, "the parentheses are nested too deeply; 64 levels are the most");
    std::vector<SearchNode> alternatives;
    do {
      auto node = parse_and(depth);
      if (!node) return node;
      alternatives.push_back(std::move(*node));
    } while (take("OR"));
    return combine(Type::kOr, std::move(alternatives));
  }

  Parsed<SearchNode> parse_and(int depth) {
    std::vector<SearchNode> groups;  // between written ANDs
    do {
      std::vector<SearchNode> side_by_side;
      while (true) {
        skip_space();
        if (at_end() || here() == ')' || next_is("OR") || next_is("AND")) break;
        auto node = parse_term(depth);
        if (!node) return node;
        side_by_side.push_back(std::move(*node));
      }
      if (side_by_side.empty()) return missing_term();
      merge_same_keys(side_by_side);
      for (SearchNode& node : side_by_side) groups.push_back(std::move(node));
    } while (take("AND"));
    return combine(Type::kAnd, std::move(groups));
  }

  tl::unexpected<SearchError> missing_term() const {
    const std::string after = "; put the word in quotes to search for it";
    if (at_end()) return error(at_, 0, "something to search for is missing at the end");
    if (here() == ')') return error(at_, 1, "something to search for is missing before \")\"");
    const std::string word = next_is("OR") ? "OR" : "AND";
    return error(at_, word.size(), "something to search for is missing before " + word + after);
  }

  Parsed<SearchNode> parse_term(int depth) {
    size_t negations = 0;
    const size_t start = at_;
    while (!at_end()) {
      if (here() == '-') {
        ++at_;
      } else if (!take("NOT")) {
        break;
      }
      ++negations;
    }
    if (at_end() || is_space(here()) || here() == ')')
      return error(start, at_ - start, "what is to be left out must follow directly, as in -via:flow");
    auto node = here() == '(' ? parse_group(depth) : parse_simple();
    if (!node || negations % 2 == 0) return node;
    std::vector<SearchNode> child;
    child.push_back(std::move(*node));
    return SearchNode{Type::kNot, {}, std::move(child)};
  }

  Parsed<SearchNode> parse_group(int depth) {
    const size_t open = at_++;
    auto node = parse_or(depth + 1);
    if (!node) return node;
    if (at_end()) return error(open, 1, "this \"(\" is never closed");
    ++at_;
    return node;
  }

  Parsed<SearchNode> parse_simple() {
    SearchNode node{Type::kTerm, {}, {}};
    SearchTerm& term = node.term;
    term.position = at_;
    if (++terms_ > kMaxTerms) return error(at_, 1, "the search has too many parts; 1,000 are the most");
    auto keyed = parse_key_part(term);
    if (!keyed) return tl::unexpected(std::move(keyed.error()));
    auto done = *keyed ? parse_values(term) : parse_text(term);
    if (!done) return tl::unexpected(std::move(done.error()));
    term.length = at_ - term.position;
    return node;
  }

  // Takes `key:`; false, and nothing taken, when the term is a bare text.
  Parsed<bool> parse_key_part(SearchTerm& term) {
    if (!is_letter(here())) return false;
    size_t end = at_;
    while (end < text_.size() && text_[end] != ':' && !is_space(text_[end]) && text_[end] != '(' && text_[end] != ')' &&
           text_[end] != '"' && text_[end] != ',')
      ++end;
    if (end >= text_.size() || text_[end] != ':') return false;
    const std::string_view name = text_.substr(at_, end - at_);
    const std::string_view head = name.substr(0, name.find('.'));
    const auto key = parse_key(head);
    if (!key)
      return error(at_, head.size(), "unknown key \"" + std::string(head) + "\"; a text with a colon needs quotes",
                   nearest_key(head));
    term.key = *key;
    if (head.size() < name.size()) {
      if (*key != SearchKey::kOld && *key != SearchKey::kNew && *key != SearchKey::kValue)
        return error(at_, name.size(), "only old, new and value take a field, as in new.phone:919812345678");
      if (auto split = split_path(name.substr(head.size() + 1), at_ + head.size() + 1, term.path); !split)
        return tl::unexpected(std::move(split.error()));
    }
    at_ = end + 1;
    return true;
  }

  static Parsed<void> split_path(std::string_view path, size_t position, std::vector<std::string>& out) {
    while (true) {
      const size_t dot = path.find('.');
      const std::string_view part = path.substr(0, dot);
      if (part.empty()) return error(position, 1, "a field's name is missing beside the dot");
      out.emplace_back(part);
      if (dot == std::string_view::npos) return {};
      path.remove_prefix(dot + 1);
      position += dot + 1;
    }
  }

  Parsed<void> parse_text(SearchTerm& term) {
    SearchValue value;
    const size_t start = at_;
    if (here() == '"') {
      auto quoted = parse_quoted();
      if (!quoted) return tl::unexpected(std::move(quoted.error()));
      value.text = std::move(*quoted);
      if (!at_end() && !is_space(here()) && here() != ')')
        return error(at_, 1, "a space is missing after the quoted text");
    } else {
      while (!at_end() && !is_space(here()) && here() != '(' && here() != ')') ++at_;
      if (auto done = set_word(value, text_.substr(start, at_ - start), start); !done) return done;
    }
    term.values.push_back(std::move(value));
    return {};
  }

  Parsed<std::string> parse_quoted() {
    const size_t open = at_++;
    std::string out;
    while (!at_end() && here() != '"') {
      if (here() == '\\' && at_ + 1 < text_.size() && (text_[at_ + 1] == '"' || text_[at_ + 1] == '\\')) ++at_;
      out += here();
      ++at_;
    }
    if (at_end()) return error(open, 1, "this quote is never closed");
    ++at_;
    const bool ended =
        at_end() || is_space(here()) || here() == ',' || here() == ')' || text_.substr(at_).starts_with("..");
    if (!ended) return error(at_, 1, "a space is missing after the quoted text");
    if (out.empty()) return error(open, 2, "there is nothing between the quotes");
    return out;
  }

  static Parsed<void> set_word(SearchValue& value, std::string_view word, size_t position) {
    const size_t star = word.find('*');
    if (word == "*") {
      value.op = Op::kAny;
    } else if (star == std::string_view::npos) {
      value.text = word;
    } else if (star + 1 == word.size()) {
      value.op = Op::kPrefix;
      value.text = word.substr(0, star);
    } else {
      return error(position + star, 1,
                   "a star stands only at the end, as in 9198*; put the text in quotes to search for a star");
    }
    return {};
  }

  Parsed<void> parse_values(SearchTerm& term) {
    do {
      if (++terms_ > kMaxTerms) return error(at_, 1, "the search has too many parts; 1,000 are the most");
      SearchValue value;
      const size_t start = at_;
      if (auto done = parse_value(value); !done) return done;
      if (auto done = check_value(term.key, value, now_, start, at_ - start); !done) return done;
      if (term.key == SearchKey::kIs && value.text == "housekeeping") named_housekeeping_ = true;
      term.values.push_back(std::move(value));
    } while (!at_end() && here() == ',' && ++at_);
    if (!at_end() && here() == '(')
      return error(at_, 1, "several values are written with commas, as in field:name,phone");
    return {};
  }

  Parsed<void> parse_value(SearchValue& value) {
    const std::string_view rest = text_.substr(at_);
    Op comparison = Op::kEqual;
    if (rest.starts_with(">=") || rest.starts_with("<=")) {
      comparison = rest.front() == '>' ? Op::kGreaterEqual : Op::kLessEqual;
      at_ += 2;
    } else if (rest.starts_with('>') || rest.starts_with('<')) {
      comparison = rest.front() == '>' ? Op::kGreater : Op::kLess;
      at_ += 1;
    }
    const size_t start = at_;
    if (auto done = parse_atom(value); !done) return done;
    const bool is_range = text_.substr(at_).starts_with("..");
    if (comparison == Op::kEqual && !is_range) return {};
    if (comparison != Op::kEqual) {
      if (is_range) return error(at_, 2, "a range takes no < or >; write 1..5 or >=1");
      if (value.op != Op::kEqual) return error(start, at_ - start, "a comparison takes no star");
      value.op = comparison;
      return {};
    }
    at_ += 2;
    const size_t upper_at = at_;
    SearchValue upper;
    if (auto done = parse_atom(upper); !done) return done;
    if (value.op == Op::kPrefix || upper.op == Op::kPrefix || (value.op == Op::kAny && upper.op == Op::kAny))
      return error(start, at_ - start, "a range has a value at one end at least, as in 5..10, 5..* or *..10");
    if (text_.substr(at_).starts_with("..")) return error(upper_at, at_ - upper_at, "a range has two ends only");
    value.op = Op::kRange;
    value.upper = std::move(upper.text);
    return {};
  }

  Parsed<void> parse_atom(SearchValue& value) {
    if (!at_end() && here() == '"') {
      auto quoted = parse_quoted();
      if (!quoted) return tl::unexpected(std::move(quoted.error()));
      value.text = std::move(*quoted);
      return {};
    }
    const size_t start = at_;
    while (!at_end() && !is_space(here()) && here() != ',' && here() != '(' && here() != ')' &&
           !text_.substr(at_).starts_with(".."))
      ++at_;
    if (at_ == start) {
      if (!at_end() && here() == '(')
        return error(at_, 1, "several values are written with commas, as in field:name,phone");
      return error(start, at_end() ? 0 : 1, "a value is missing here; it follows directly, without a space");
    }
    return set_word(value, text_.substr(start, at_ - start), start);
  }

  const std::string_view text_;
  const Timestamp now_;
  size_t at_ = 0;
  size_t terms_ = 0;
  bool named_housekeeping_ = false;
};

SearchNode without_housekeeping() {
  SearchNode term{Type::kTerm, {}, {}};
  term.term.key = SearchKey::kIs;
  SearchValue value;
  value.text = "housekeeping";
  term.term.values.push_back(std::move(value));
  std::vector<SearchNode> child;
  child.push_back(std::move(term));
  return {Type::kNot, {}, std::move(child)};
}

}  // namespace

Parsed<SearchNode> parse_search(std::string_view text, Timestamp now, bool all) {
  Parser parser(text, now);
  auto node = parser.parse();
  if (!node || all || parser.named_housekeeping()) return node;
  if (node->type == Type::kAll) return without_housekeeping();
  std::vector<SearchNode> both;
  if (node->type == Type::kAnd) {
    both = std::move(node->children);
  } else {
    both.push_back(std::move(*node));
  }
  both.push_back(without_housekeeping());
  return SearchNode{Type::kAnd, {}, std::move(both)};
}

}  // namespace rowledger::query
