#include <algorithm>
#include <charconv>
#include <map>

#include "base/check.h"
#include "store/range_index.h"
#include "store/terms.h"

namespace rowledger::store {
namespace {

// exact: the set holds the matches and nothing else, so that its complement can be trusted.
struct Answer {
  PositionSet set;
  bool exact = true;
};

using Tenants = std::vector<std::string>;

// The tenants whose entries alone can match, in any order, "" for entries without one; nothing when it may be any.
std::optional<Tenants> tenants_of(const Filter& filter) {
  switch (filter.op) {
    case Filter::Op::kTerm:
      if (filter.term.dimension == Dimension::kTenant) return Tenants{filter.term.value};
      return std::nullopt;
    case Filter::Op::kAnd:
      for (const Filter& child : filter.children)
        if (auto tenants = tenants_of(child)) return tenants;
      return std::nullopt;
    case Filter::Op::kOr: {
      Tenants out;
      for (const Filter& child : filter.children) {
        const auto tenants = tenants_of(child);
        if (!tenants) return std::nullopt;
        out.insert(out.end(), tenants->begin(), tenants->end());
      }
      return out;
    }
    default: return std::nullopt;
  }
}

// The tenants whose tokens are asked for.
class Asked {
 public:
  Asked(Tenants tenants, const TokenKeys& keys) : tenants_(std::move(tenants)) {
    std::ranges::sort(tenants_);
    tenants_.erase(std::unique(tenants_.begin(), tenants_.end()), tenants_.end());
    for (const std::string& tenant : tenants_) keys_.push_back(keys.of(tenant));
  }

  // Adds the places of the term's tokens. Another tenant's token that is the same by chance does not count: the more
  // tenants there are, the more of these would be found.
  Result<void> find(const RangeTerms& terms, const Term& term, PositionSet& out) const {
    std::map<Token, std::vector<size_t>> whose;
    std::vector<Token> tokens;
    for (size_t i = 0; i < tenants_.size(); ++i) whose[token_of(keys_[i], term)].push_back(i);
    tokens.reserve(whose.size());
    for (const auto& [token, tenants] : whose) tokens.push_back(token);
    std::map<size_t, PositionSet> entries_of;
    Result<void> read;
    const auto is_tenants = [&](size_t tenant, uint16_t position) {
      if (tenants_.size() == 1 || tenants_[tenant].empty()) return true;
      const auto [at, is_new] = entries_of.try_emplace(tenant);
      if (is_new && read) read = terms.bitmap({Dimension::kTenant, tenants_[tenant]}, at->second);
      return at->second.has(position);
    };
    RL_TRY(terms.tokens(tokens, [&](Token token, uint16_t position) {
      const std::vector<size_t>& candidates = whose.at(token);
      if (std::ranges::any_of(candidates, [&](size_t tenant) { return is_tenants(tenant, position); }))
        out.set(position);
    }));
    return read;
  }

 private:
  Tenants tenants_;
  std::vector<ShortHashKey> keys_;
};

class Evaluation {
 public:
  Evaluation(const RangeTerms& terms, const TokenKeys& keys) : terms_(terms), keys_(keys) {}

  Result<Answer> of(const Filter& filter) { return of(filter, nullptr); }

 private:
  // asked: what an enclosing kAnd says; nothing: all.
  Result<Answer> of(const Filter& filter, const Asked* asked) {
    switch (filter.op) {
      case Filter::Op::kAll: return all(true);
      case Filter::Op::kNone: return Answer{};
      case Filter::Op::kTerm: return term(filter.term, asked);
      case Filter::Op::kNot: return negation(filter, asked);
      case Filter::Op::kAnd: {
        const auto tenants = tenants_of(filter);
        if (!tenants) return combination(filter, asked);
        const Asked narrower(*tenants, keys_);
        return combination(filter, &narrower);
      }
      case Filter::Op::kOr: return combination(filter, asked);
    }
    CHECK(!"an operation outside its enumeration");
    return Answer{};
  }

  Answer all(bool exact) const {
    Answer out;
    out.set.invert(terms_.count());
    out.exact = exact;
    return out;
  }

  Result<Answer> negation(const Filter& filter, const Asked* asked) {
    CHECK(filter.children.size() == 1);
    RL_ASSIGN(Answer out, of(filter.children.front(), asked));
    if (!out.exact) return all(false);
    out.set.invert(terms_.count());
    return out;
  }

  Result<Answer> combination(const Filter& filter, const Asked* asked) {
    const bool is_and = filter.op == Filter::Op::kAnd;
    Answer out = is_and ? all(true) : Answer{};
    for (const Filter& child : filter.children) {
      RL_ASSIGN(const Answer part, of(child, asked));
      if (is_and) {
        out.set &= part.set;
      } else {
        out.set |= part.set;
      }
      out.exact = out.exact && part.exact;
    }
    return out;
  }

  Result<Answer> term(const Term& term, const Asked* asked) {
    Answer out;
    switch (term.dimension) {
      case Dimension::kTx: {
        uint32_t xid = 0;
        const char* end = term.value.data() + term.value.size();
        const auto parsed = std::from_chars(term.value.data(), end, xid);
        out.exact = false;
        if (parsed.ec == std::errc() && parsed.ptr == end) terms_.xid(xid, out.set);
        break;
      }
      case Dimension::kOldValue:
      case Dimension::kNewValue:
      case Dimension::kReason: {
        const std::string value = normalise(term.value);
        if (!is_findable(value)) return all(false);
        RL_TRY(find_token({term.dimension, value}, asked, out.set));
        out.exact = false;
        break;
      }
      case Dimension::kActor:  // an id as it is, or a name
        RL_TRY(terms_.bitmap(term, out.set));
        RL_TRY(terms_.bitmap({term.dimension, normalise(term.value)}, out.set));
        break;
      case Dimension::kTenant:
        if (term.value.empty()) return all(false);
        RL_TRY(terms_.bitmap(term, out.set));
        break;
      default:
        if (is_token(term.dimension)) {
          RL_TRY(find_token(term, asked, out.set));
          out.exact = false;
        } else {
          RL_TRY(terms_.bitmap(term, out.set));
        }
    }
    return out;
  }

  Result<void> find_token(const Term& term, const Asked* asked, PositionSet& out) {
    if (asked == nullptr) {
      if (!everyone_) {
        Tenants tenants{""};
        RL_TRY(terms_.values_of(Dimension::kTenant, [&](std::string_view tenant) { tenants.emplace_back(tenant); }));
        everyone_.emplace(std::move(tenants), keys_);
      }
      asked = &*everyone_;
    }
    return asked->find(terms_, term, out);
  }

  const RangeTerms& terms_;
  const TokenKeys& keys_;
  std::optional<Asked> everyone_;  // all tenants of the range, once they were needed
};

}  // namespace

Result<PositionSet> evaluate(const Filter& filter, const RangeTerms& terms, const TokenKeys& keys) {
  RL_ASSIGN(const Answer out, Evaluation(terms, keys).of(filter));
  PositionSet set = out.set;
  PositionSet existing;
  existing.invert(terms.count());
  set &= existing;
  return set;
}

}  // namespace rowledger::store
