#include "privacy/shared_dictionary.h"

#include <algorithm>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>

namespace rowledger::privacy {
namespace {

constexpr size_t kMinDictionaryBytes = 32;
constexpr size_t kMinRunBytes = 4;  // zstd finds nothing shorter
constexpr size_t kMaxRunTokens = 256;
// Only what is in one row of so many is worth its place.
constexpr size_t kRarest = 200;

using RunId = uint32_t;
constexpr RunId kRare = ~RunId{0};

bool is_punctuation(char c) {
  return c == '{' || c == '}' || c == '[' || c == ']' || c == ',' || c == ':' || c == ' ' || c == '\n' || c == '\t' ||
         c == '\r';
}

// The end of the scalar that begins at `at`: behind the closing quote of a string, else before the next punctuation.
size_t end_of_scalar(std::string_view text, size_t at) {
  if (text[at] != '"') {
    while (at < text.size() && !is_punctuation(text[at])) ++at;
    return at;
  }
  for (++at; at < text.size(); ++at) {
    if (text[at] == '\\') {
      ++at;
    } else if (text[at] == '"') {
      return at + 1;
    }
  }
  return text.size();
}

// How many rows and different subjects a token or run was seen with; subjects are counted up to `enough`.
struct Count {
  uint32_t rows = 0;
  uint32_t last_row = ~uint32_t{0};
  RunId id = kRare;
  std::vector<uint32_t> subjects;

  void see(uint32_t row, uint32_t subject, size_t enough) {
    if (last_row != row) ++rows;
    last_row = row;
    if (subjects.size() < enough && std::find(subjects.begin(), subjects.end(), subject) == subjects.end()) {
      subjects.push_back(subject);
    }
  }
  bool is_shared(size_t all_rows, size_t enough) const {
    return subjects.size() >= enough && rows * kRarest >= all_rows;
  }
};

using Tokens = std::vector<uint32_t>;

// A row as the numbers of its shared tokens, in order.
struct Row {
  uint32_t subject = 0;
  Tokens tokens;
};

struct Run {
  Tokens tokens;
  uint32_t rows = 0;
  uint64_t bytes = 0;
};

class Builder {
 public:
  Builder(const std::vector<Sample>& samples, size_t min_subjects) : min_subjects_(min_subjects) {
    count_tokens(samples);
    keep_shared();
  }

  // The longest runs that are shared as wholes, and how many rows have each.
  std::vector<Run> runs() const {
    // Level by level: a run of n + 1 tokens can be shared only if the run of its first n is.
    std::vector<std::vector<RunId>> active;  // of each row and position, the shared run that begins there
    for (const Row& row : rows_) active.emplace_back(row.tokens.begin(), row.tokens.end());
    std::vector<Run> shared;
    for (uint32_t token = 0; token < texts_.size(); ++token) shared.push_back({{token}, 0, texts_[token].size()});
    std::vector<Run> out;
    for (size_t length = 1; length < kMaxRunTokens && !shared.empty(); ++length) {
      std::vector<Run> longer = extend(active, length, shared);
      for (Run& run : shared) {
        if (run.rows > 0) out.push_back(std::move(run));
      }
      shared = std::move(longer);
    }
    return out;
  }

  std::string_view text(uint32_t token) const { return texts_[token]; }

 private:
  void count_tokens(const std::vector<Sample>& samples) {
    std::unordered_map<std::string_view, uint32_t> subjects;
    const size_t count = std::min(samples.size(), kMaxSamples);
    for (size_t row = 0; row < count; ++row) {
      const auto subject =
          subjects.try_emplace(samples[row].subject, static_cast<uint32_t>(subjects.size())).first->second;
      rows_.push_back({.subject = subject, .tokens = {}});
      for (const SampleValue& value : samples[row].values) {
        take(value, subject);
      }
    }
  }

  void take(const SampleValue& value, uint32_t subject) {
    if (!value.is_json) return see(std::string(value.lead).append(value.text.substr(0, kMaxTokenBytes + 1)), subject);
    for (const std::string_view token : json_tokens(value.text)) see(std::string(token), subject);
  }

  void see(std::string token, uint32_t subject) {
    Row& row = rows_.back();
    if (token.empty() || token.size() > kMaxTokenBytes || row.tokens.size() >= kMaxRowTokens) return;
    const auto [at, is_new] = numbers_.try_emplace(std::move(token), static_cast<uint32_t>(counts_.size()));
    if (is_new) {
      counts_.emplace_back();
      texts_.push_back(at->first);
    }
    counts_[at->second].see(static_cast<uint32_t>(rows_.size() - 1), subject, min_subjects_);
    row.tokens.push_back(at->second);
  }

  // Leaves the rarer tokens out and numbers the rest anew.
  void keep_shared() {
    std::vector<std::string_view> kept;
    for (size_t i = 0; i < counts_.size(); ++i) {
      if (!counts_[i].is_shared(rows_.size(), min_subjects_)) continue;
      counts_[i].id = static_cast<RunId>(kept.size());
      kept.push_back(texts_[i]);
    }
    texts_ = std::move(kept);
    for (Row& row : rows_) {
      std::erase_if(row.tokens, [&](uint32_t token) { return counts_[token].id == kRare; });
      for (uint32_t& token : row.tokens) token = counts_[token].id;
    }
  }

