#include <charconv>

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

class Evaluation {
 public:
  Evaluation(const RangeTerms& terms, const ShortHashKey& key) : terms_(terms), key_(key) {}

  Result<Answer> of(const Filter& filter) const {
    switch (filter.op) {
      case Filter::Op::kAll: return all(true);
      case Filter::Op::kNone: return Answer{};
      case Filter::Op::kTerm: return term(filter.term);
      case Filter::Op::kNot: return negation(filter);
      case Filter::Op::kAnd:
      case Filter::Op::kOr: return combination(filter);
    }
    CHECK(!"an operation outside its enumeration");
    return Answer{};
  }

 private:
  Answer all(bool exact) const {
    Answer out;
    out.set.invert(terms_.count());
    out.exact = exact;
    return out;
  }

  Result<Answer> negation(const Filter& filter) const {
    CHECK(filter.children.size() == 1);
    RL_ASSIGN(Answer out, of(filter.children.front()));
    if (!out.exact) return all(false);
    out.set.invert(terms_.count());
    return out;
  }

  Result<Answer> combination(const Filter& filter) const {
    const bool is_and = filter.op == Filter::Op::kAnd;
    Answer out = is_and ? all(true) : Answer{};
    for (const Filter& child : filter.children) {
      RL_ASSIGN(const Answer part, of(child));
      if (is_and) {
        out.set &= part.set;
      } else {
        out.set |= part.set;
      }
      out.exact = out.exact && part.exact;
    }
    return out;
  }

  Result<Answer> term(const Term& term) const {
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
        RL_TRY(terms_.token(token_of(key_, Term{term.dimension, value}), out.set));
        out.exact = false;
        break;
      }
      case Dimension::kActor:  // an id as it is, or a name
        RL_TRY(terms_.bitmap(term, out.set));
        RL_TRY(terms_.bitmap({term.dimension, normalise(term.value)}, out.set));
        break;
      default:
        if (is_token(term.dimension)) {
          RL_TRY(terms_.token(token_of(key_, term), out.set));
          out.exact = false;
        } else {
          RL_TRY(terms_.bitmap(term, out.set));
        }
    }
    return out;
  }

  const RangeTerms& terms_;
  const ShortHashKey& key_;
};

}  // namespace

Result<PositionSet> evaluate(const Filter& filter, const RangeTerms& terms, const ShortHashKey& key) {
  RL_ASSIGN(const Answer out, Evaluation(terms, key).of(filter));
  PositionSet set = out.set;
  PositionSet existing;
  existing.invert(terms.count());
  set &= existing;
  return set;
}

}  // namespace rowledger::store
