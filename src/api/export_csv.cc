// One line per changed field; an entry without changes is one line.
#include "api/export_entry.h"
#include "api/export_lines.h"

namespace rowledger::api {
namespace {

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
constexpr std::string_view kColumns =
    "seq,time,actor,actor_id,trust,via,kind,table,key,tenant,field,path,old,new,flags,reason,request,role,application,"
    "client,xid,subject,source,detail\r\n";

// What a spreadsheet takes for the beginning of a formula: = + - @, the full-width forms included, a tab, a line end.
bool begins_a_formula(std::string_view text) {
  static constexpr std::string_view kFirst = "=+-@\t\r\n", kFullWidth = "\xEF\xBC", kThird = "\x9D\x8B\x8D\xA0";
  if (text.empty()) return false;
  if (kFirst.find(text.front()) != std::string_view::npos) return true;
  return text.starts_with(kFullWidth) && text.size() > 2 && kThird.find(text[2]) != std::string_view::npos;
}

// Of a value: nothing at all when it is NULL or not there, which an empty text ("") is not.
void append_value(std::string& out, const JsonView& value) {
  std::string scratch;
  switch (value.kind()) {
    case JsonView::Kind::kNone:
    case JsonView::Kind::kNull: return;
    case JsonView::Kind::kBool:
    case JsonView::Kind::kNumber: out += value.raw(); return;
    default: append_csv_text(out, value.text(scratch));
  }
}

void append_text(std::string& out, const JsonView& value) {
  std::string scratch;
  if (value) append_csv_text(out, value.text(scratch));
}

// One change, its members found in one walk.
struct CsvChange {
  JsonView field, path, before, after;
  bool masked = false, unknown = false, new_unknown = false;

  CsvChange() = default;
  explicit CsvChange(const JsonView& change) {
    change.for_each_member([this](std::string_view name, JsonView value) {
      if (name == "field") field = value;
      if (name == "path") path = value;
      if (name == "old") before = value;
      if (name == "new") after = value;
      if (name == "masked") masked = value.is_true();
      if (name == "unknown") unknown = value.is_true();
      if (name == "new_unknown") new_unknown = value.is_true();
      return true;
    });
  }
};

std::string flags_of(const ExportEntry& entry, const CsvChange& change) {
  std::string out;
  const auto add = [&](bool set, std::string_view word) {
    if (!set) return;
    if (!out.empty()) out += ' ';
    out += word;
  };
  add(entry.housekeeping, "housekeeping");
  add(entry.bulk, "bulk");
  add(entry.forged, "forged");
  add(entry.erased, "erased");
  add(entry.locked, "locked");
  add(change.masked, "masked");
  add(change.unknown, "old-unknown");
  add(change.new_unknown, "new-unknown");
  return out;
}

// What all lines of an entry have in front of the change, and behind it.
struct Shared {
  std::string before, after;
};

Shared shared_of(const ExportEntry& entry) {
  Shared out;
  out.before.append(entry.seq.raw()).append(",").append(entry.time());
  const auto add = [](std::string& to, const JsonView& value) {
    to += ',';
    append_text(to, value);
  };
  add(out.before, entry.actor["name"]);
  add(out.before, entry.actor["id"]);
  add(out.before, entry.actor["trust"]);
  add(out.before, entry.via);
  add(out.before, entry.kind);
  add(out.before, entry.table);
  out.before += ',';
  if (entry.key) append_csv_text(out.before, entry.key_text());
  add(out.before, entry.tenant);
  add(out.after, entry.context["reason"]);
  add(out.after, entry.context["request_id"]);
  add(out.after, entry.db["role"]);
  add(out.after, entry.db["application"]);
  add(out.after, entry.db["client"]);
  add(out.after, entry.tx["xid"]);
  add(out.after, entry.subject);
  add(out.after, entry.source);
  add(out.after, entry.detail);
  out.after += "\r\n";
  return out;
}

void append_line(std::string& out, const ExportEntry& entry, const Shared& shared, const CsvChange& change) {
  out.append(shared.before).push_back(',');
  append_text(out, change.field);
  out += ',';
  append_text(out, change.path);
  out += ',';
  append_value(out, change.before);
  out += ',';
  append_value(out, change.after);
  out += ',';
  if (const std::string flags = flags_of(entry, change); !flags.empty()) append_csv_text(out, flags);
  out.append(shared.after);
}

}  // namespace

void append_csv_text(std::string& out, std::string_view text) {
  out += '"';
  if (begins_a_formula(text)) out += '\'';
  for (size_t quote; (quote = text.find('"')) != std::string_view::npos; text.remove_prefix(quote + 1))
    out.append(text.substr(0, quote)).append("\"\"");
  out.append(text).push_back('"');
}

void append_csv_head(std::string& out) { out.append(kByteOrderMark).append(kColumns); }

void append_csv_lines(const ExportEntry& entry, std::string& out) {
  const Shared shared = shared_of(entry);
  bool any = false;
  entry.changes.for_each_item([&](JsonView change) {
    any = true;
    append_line(out, entry, shared, CsvChange(change));
    return true;
  });
  if (!any) append_line(out, entry, shared, {});
}

}  // namespace rowledger::api
