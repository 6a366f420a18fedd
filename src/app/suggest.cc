#include "app/suggest.h"

#include <algorithm>
#include <numeric>
#include <utility>

namespace rowledger::app {
namespace {

// Levenshtein distance.
size_t distance(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), size_t{0});
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = std::exchange(row[0], i);
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = std::exchange(row[j], std::min({row[j] + 1, row[j - 1] + 1, replaced}));
    }
  }
  return row.back();
}

}  // namespace

std::string nearest(std::string_view word, const std::vector<std::string>& right_ones) {
  static constexpr size_t kLongestWord = 100;
  if (word.size() > kLongestWord) return {};
  const std::string* best = nullptr;
  size_t best_distance = std::max<size_t>(2, word.size() / 3) + 1;
  for (const auto& each : right_ones) {
    const size_t d = distance(word, each);
    if (d < best_distance) {
      best = &each;
      best_distance = d;
    }
  }
  return best == nullptr ? std::string() : *best;
}

}  // namespace rowledger::app
