#include "view/completion.h"

#include <algorithm>
#include <optional>

#include "store/terms.h"

namespace rowledger::view {
namespace {

using store::Dimension;

constexpr size_t kMaxTexts = 20, kMaxValues = 2'000;

struct Place {
  size_t word = 0;   // where the word begins, with its key
  size_t value = 0;  // where what is completed begins
  std::string_view key;
};

Place place_of(std::string_view text) {
  Place out;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == ' ' || c == '\t' || c == '(' || (c == '-' && i == out.word)) {
      out = {i + 1, i + 1, {}};
    } else if (c == ':' && out.key.empty()) {
      out.key = text.substr(out.word, i - out.word);
      out.value = i + 1;
    } else if (c == ',' && !out.key.empty()) {
      out.value = i + 1;
    }
  }
  return out;
}

std::optional<Dimension> dimension_of(std::string_view key) {
  constexpr std::pair<std::string_view, Dimension> kDimensions[] = {
      {"table", Dimension::kTable}, {"field", Dimension::kField}, {"actor", Dimension::kActor},
      {"via", Dimension::kVia},     {"trust", Dimension::kTrust}, {"role", Dimension::kRole},
      {"kind", Dimension::kKind},   {"org", Dimension::kTenant},  {"tenant", Dimension::kTenant}};
  for (const auto& [name, dimension] : kDimensions)
    if (name == key) return dimension;
  return std::nullopt;
}

Result<std::vector<std::string>> values_of(const View& view, std::string_view key) {
  if (key == "op") return std::vector<std::string>{"create", "modify", "remove", "truncate"};
  if (key == "is") return std::vector<std::string>{"housekeeping", "unattributed", "bulk", "forged"};
  const auto dimension = dimension_of(key);
  if (!dimension) return std::vector<std::string>();
  return view.scope().values_of(*dimension, kMaxValues);
}

}  // namespace

Result<Completion> complete(const View& view, std::string_view text, size_t position) {
  position = std::min(position, text.size());
  const Place place = place_of(text.substr(0, position));
  Completion out{place.value, position - place.value, {}};
  const std::string begun = store::normalise(text.substr(place.value, out.length));
  std::vector<std::string> all;
  if (place.key.empty()) {
    for (const std::string_view key : query::search_keys()) all.push_back(std::string(key) + ":");
  } else {
    RL_ASSIGN(all, values_of(view, place.key));
  }
  std::ranges::stable_sort(all, {}, [](const std::string& each) { return each.size(); });
  for (std::string& each : all)
    if (out.texts.size() < kMaxTexts && store::normalise(each).starts_with(begun)) out.texts.push_back(std::move(each));
  return out;
}

}  // namespace rowledger::view
