#include "app/render.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

namespace rowledger::app {
namespace {

using api::JsonView;
using Kind = JsonView::Kind;

constexpr size_t kValueCharacters = 80;
constexpr size_t kFieldsShown = 12;
constexpr std::string_view kIndent = "         ";

std::string plain_table(const std::string& table) { return table.starts_with("public.") ? table.substr(7) : table; }

std::string key_text(JsonView key) {
  std::string out;
  key.for_each_member([&](std::string_view, JsonView value) {
    if (!out.empty()) out += ',';
    out += displayable(value.text(), kValueCharacters);
    return true;
  });
  return out;
}

// A value with a word for each way of not being there.
std::string value_text(JsonView value, const RenderOptions& options) {
  if (value.kind() == Kind::kNull) return "NULL";
  const std::string text = value.text();
  if (text.empty()) return "(empty)";
  return displayable(text, options.whole ? 0 : kValueCharacters);
}

// One member of a change: "old" or "new".
std::string side_text(JsonView change, std::string_view side, const RenderOptions& options) {
  const JsonView value = change[side];
  if (value) return value_text(value, options);
  return change["unknown"].is_true() && side == "old" ? "(unknown)" : "(absent)";
}

std::string when_text(JsonView entry) {
  const JsonView committed = entry["tx"]["committed_at"];
  const std::string text = (committed ? committed : entry["received_at"]).text();
  const auto time = Timestamp::parse(text);
  return time ? show_time(*time) : displayable(text, kValueCharacters);
}

std::string who_text(JsonView entry) {
  const JsonView actor = entry["actor"], database = entry["db"];
  std::string name = actor["name"].text();
  if (name.empty()) name = actor["id"].text();
  const std::string trust = actor["trust"].text(), role = database["role"].text();
  if (name.empty()) {
    if (role.empty()) return "somebody unknown";
    name = "database role " + role;
    const std::string application = database["application"].text();
    if (!application.empty()) name += " in " + application;
    return displayable(name, kValueCharacters);
  }
  name = displayable(name, kValueCharacters);
  return trust.empty() ? name : fmt::format("{} ({})", name, trust);
}

std::string what_text(const std::string& kind, JsonView entry) {
  const std::string row = displayable(plain_table(entry["table"].text()), 0) + " " + key_text(entry["key"]);
  if (kind == "insert") return "added " + row;
  if (kind == "delete") return "removed " + row;
  if (kind == "update") {
    const JsonView old_key = entry["old_key"];
    return old_key ? fmt::format("changed {} (was {})", row, key_text(old_key)) : "changed " + row;
  }
  if (kind == "baseline") return "recorded as it was: " + row;
  if (kind == "truncate") return "emptied " + displayable(plain_table(entry["table"].text()), 0);
  return kind;
}

bool is_about_row(const std::string& kind) {
  return kind == "insert" || kind == "update" || kind == "delete" || kind == "baseline";
}

std::string field_name(JsonView change) {
  const std::string path = change["path"].text();
  return displayable(change["field"].text() + (path.empty() ? "" : " " + path), kValueCharacters);
}

std::string change_text(const std::string& kind, JsonView change, const Style& style, const RenderOptions& options) {
  if (kind == "insert" || kind == "baseline") return style.green(side_text(change, "new", options));
  if (kind == "delete") return style.red(side_text(change, "old", options));
  return style.red(side_text(change, "old", options)) + " → " + style.green(side_text(change, "new", options));
}

// Says nothing: an inserted row's NULL.
bool is_idle(const std::string& kind, JsonView change) {
  if (kind == "insert" || kind == "baseline") return change["new"].kind() == Kind::kNull;
  return kind == "delete" && change["old"].kind() == Kind::kNull;
}

std::string changes_text(const std::string& kind, JsonView changes, const Style& style, const RenderOptions& options) {
  std::vector<JsonView> shown;
  size_t width = 0, left_out = 0;
  changes.for_each_item([&](JsonView change) {
    if (!options.whole && is_idle(kind, change)) return true;
    if (!options.whole && shown.size() == kFieldsShown) {
      ++left_out;
      return true;
    }
    shown.push_back(change);
    width = std::max(width, field_name(change).size());
    return true;
  });
  std::string out;
  for (const JsonView change : shown) {
    out +=
        fmt::format("{}{:<{}}   {}\n", kIndent, field_name(change), width, change_text(kind, change, style, options));
  }
  if (left_out > 0) out += fmt::format("{}and {} more field{}\n", kIndent, left_out, left_out == 1 ? "" : "s");
  return out;
}

// "reason: slot lost" for each member of a control entry's detail.
std::string detail_text(JsonView detail, const RenderOptions& options) {
  std::string out;
  detail.for_each_member([&](std::string_view name, JsonView value) {
    out += fmt::format("{}{}: {}\n", kIndent, displayable(name, kValueCharacters), value_text(value, options));
    return true;
  });
  return out;
}

std::string context_text(JsonView entry, const RenderOptions& options) {
  std::string out;
  entry["context"].for_each_member([&](std::string_view name, JsonView value) {
    if (name == "reason" || options.whole)
      out += fmt::format("       {}: {}\n", displayable(name, kValueCharacters), value_text(value, options));
    return true;
  });
  return out;
}

std::string marks_text(JsonView entry) {
  std::string out;
  const std::string tenant = entry["tenant"].text();
  if (!tenant.empty()) out += fmt::format(" [org {}]", displayable(tenant, kValueCharacters));
  if (entry["housekeeping"].is_true()) out += " [housekeeping]";
  if (entry["forged"].is_true()) out += " [forged signature]";
  return out;
}

std::string transaction_text(JsonView entry) {
  const JsonView tx = entry["tx"], database = entry["db"];
  std::string out;
  if (tx)
    out += fmt::format("       transaction {} at {}, change {}\n", tx["xid"].text(), tx["lsn"].text(),
                       tx["ordinal"].text());
  if (database) {
    out += "       database";
    database.for_each_member([&](std::string_view name, JsonView value) {
      out += fmt::format(" {} {}", name, displayable(value.text(), kValueCharacters));
      return true;
    });
    out += '\n';
  }
  return out;
}

std::string row_fields(JsonView row, const RenderOptions& options) {
  size_t width = 0;
  row.for_each_member([&](std::string_view name, JsonView) {
    width = std::max(width, name.size());
    return true;
  });
  std::string out;
  row.for_each_member([&](std::string_view name, JsonView value) {
    const bool unknown = value["unknown"].is_true();
    out +=
        fmt::format("  {:<{}}   {}\n", displayable(name, 0), width, unknown ? "(unknown)" : value_text(value, options));
    return true;
  });
  return out;
}

std::string since_text(JsonView side) {
  if (!side["known"].is_true()) return "not in the log";
  std::string out = side["exists"].is_true() ? "there" : "not there";
  if (side["seq"]) out += ", since entry #" + side["seq"].text();
  return out;
}

}  // namespace

std::string render_entry(JsonView entry, const RenderOptions& options) {
  const Style style(options.colour);
  const std::string kind = entry["kind"].text(), seq = "#" + entry["seq"].text();
  const std::string head = fmt::format("{:<6} {}", style.bold(seq), style.dim(when_text(entry)));
  if (kind == "gap") {
    return fmt::format("{}  {} {}\n{}{}", head, style.alarm("GAP: changes may be missing here"),
                       displayable(plain_table(entry["table"].text()) + " " + key_text(entry["key"]), 0),
                       changes_text(kind, entry["changes"], style, options), detail_text(entry["detail"], options));
  }
  if (!is_about_row(kind) && kind != "truncate") {
    const std::string table = entry["table"].text();
    return fmt::format("{}  {}{}\n{}", head, kind, table.empty() ? "" : " " + displayable(plain_table(table), 0),
                       detail_text(entry["detail"], options));
  }
  const std::string via = entry["via"].text();
  const std::string by =
      kind == "baseline" ? "" : who_text(entry) + (via.empty() || via == "unknown" ? "" : " via " + via) + "  ";
  std::string out = fmt::format("{}  {}{}{}\n", head, by, what_text(kind, entry), marks_text(entry));
  // Why, before the long list of what.
  out += context_text(entry, options);
  if (kind != "baseline" || options.whole) out += changes_text(kind, entry["changes"], style, options);
  if (options.whole) out += transaction_text(entry);
  return out;
}

std::string render_row(JsonView answer, const RenderOptions& options) {
  const std::string row = displayable(plain_table(answer["table"].text()) + " " + answer["key"].text(), 0);
  if (!answer["exists"].is_true())
    return fmt::format("{} was not there at {}.\n", row, displayable(answer["when"].text(), 0));
  return fmt::format("{} at {}, as entry #{} left it:\n{}", row, displayable(answer["when"].text(), 0),
                     answer["seq"].text(), row_fields(answer["row"], options));
}

std::string render_diff(JsonView answer, const RenderOptions& options) {
  const Style style(options.colour);
  const JsonView from = answer["from"], to = answer["to"];
  std::string out = fmt::format("{}\n  from {}: {}\n  to   {}: {}\n",
                                displayable(plain_table(answer["table"].text()) + " " + answer["key"].text(), 0),
                                displayable(from["when"].text(), 0), since_text(from),
                                displayable(to["when"].text(), 0), since_text(to));
  const std::string changes = changes_text("update", answer["changes"], style, options);
  return out + (changes.empty() ? "  no difference\n" : changes);
}

}  // namespace rowledger::app
