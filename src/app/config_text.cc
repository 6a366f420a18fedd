#include <fmt/format.h>

#include "app/config.h"
#include "app/config_keys.h"
#include "base/json_text.h"

namespace rowledger::app {
namespace {

// TOML's basic strings escape as JSON's do.
std::string toml_string(std::string_view text) {
  std::string out;
  append_json_string(out, text);
  return out;
}

std::string to_text(const ConfigValue& value) {
  if (const auto* text = std::get_if<std::string>(&value)) return toml_string(*text);
  if (const auto* number = std::get_if<int64_t>(&value)) return std::to_string(*number);
  if (const auto* flag = std::get_if<bool>(&value)) return *flag ? "true" : "false";
  std::string out = "[";
  for (const auto& text : std::get<std::vector<std::string>>(value)) {
    if (out.size() > 1) out += ", ";
    out += toml_string(text);
  }
  return out + "]";
}

void append_comment(std::string& out, std::string_view lines) {
  while (true) {
    const size_t end = lines.find('\n');
    out.append("# ").append(lines.substr(0, end)).push_back('\n');
    if (end == std::string_view::npos) return;
    lines.remove_prefix(end + 1);
  }
}

// Each key with its explanation; those with their default's value stand as comments.
template <class Target>
void append_keys(std::string& out, const std::vector<ConfigKey<Target>>& keys, std::string_view section,
                 const Target& target, bool explain) {
  const Target defaults;
  for (const auto& key : keys) {
    if (key.section != section) continue;
    const ConfigValue value = key.get(target);
    const bool is_default = value == key.get(defaults);
    if (explain) append_comment(out, key.explanation);
    if (explain || !is_default) out += fmt::format("{}{} = {}\n", is_default ? "#" : "", key.name, to_text(value));
  }
}

}  // namespace

std::string config_text(const Config& config) {
  std::string out =
      "# Configuration of Rowledger. A key can also be given as an environment variable, which wins:\n"
      "# ROWLEDGER_SOURCE_URL for url in [source], ROWLEDGER_TABLE_0_NAME for name in the first [[table]].\n"
      "# Lines that begin with # show the defaults. After a change restart `rowledger serve`; for new\n"
      "# tables run `rowledger attach` before.\n";
  std::string_view section;
  for (const auto& key : plain_keys()) {
    if (key.section == section) continue;
    section = key.section;
    out += fmt::format("\n[{}]\n", section);
    append_keys(out, plain_keys(), section, config, true);
  }
  out += "\n# The tables to capture, one [[table]] each. The keys:\n";
  for (const auto& key : table_keys()) append_comment(out, fmt::format("{}: {}", key.name, key.explanation));
  for (const auto& table : config.tables) {
    out += "\n[[table]]\n";
    append_keys(out, table_keys(), "table", table, false);
  }
  out +=
      "\n# How to tell the way in from the database role and the program's name, when no context says it;\n"
      "# the first rule that fits counts. psql is known as sql. The keys:\n";
  for (const auto& key : via_keys()) append_comment(out, fmt::format("{}: {}", key.name, key.explanation));
  if (config.via.empty()) out += "#\n# [[via]]\n# application = \"glific_web*\"\n# via = \"app\"\n";
  for (const auto& rule : config.via) {
    out += "\n[[via]]\n";
    append_keys(out, via_keys(), "via", rule, false);
  }
  out +=
      "\n# What is shown of each column to who may not see values as they are (docs/masking.md), one [[mask]] a\n"
      "# table. What no list names is hidden, but for primary keys of whole numbers. The keys:\n";
  for (const auto& key : mask_keys()) append_comment(out, fmt::format("{}: {}", key.name, key.explanation));
  for (const auto& mask : config.masks) {
    out += "\n[[mask]]\n";
    append_keys(out, mask_keys(), "mask", mask, false);
  }
  return out;
}

std::map<std::string, std::string, std::less<>> section_texts(const Config& config) {
  std::map<std::string, std::string, std::less<>> out;
  for (const auto& key : plain_keys()) {
    if (out.contains(key.section)) continue;
    append_keys(out[std::string(key.section)], plain_keys(), key.section, config, false);
  }
  const auto append_all = [&out](const auto& keys, std::string_view section, const auto& elements) {
    std::string& text = out[std::string(section)];
    for (const auto& element : elements) {
      text += fmt::format("[[{}]]\n", section);
      append_keys(text, keys, section, element, false);
    }
  };
  append_all(table_keys(), "table", config.tables);
  append_all(via_keys(), "via", config.via);
  append_all(mask_keys(), "mask", config.masks);
  std::erase_if(out, [](const auto& section) { return section.second.empty(); });
  return out;
}

}  // namespace rowledger::app
