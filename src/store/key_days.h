#pragma once
// When keys that retention destroyed were in use, and so where the entries stand that they sealed. No database here.
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace rowledger::store {

// Days of UTC since 1970-01-01.
class KeyDays {
 public:
  // "<first>-<last>" in lines. kCorrupt when it is none.
  static Result<KeyDays> parse(std::string_view text);
  std::string format() const;

  bool empty() const { return last_by_first_.empty(); }
  // A key was taken into use on the first day, and not used after the last.
  void add(uint32_t first, uint32_t last);

  // Of a range of the index: when its first entry was received, and when the newest of its first bundle was. These can
  // differ from the order of the log: an entry may have been noted earlier than it was appended.
  struct Begin {
    uint32_t first = 0, newest = 0;
  };
  // The ranges, by the beginnings of all, in which something may stand that was appended on one of the days.
  // What is received and not appended yet is at any time less than a range.
  std::vector<uint64_t> ranges(const std::vector<Begin>& begins) const;

  bool operator==(const KeyDays&) const = default;

 private:
  std::map<uint32_t, uint32_t> last_by_first_;
};

}  // namespace rowledger::store