  // Makes runs of length + 1 of those of `length` that `active` names. Of `shared`, the runs of `length`, `rows` then
  // tells how many rows have one that is not part of a longer.
  std::vector<Run> extend(std::vector<std::vector<RunId>>& active, size_t length, std::vector<Run>& shared) const {
    const auto key_at = [&](size_t row, size_t at) {
      return uint64_t{active[row][at]} << 32 | rows_[row].tokens[at + length];
    };
    const auto can_grow = [&](size_t row, size_t at) {
      return active[row][at] != kRare && at + length < rows_[row].tokens.size();
    };
    std::unordered_map<uint64_t, Count> counts;
    for (size_t row = 0; row < rows_.size(); ++row) {
      for (size_t at = 0; at < active[row].size(); ++at) {
        if (can_grow(row, at))
          counts[key_at(row, at)].see(static_cast<uint32_t>(row), rows_[row].subject, min_subjects_);
      }
    }
    std::vector<Run> longer;
    for (size_t row = 0; row < rows_.size(); ++row) {
      for (size_t at = 0; at < active[row].size(); ++at) {
        RunId& run = active[row][at];
        if (run == kRare) continue;
        Count* const count = can_grow(row, at) ? &counts[key_at(row, at)] : nullptr;
        if (count == nullptr || !count->is_shared(rows_.size(), min_subjects_)) {
          ++shared[run].rows;
          run = kRare;
          continue;
        }
        if (count->id == kRare) {
          count->id = static_cast<RunId>(longer.size());
          const uint32_t token = rows_[row].tokens[at + length];
          longer.push_back({shared[run].tokens, 0, shared[run].bytes + texts_[token].size()});
          longer.back().tokens.push_back(token);
        }
        run = count->id;
      }
    }
    return longer;
  }

  const size_t min_subjects_;
  std::map<std::string, uint32_t> numbers_;  // keeps the tokens' bytes in place
  std::vector<std::string_view> texts_;
  std::vector<Count> counts_;
  std::vector<Row> rows_;
};

}  // namespace

std::vector<std::string_view> json_tokens(std::string_view text) {
  std::vector<std::string_view> out;
  size_t at = 0;
  while (at < text.size()) {
    const size_t start = at;
    while (at < text.size() && is_punctuation(text[at])) ++at;
    if (at == text.size()) {
      out.push_back(text.substr(start));
      break;
    }
    const size_t end = end_of_scalar(text, at);
    size_t colon = end;
    while (colon < text.size() && (text[colon] == ' ' || text[colon] == '\n')) ++colon;
    if (text[at] == '"' && colon < text.size() && text[colon] == ':') {
      // A member's name goes with the punctuation on both of its sides.
      at = colon + 1;
      while (at < text.size() && text[at] == ' ') ++at;
      out.push_back(text.substr(start, at - start));
    } else {
      if (at > start) out.push_back(text.substr(start, at - start));
      out.push_back(text.substr(at, end - at));
      at = end;
    }
  }
  return out;
}

namespace {

// Chooses pieces of runs until the dictionary is full: of each run what is new in it, with a token on either side, so
// that the same words do not fill it in every combination.
class Choice {
 public:
  Choice(const Builder& builder, size_t max_bytes) : builder_(builder), left_(max_bytes) {}

  void take(const Tokens& run) {
    if (run.size() == 1 && !seen_.contains(run[0])) add(run, 0, 1);
    for (size_t i = 0; i + 1 < run.size();) {
      size_t end = i;
      while (end + 1 < run.size() && !seen_pairs_.contains({run[end], run[end + 1]})) ++end;
      if (end > i) add(run, i, end + 1);
      i = end + 1;
    }
  }

  // zstd's offsets are shortest to the end, so the most typical stands there.
  std::string text() const {
    std::string out;
    for (auto piece = pieces_.rbegin(); piece != pieces_.rend(); ++piece) out += *piece;
    return out;
  }

 private:
  void add(const Tokens& run, size_t begin, size_t end) {
    std::string piece;
    for (size_t i = begin; i < end; ++i) piece += builder_.text(run[i]);
    if (piece.size() < kMinRunBytes || piece.size() > left_) return;
    for (size_t i = begin; i < end; ++i) {
      seen_.insert(run[i]);
      if (i + 1 < end) seen_pairs_.insert({run[i], run[i + 1]});
    }
    left_ -= piece.size();
    pieces_.push_back(std::move(piece));
  }

  const Builder& builder_;
  size_t left_;
  std::set<uint32_t> seen_;
  std::set<std::pair<uint32_t, uint32_t>> seen_pairs_;
  std::vector<std::string> pieces_;
};

}  // namespace

std::string build_shared_dictionary(const std::vector<Sample>& samples, size_t max_bytes, size_t names_of_one) {
  const Builder builder(samples, kMinSubjects * names_of_one);
  std::vector<Run> runs = builder.runs();
  // What saves most first. Then by the tokens' numbers, which follow from the samples alone.
  std::sort(runs.begin(), runs.end(), [](const Run& a, const Run& b) {
    const uint64_t saves_a = a.rows * a.bytes, saves_b = b.rows * b.bytes;
    return saves_a != saves_b ? saves_a > saves_b : a.tokens < b.tokens;
  });
  Choice choice(builder, max_bytes);
  for (const Run& run : runs) choice.take(run.tokens);
  std::string out = choice.text();
  if (out.size() < kMinDictionaryBytes) out.clear();
  return out;
}

}  // namespace rowledger::privacy
