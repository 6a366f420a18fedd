#include "view/mask_policy.h"

#include <fmt/format.h>

#include "base/json_text.h"
#include "query/json_scan.h"

namespace rowledger::view {
namespace {

constexpr size_t kMaxPlaces = 10'000, kMaxParts = 32;

std::vector<std::string_view> parts_of(std::string_view place) {
  std::vector<std::string_view> out;
  while (true) {
    const size_t slash = place.find('/');
    out.push_back(place.substr(0, slash));
    if (slash == std::string_view::npos) return out;
    place.remove_prefix(slash + 1);
  }
}

Status classify(MaskNode& table, Mask mask, const std::string& place) {
  const auto wrong = [&](std::string_view what) {
    return fail(ErrorCode::kInvalid, fmt::format("\"{}\" {}", place, what));
  };
  const std::vector<std::string_view> parts = parts_of(place);
  if (parts.size() > kMaxParts) return wrong("has too many parts; 32 are the most");
  MaskNode* node = &table;
  bool twice = false;
  for (const std::string_view part : parts) {
    if (part.empty()) return wrong("has an empty part; write a column, or column/member/...");
    node = &node->children[std::string(part)];
    twice = twice || node->mask.has_value();
  }
  if (twice || node->has_places()) return wrong("is classified twice, itself or as a part of something");
  node->mask = mask;
  return {};
}

void append_hidden(std::string& out) { append_json_string(out, kBullets); }

void append_scalar(Mask mask, std::string_view json, std::string& out, bool& changed) {
  const auto text = query::json_scalar_text(json);
  if (!text) {  // null
    out += json;
    return;
  }
  const std::string shown = mask_text(mask, *text);
  if (shown == *text) {
    out += json;
    return;
  }
  changed = true;
  append_json_string(out, shown);
}

void append_masked(const MaskNode& node, std::string_view json, std::string& out, bool& changed);

void append_members(const MaskNode& node, std::string_view json, std::string& out, bool& changed) {
  const bool is_object = query::json_kind(json) == query::JsonKind::kObject;
  bool first = true, unclassified = false;
  const auto begin = [&] {
    if (!first) out += is_object ? ", " : ",";
    first = false;
  };
  out += is_object ? '{' : '[';
  size_t position = 0;
  for (const query::JsonMember& member : query::json_members(json)) {
    const MaskNode* child = node.child(is_object ? member.name : std::to_string(position));
    ++position;
    if (child == nullptr) {
      unclassified = true;
      continue;
    }
    begin();
    if (is_object) {
      append_json_string(out, member.name);
      out += ": ";
    }
    append_masked(*child, member.value, out, changed);
  }
  if (unclassified) {
    changed = true;
    begin();
    if (is_object) {
      append_hidden(out);
      out += ": ";
    }
    append_hidden(out);
  }
  out += is_object ? '}' : ']';
}

void append_masked(const MaskNode& node, std::string_view json, std::string& out, bool& changed) {
  if (node.is(Mask::kPlain)) {
    out += json;
    return;
  }
  const query::JsonKind kind = query::json_kind(json);
  const bool is_container = kind == query::JsonKind::kObject || kind == query::JsonKind::kArray;
  if (node.has_places() && is_container) return append_members(node, json, out, changed);
  if (node.mask && !is_container) return append_scalar(*node.mask, json, out, changed);
  if (json == "null") {
    out += json;
    return;
  }
  changed = true;
  append_hidden(out);
}

}  // namespace

const MaskNode* MaskNode::child(std::string_view name) const {
  auto found = children.find(name);
  if (found == children.end()) found = children.find(std::string_view("*"));
  return found == children.end() ? nullptr : &found->second;
}

Result<MaskPolicy> MaskPolicy::make(const std::vector<MaskSettings>& tables) {
  MaskPolicy out;
  size_t places = 0;
  for (const MaskSettings& table : tables) {
    MaskNode& root = out.tables_[table.table];
    const std::pair<Mask, const std::vector<std::string>*> lists[] = {
        {Mask::kPlain, &table.plain}, {Mask::kPhone, &table.phone}, {Mask::kName, &table.name},
        {Mask::kDate, &table.date},   {Mask::kText, &table.text},   {Mask::kHidden, &table.hidden}};
    for (const auto& [mask, list] : lists) {
      places += list->size();
      if (places > kMaxPlaces) return fail(ErrorCode::kInvalid, "more than 10,000 columns are classified");
      for (const std::string& place : *list) {
        if (Status added = classify(root, mask, place); !added)
          return fail(std::move(added.error()).with_context(fmt::format("the masks of {}", table.table)));
      }
    }
  }
  return out;
}

const MaskNode* MaskPolicy::column(std::string_view table, std::string_view column) const {
  const auto found = tables_.find(table);
  if (found == tables_.end()) return nullptr;
  // Not child(): a column's name is never "any other".
  const auto node = found->second.children.find(column);
  return node == found->second.children.end() ? nullptr : &node->second;
}

MaskNode MaskPolicy::table(std::string_view table) const {
  const auto found = tables_.find(table);
  return found == tables_.end() ? MaskNode() : found->second;
}

std::string mask_json(const MaskNode& node, std::string_view json, bool& changed) {
  std::string out;
  append_masked(node, json, out, changed);
  return out;
}

}  // namespace rowledger::view
