#include "query/json_diff.h"

#include <unordered_map>

#include "query/json_scan.h"

namespace rowledger::query {
namespace {

bool is_container(JsonKind kind) { return kind == JsonKind::kObject || kind == JsonKind::kArray; }

void append_pointer(std::string& path, std::string_view name) {
  path += '/';
  for (const char c : name) {
    if (c == '~') {
      path += "~0";
    } else if (c == '/') {
      path += "~1";
    } else {
      path += c;
    }
  }
}

class Differ {
 public:
  std::vector<JsonDifference> found;

  // False when there are too many differences.
  bool compare(std::string_view before, std::string_view after, int depth) {
    if (before == after) return true;
    const JsonKind kind = json_kind(before);
    if (!is_container(kind) || kind != json_kind(after) || depth >= kMaxDiffDepth) return add(before, after);
    const size_t found_before = found.size();
    const std::vector<JsonMember> olds = json_members(before), news = json_members(after);
    bool by_path;
    const bool few = kind == JsonKind::kArray ? compare_arrays(olds, news, depth, by_path = true)
                                              : compare_objects(olds, news, depth, by_path);
    if (!few) return false;
    if (by_path) return true;
    found.resize(found_before);
    return add(before, after);
  }

 private:
  bool add(std::optional<std::string_view> before, std::optional<std::string_view> after) {
    found.push_back({path_, before, after});
    return found.size() <= kMaxDifferences;
  }

  template <class Step>
  bool at(std::string_view name, Step step) {
    const size_t length = path_.size();
    append_pointer(path_, name);
    const bool few = step();
    path_.resize(length);
    return few;
  }

  bool compare_arrays(const std::vector<JsonMember>& olds, const std::vector<JsonMember>& news, int depth, bool) {
    for (size_t i = 0; i < olds.size() || i < news.size(); ++i) {
      const bool few = at(std::to_string(i), [&] {
        if (i >= olds.size()) return add(std::nullopt, news[i].value);
        if (i >= news.size()) return add(olds[i].value, std::nullopt);
        return compare(olds[i].value, news[i].value, depth + 1);
      });
      if (!few) return false;
    }
    return true;
  }

  // by_path: false when a name stands twice in one of the two, so that a path would be ambiguous.
  bool compare_objects(const std::vector<JsonMember>& olds, const std::vector<JsonMember>& news, int depth,
                       bool& by_path) {
    std::unordered_map<std::string_view, std::string_view> old_values, new_values;
    for (const JsonMember& member : olds) old_values.emplace(member.name, member.value);
    for (const JsonMember& member : news) new_values.emplace(member.name, member.value);
    by_path = old_values.size() == olds.size() && new_values.size() == news.size();
    if (!by_path) return true;
    for (const JsonMember& member : olds) {
      const auto other = new_values.find(member.name);
      const bool few = at(member.name, [&] {
        return other == new_values.end() ? add(member.value, std::nullopt)
                                         : compare(member.value, other->second, depth + 1);
      });
      if (!few) return false;
    }
    for (const JsonMember& member : news)
      if (!old_values.contains(member.name) && !at(member.name, [&] { return add(std::nullopt, member.value); }))
        return false;
    return true;
  }

  std::string path_;
};

}  // namespace

std::optional<std::vector<JsonDifference>> json_differences(std::string_view before, std::string_view after) {
  if (before.size() > kMaxDiffBytes || after.size() > kMaxDiffBytes) return std::nullopt;
  if (!is_container(json_kind(before)) || json_kind(before) != json_kind(after)) return std::nullopt;
  Differ differ;
  if (!differ.compare(before, after, 0) || differ.found.empty()) return std::nullopt;
  if (differ.found.size() == 1 && differ.found.front().path.empty()) return std::nullopt;
  return std::move(differ.found);
}

}  // namespace rowledger::query
