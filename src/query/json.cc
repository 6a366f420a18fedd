#include "query/json.h"

#include <algorithm>
#include <utility>

#include "base/crypto.h"
#include "base/json_text.h"
#include "query/json_diff.h"
#include "query/json_scan.h"

namespace rowledger::query {
namespace {

using record::Entry;
using record::FieldChange;
using record::Presence;
using record::ValueForm;

// Writes members of an object one after another.
class ObjectWriter {
 public:
  explicit ObjectWriter(std::string& out) : out_(out) { out_ += '{'; }
  void end() { out_ += '}'; }

  std::string& name(std::string_view name) {
    if (!first_) out_ += ',';
    first_ = false;
    append_json_string(out_, name);
    out_ += ':';
    return out_;
  }
  void string(std::string_view member, std::string_view text) { append_json_string(name(member), text); }
  void string_unless_empty(std::string_view member, std::string_view text) {
    if (!text.empty()) string(member, text);
  }
  void number(std::string_view member, uint64_t value) { name(member) += std::to_string(value); }
  void boolean(std::string_view member, bool value) { name(member) += value ? "true" : "false"; }

 private:
  std::string& out_;
  bool first_ = true;
};

bool is_json_number(std::string_view text) {
  return !text.empty() && (text.front() == '-' || (text.front() >= '0' && text.front() <= '9')) && is_json(text) &&
         text.back() != ' ' && text.back() != '\n' && text.back() != '\t' && text.back() != '\r';
}

// JSON as it is, on one line: between its parts a line break says no more than a space.
void append_verbatim(std::string& out, std::string_view json) {
  const size_t start = out.size();
  out += json;
  for (size_t i = start; i < out.size(); ++i)
    if (out[i] == '\n' || out[i] == '\r') out[i] = ' ';
}

void append_value(std::string& out, ValueForm form, Presence presence, std::string_view text) {
  if (presence == Presence::kNull) {
    out += "null";
  } else if (form == ValueForm::kBool && (text == "t" || text == "f")) {
    out += text == "t" ? "true" : "false";
  } else if (form == ValueForm::kNumber && is_json_number(text)) {
    out += text;
  } else if (form == ValueForm::kJson && is_json(text) && is_utf8(text)) {
    append_verbatim(out, text);
  } else {
    append_json_string(out, text);
  }
}

// One side of a change, under "old" or "new".
void append_side(ObjectWriter& object, std::string_view name, ValueForm form, const record::Value& value) {
  switch (value.presence) {
    case Presence::kAbsent: return;
    case Presence::kUnknown: object.boolean(name == "old" ? "unknown" : "new_unknown", true); return;
    case Presence::kNull:
    case Presence::kValue:
      append_value(object.name(name), form, value.presence, value.text);
      if (value.presence == Presence::kValue && !is_utf8(value.text))
        object.string(std::string(name) + "_hex", to_hex(value.text));
  }
}

// Adds the change by paths into its JSON; false, and nothing added, when it is to be shown whole.
bool add_paths(std::vector<FieldChange>& out, const FieldChange& change, std::deque<std::string>& texts) {
  const record::Value &before = change.before, &after = change.after;
  if (change.form != ValueForm::kJson || !change.path.empty() || change.masked) return false;
  if (before.presence != Presence::kValue || after.presence != Presence::kValue) return false;
  if (before.text.size() > kMaxDiffBytes || after.text.size() > kMaxDiffBytes) return false;
  if (!is_json(before.text) || !is_json(after.text) || !is_utf8(before.text) || !is_utf8(after.text)) return false;
  auto differences = json_differences(before.text, after.text);
  if (!differences) return false;
  const auto side = [](const std::optional<std::string_view>& text) {
    return text ? record::Value::of(*text) : record::Value{};
  };
  for (JsonDifference& difference : *differences)
    out.push_back({change.field, ValueForm::kJson, side(difference.before), side(difference.after),
                   texts.emplace_back(std::move(difference.path))});
  return true;
}

void append_changes(std::string& out, const std::vector<FieldChange>& changes) {
  std::deque<std::string> texts;
  out += '[';
  for (bool first = true; const FieldChange& change : by_path(changes, texts)) {
    if (!std::exchange(first, false)) out += ',';
    ObjectWriter object(out);
    object.string("field", change.field);
    if (!change.path.empty()) object.string("path", change.path);
    append_side(object, "old", change.form, change.before);
    append_side(object, "new", change.form, change.after);
    if (change.masked) object.boolean("masked", true);
    object.end();
  }
  out += ']';
}

void append_key(std::string& out, const std::vector<record::KeyPart>& key) {
  ObjectWriter object(out);
  for (const record::KeyPart& part : key) object.string(part.column, part.value);
  object.end();
}

void append_actor(ObjectWriter& object, const Entry& entry) {
  const record::Attribution& who = entry.body.attribution;
  const bool is_known =
      !who.actor_id.empty() || !who.actor_name.empty() || entry.header.trust != record::Trust::kUnknown;
  const bool is_change = record::is_change(entry.header.kind);
  if (is_known || is_change) {
    ObjectWriter actor(object.name("actor"));
    actor.string_unless_empty("id", who.actor_id);
    actor.string_unless_empty("name", who.actor_name);
    actor.string_unless_empty("name_from", who.name_from);
    actor.string("trust", to_string(entry.header.trust));
    if (entry.header.has(record::kActorFromColumn)) actor.boolean("from_column", true);
    actor.end();
  }
  if (is_change || entry.header.via != record::Via::kUnknown) object.string("via", to_string(entry.header.via));
  if (!who.role.empty() || !who.application.empty() || !who.client.empty()) {
    ObjectWriter db(object.name("db"));
    db.string_unless_empty("role", who.role);
    db.string_unless_empty("application", who.application);
    db.string_unless_empty("client", who.client);
    db.end();
  }
  if (who.context.empty()) return;
  if (!entry.header.has(record::kContextMalformed) && json_kind(who.context) == JsonKind::kObject &&
      is_json(who.context) && is_utf8(who.context)) {
    append_verbatim(object.name("context"), who.context);
  } else {
    object.string("context_raw", who.context);
  }
}

void append_tx(ObjectWriter& object, const record::TxIdentity& identity) {
  ObjectWriter tx(object.name("tx"));
  if (identity.xid != 0) tx.string("xid", std::to_string(identity.xid));
  tx.string("lsn", identity.commit_lsn.to_string());
  tx.number("ordinal", identity.ordinal);
  if (identity.committed_at.us != 0) tx.string("committed_at", identity.committed_at.to_string());
  tx.string_unless_empty("origin", identity.origin);
  tx.end();
}

void append_row(std::string& out, const RowImage& row) {
  ObjectWriter object(out);
  for (const RowImage::Field& field : row.fields) {
    if (field.presence == Presence::kAbsent) continue;
    if (field.presence == Presence::kUnknown) {
      object.name(field.name) += "{\"unknown\":true}";
    } else {
      append_value(object.name(field.name), field.form, field.presence, field.text);
    }
  }
  object.end();
}

void append_masked(ObjectWriter& object, const Images& images) {
  const std::vector<std::string_view> names = masked_columns(images);
  if (names.empty()) return;
  std::string& out = object.name("masked");
  out += '[';
  for (const std::string_view name : names) {
    if (out.back() != '[') out += ',';
    append_json_string(out, name);
  }
  out += ']';
}

void append_owner(ObjectWriter& object, const Entry& entry) {
  object.string_unless_empty("source", entry.header.source);
  object.string_unless_empty("table", entry.header.table);
  if (!entry.body.key.empty()) append_key(object.name("key"), entry.body.key);
  if (!entry.body.old_key.empty()) append_key(object.name("old_key"), entry.body.old_key);
  if (!entry.header.tenant.empty()) {
    object.string("tenant", entry.header.tenant);
    object.number("tenant_seq", entry.header.tenant_seq);
  }
  object.string_unless_empty("subject", entry.body.subject);
}

}  // namespace

std::vector<std::string_view> masked_columns(const Images& images) {
  std::vector<std::string_view> out;
  for (const auto* row : {&images.before, &images.after}) {
    if (!*row) continue;
    for (const RowImage::Field& field : (*row)->fields)
      if (field.masked && std::ranges::count(out, field.name) == 0) out.push_back(field.name);
  }
  return out;
}

std::string to_json(const Entry& entry, const Images* images) {
  const record::EntryHeader& header = entry.header;
  const bool is_change = record::is_change(header.kind);
  std::string out;
  out.reserve(768);
  ObjectWriter object(out);
  object.number("seq", header.seq.value);
  object.string("kind", to_string(header.kind));
  append_owner(object, entry);
  if (is_change || !entry.body.changes.empty()) append_changes(object.name("changes"), entry.body.changes);
  append_actor(object, entry);
  if (header.tx) append_tx(object, *header.tx);
  object.string("received_at", header.received_at.to_string());
  if (is_change) object.boolean("housekeeping", header.has(record::kHousekeeping));
  if (entry.values == record::Values::kErased) object.boolean("erased", true);
  if (entry.values == record::Values::kLocked) object.boolean("locked", true);
  if (header.has(record::kForged)) object.boolean("forged", true);
  if (header.has(record::kBulk)) object.boolean("bulk", true);
  if (header.prev) object.number("prev", header.prev->value);
  if (const std::string_view detail = entry.body.detail; !detail.empty()) {
    if (is_json(detail) && is_utf8(detail)) {
      append_verbatim(object.name("detail"), detail);
    } else {
      object.string("detail", detail);
    }
  }
  if (images != nullptr && images->before) append_row(object.name("before"), *images->before);
  if (images != nullptr && images->after) append_row(object.name("after"), *images->after);
  if (images != nullptr) append_masked(object, *images);
  object.end();
  return out;
}

std::vector<FieldChange> by_path(const std::vector<FieldChange>& changes, std::deque<std::string>& texts) {
  std::vector<FieldChange> out;
  out.reserve(changes.size());
  for (const FieldChange& change : changes)
    if (!add_paths(out, change, texts)) out.push_back(change);
  return out;
}

std::string to_json(const RowImage& row) {
  std::string out;
  append_row(out, row);
  return out;
}

}  // namespace rowledger::query
