#pragma once
// The scalars of a JSON text, with where they stand; a scanner, not a parser: it trusts that the text
// is JSON (it comes from PostgreSQL's json types) and stops quietly where it is not.
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

namespace rowledger::store {

struct JsonLeaf {
  uint64_t path = 0;      // hash of the object keys and array positions that lead here
  std::string_view name;  // the innermost object key, escapes left as they are; empty in arrays
  uint32_t depth = 0;     // 1 for a member of the outermost object
  bool is_string = false;
  std::string_view text;  // a string's characters, or a number, true, false as written; null is left out
};

// The leaves of one text. Views point into the text and into this object.
class JsonLeaves {
 public:
  static constexpr size_t kMaxLeaves = 4'096;
  static constexpr uint32_t kMaxDepth = 128;

  // False when the text ended or broke early, or has more than kMaxLeaves; what came before is there.
  bool scan(std::string_view json);
  const std::vector<JsonLeaf>& leaves() const { return leaves_; }

 private:
  bool value(uint64_t path, std::string_view name, uint32_t depth);
  bool object(uint64_t path, uint32_t depth);
  bool array(uint64_t path, uint32_t depth);
  bool string(std::string_view& raw, bool& escaped);
  std::string_view unescape(std::string_view raw);
  void skip_space();
  bool take(char c);

  std::string_view in_;
  std::vector<JsonLeaf> leaves_;
  std::deque<std::string> unescaped_;
};

}  // namespace rowledger::store
