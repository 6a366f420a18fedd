#include "view/masker.h"

#include <algorithm>

#include "base/json_text.h"
#include "query/json_scan.h"

namespace rowledger::view {
namespace {

using record::FieldChange;
using record::Presence;
using record::Value;
using record::ValueForm;

const MaskNode kHiddenNode{Mask::kHidden, {}};
const MaskNode kPlainNode{Mask::kPlain, {}};

constexpr uint32_t kInt2 = 21, kInt4 = 23, kInt8 = 20, kUuid = 2950;  // pg_type.dat
bool is_number(uint32_t type_oid) {
  return type_oid == kInt2 || type_oid == kInt4 || type_oid == kInt8 || type_oid == kUuid;
}

// A column's value as it is shown, and in which form.
struct ShownValue {
  std::string text;
  ValueForm form = ValueForm::kText;
  bool masked = true;
};

ShownValue shown_value(const MaskNode& node, ValueForm form, std::string_view text) {
  if (form == ValueForm::kJson && query::is_json(text) && is_utf8(text) && !node.is(Mask::kHidden)) {
    ShownValue out{{}, ValueForm::kJson, false};
    out.text = mask_json(node, text, out.masked);
    return out;
  }
  ShownValue out{mask_text(node.mask.value_or(Mask::kHidden), text)};
  out.masked = out.text != text;
  if (!out.masked) out.form = form;
  return out;
}

std::vector<std::string> names_of(std::string_view pointer) {
  std::vector<std::string> out;
  while (!pointer.empty()) {
    pointer.remove_prefix(1);
    const std::string_view part = pointer.substr(0, pointer.find('/'));
    std::string& name = out.emplace_back();
    for (size_t i = 0; i < part.size(); ++i) {
      const bool escaped = part[i] == '~' && i + 1 < part.size();
      name += !escaped ? part[i] : part[++i] == '1' ? '/' : '~';
    }
    pointer.remove_prefix(part.size());
  }
  return out;
}

// The beginning of a pointer, so many names long.
std::string_view beginning(std::string_view pointer, size_t names) {
  size_t end = 0;
  for (; names > 0; --names) end = std::min(pointer.find('/', end + 1), pointer.size());
  return pointer.substr(0, end);
}

void mask_side(const MaskNode& node, ValueForm form, Value& value, FieldChange& out, std::deque<std::string>& texts) {
  if (value.presence != Presence::kValue) return;
  ShownValue shown = shown_value(node, form, value.text);
  out.masked = out.masked || shown.masked;
  // Both sides have one form: where one of them is no JSON any more, the other is written as JSON, too.
  if (form == ValueForm::kJson && shown.form != ValueForm::kJson) {
    std::string quoted;
    append_json_string(quoted, shown.text);
    shown.text = std::move(quoted);
  }
  value.text = texts.emplace_back(std::move(shown.text));
}

}  // namespace

const std::map<std::string, Masker::KeyTypes, std::less<>>& Masker::key_columns(std::string_view table) {
  if (const auto known = key_columns_.find(table); known != key_columns_.end()) return known->second;
  auto& columns = key_columns_[std::string(table)];
  for (const record::TableSchema& schema : store_.schemas()) {
    if (schema.table != table) continue;
    for (const record::Column& column : schema.columns) {
      if (!column.is_key) continue;
      KeyTypes& types = columns[column.name];
      const bool numbers = is_number(column.type_oid) && types != KeyTypes::kOther;
      types = numbers ? KeyTypes::kNumbers : KeyTypes::kOther;
    }
  }
  return columns;
}

const MaskNode& Masker::node_of(std::string_view table, std::string_view column) {
  if (in_clear_.contains(column)) return kPlainNode;
  if (const MaskNode* node = policy_.masks.column(table, column)) return *node;
  const auto& keys = key_columns(table);
  const auto key = keys.find(column);
  return key != keys.end() && key->second == KeyTypes::kNumbers ? kPlainNode : kHiddenNode;
}

bool Masker::hides_key(std::string_view table) {
  const auto& keys = key_columns(table);
  return keys.empty() ||
         std::ranges::any_of(keys, [&](const auto& key) { return !node_of(table, key.first).is(Mask::kPlain); });
}

void Masker::mask(record::Entry& entry, std::deque<std::string>& texts) {
  const std::string_view table = entry.header.table;
  std::vector<FieldChange> changes;
  changes.reserve(entry.body.changes.size());
  for (const FieldChange& change : entry.body.changes) mask_change(table, change, changes, texts);
  entry.body.changes = std::move(changes);
  mask_key(table, entry.body.key, texts);
  mask_key(table, entry.body.old_key, texts);
  mask_subject(entry.body.subject, texts);
  mask_context(entry, texts);
  mask_detail(entry, texts);
}

void Masker::mask_change(std::string_view table, const FieldChange& change, std::vector<FieldChange>& out,
                         std::deque<std::string>& texts) {
  const MaskNode& node = node_of(table, change.field);
  if (node.is(Mask::kPlain)) {
    out.push_back(change);
    return;
  }
  if (node.has_places()) {
    const std::vector<FieldChange> places = query::by_path({change}, texts);
    if (places.size() != 1 || !places.front().path.empty()) {
      for (const FieldChange& place : places) mask_places(node, place, out, texts);
      return;
    }
  }
  FieldChange shown = change;
  mask_side(node, change.form, shown.before, shown, texts);
  mask_side(node, change.form, shown.after, shown, texts);
  if (shown.masked && change.form != ValueForm::kJson) shown.form = ValueForm::kText;
  out.push_back(shown);
}

// One place inside a column's JSON. Below what nobody classified, or what is hidden as a whole, also the way there is
// hidden: it has names of members.
void Masker::mask_places(const MaskNode& column, const FieldChange& change, std::vector<FieldChange>& out,
                         std::deque<std::string>& texts) {
  const MaskNode* node = &column;
  const std::vector<std::string> names = names_of(change.path);
  size_t walked = 0;
  while (node != nullptr && node->has_places() && walked < names.size()) {
    node = node->child(names[walked]);
    walked += node != nullptr;
  }
  FieldChange shown = change;
  if (node != nullptr && (node->is(Mask::kPlain) || walked == names.size())) {
    mask_side(*node, ValueForm::kJson, shown.before, shown, texts);
    mask_side(*node, ValueForm::kJson, shown.after, shown, texts);
    out.push_back(shown);
    return;
  }
  shown.path = beginning(change.path, walked);
  mask_side(kHiddenNode, ValueForm::kJson, shown.before, shown, texts);
  mask_side(kHiddenNode, ValueForm::kJson, shown.after, shown, texts);
  shown.masked = true;
  // How many places differ below it is not told.
  const auto same = std::ranges::find_if(
      out, [&](const FieldChange& other) { return other.field == shown.field && other.path == shown.path; });
  if (same == out.end()) {
    out.push_back(shown);
    return;
  }
  if (same->before.presence == Presence::kAbsent) same->before = shown.before;
  if (same->after.presence == Presence::kAbsent) same->after = shown.after;
}

void Masker::mask_key(std::string_view table, std::vector<record::KeyPart>& key, std::deque<std::string>& texts) {
  for (record::KeyPart& part : key) {
    const MaskNode& node = node_of(table, part.column);
    if (!node.is(Mask::kPlain))
      part.value = texts.emplace_back(mask_text(node.mask.value_or(Mask::kHidden), part.value));
  }
}

// "public.contacts/42": the person's table, and the key there.
void Masker::mask_subject(std::string_view& subject, std::deque<std::string>& texts) {
  const size_t slash = subject.find('/');
  if (slash == std::string_view::npos || !hides_key(subject.substr(0, slash))) return;
  std::string shown(subject.substr(0, slash + 1));
  subject = texts.emplace_back(std::move(shown.append(kBullets)));
}

void Masker::mask_context(record::Entry& entry, std::deque<std::string>& texts) {
  std::string_view& context = entry.body.attribution.context;
  if (context.empty() || in_clear_.contains("context")) return;
  bool changed = false;
  if (!entry.header.has(record::kContextMalformed) && query::is_json(context) && is_utf8(context) &&
      query::json_kind(context) == query::JsonKind::kObject) {
    context = texts.emplace_back(mask_json(policy_.context, context, changed));
  } else {
    context = kBullets;
  }
}

void Masker::mask_detail(record::Entry& entry, std::deque<std::string>& texts) {
  using record::EntryKind;
  switch (entry.header.kind) {
    case EntryKind::kControl:
    case EntryKind::kAccess:
    case EntryKind::kAlert:
    case EntryKind::kUndo:
    case EntryKind::kErase: break;
    default: return;  // what capture says about itself has no values
  }
  std::string_view& detail = entry.body.detail;
  if (detail.empty()) return;
  bool changed = false;
  if (!query::is_json(detail) || !is_utf8(detail)) {
    detail = kBullets;
    return;
  }
  const auto table = query::json_at(detail, {"table"});
  const auto name = table ? query::json_scalar_text(*table) : std::nullopt;
  const bool shows_key = name && !hides_key(*name);
  detail = texts.emplace_back(mask_json(shows_key ? policy_.detail_and_key : policy_.detail, detail, changed));
}

void Masker::mask(std::string_view table, query::RowImage& row) {
  for (query::RowImage::Field& field : row.fields) {
    if (field.presence != Presence::kValue) continue;
    const MaskNode& node = node_of(table, field.name);
    if (node.is(Mask::kPlain)) continue;
    ShownValue shown = shown_value(node, field.form, field.text);
    field.text = std::move(shown.text);
    field.form = shown.form;
    field.masked = shown.masked;
  }
}

}  // namespace rowledger::view
