#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstdio>

#include "app/presets.h"
#include "app/verbs.h"
#include "app/workspace.h"
#include "postgres/connection.h"
#include "privacy/key_ring.h"
#include "privacy/master_key.h"

namespace rowledger::app {
namespace {

using capture::TableSettings;

Result<std::vector<TableSettings>> tables_of(const InitOptions& options) {
  std::vector<TableSettings> out;
  if (!options.preset.empty()) {
    out = preset_tables(options.preset);
    if (out.empty()) {
      return fail(ErrorCode::kInvalid, fmt::format("there is no preset \"{}\"; there is: {}", options.preset,
                                                   fmt::join(preset_names(), ", ")));
    }
  }
  for (const auto& text : options.tables) {
    const size_t colon = text.find(':');
    TableSettings table;
    table.table = text.substr(0, colon);
    if (table.table.empty()) return fail(ErrorCode::kInvalid, "--table takes TABLE or TABLE:tenant_column");
    if (table.table.find('.') == std::string::npos) table.table.insert(0, "public.");
    if (colon != std::string::npos) table.tenant_column = text.substr(colon + 1);
    std::erase_if(out, [&](const TableSettings& each) { return each.table == table.table; });
    out.push_back(std::move(table));
  }
  if (out.empty()) out.push_back({.table = "public.contacts", .subject = "self"});
  return out;
}

Result<std::vector<std::string>> columns_of(postgres::Connection& connection, const std::string& table) {
  const size_t dot = table.find('.');
  RL_ASSIGN(const auto rows,
            connection.query("SELECT a.attname FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid "
                             "JOIN pg_namespace n ON n.oid = c.relnamespace "
                             "WHERE n.nspname = $1 AND c.relname = $2 AND c.relkind IN ('r', 'p') "
                             "AND a.attnum > 0 AND NOT a.attisdropped",
                             {table.substr(0, dot), table.substr(dot + 1)}));
  std::vector<std::string> out;
  for (const auto& row : rows.rows) out.push_back(row[0].value_or(""));
  return out;
}

// Takes out what a preset names and this database does not have. Returns what was taken out.
Result<std::vector<std::string>> fit_to_source(postgres::Connection& connection, std::vector<TableSettings>& tables) {
  std::vector<std::string> missing;
  std::vector<TableSettings> out;
  for (auto& table : tables) {
    RL_ASSIGN(const auto columns, columns_of(connection, table.table));
    if (columns.empty()) {
      missing.push_back(table.table);
      continue;
    }
    const auto has = [&](const std::string& column) {
      return std::find(columns.begin(), columns.end(), column) != columns.end();
    };
    if (!has(table.tenant_column)) table.tenant_column.clear();
    if (!table.subject_column.empty() && !has(table.subject_column)) {
      table.subject_column.clear();
      table.subject.clear();
    }
    std::erase_if(table.housekeeping, [&](const std::string& column) { return !has(column); });
    out.push_back(std::move(table));
  }
  tables = std::move(out);
  return missing;
}

// Only a preset is a guess about the database; what was asked for with --table stands as it is.
std::string adapt_preset(Config& config) {
  const auto connection = postgres::Connection::open(config.source_url);
  if (!connection) {
    return fmt::format(
        "The database could not be asked which tables it has ({}): all tables of the preset are in the file; "
        "take out what is not there.\n",
        connection.error().message);
  }
  auto tables = config.tables;
  const auto missing = fit_to_source(**connection, tables);
  if (!missing) return fmt::format("The preset could not be compared with the database: {}\n", missing.error().message);
  if (tables.empty()) return "None of the preset's tables exist in this database: see that source.url is right.\n";
  config.tables = std::move(tables);
  const auto is_captured = [&](const std::string& name) {
    return std::ranges::find(config.tables, name, &TableSettings::table) != config.tables.end();
  };
  std::erase_if(config.masks, [&](const view::MaskSettings& mask) { return !is_captured(mask.table); });
  if (!is_captured(config.names.table)) config.names = {};
  return missing->empty() ? "" : fmt::format("Not in this database, and left out: {}.\n", fmt::join(*missing, ", "));
}

Status make_directory(const std::filesystem::path& directory) {
  std::error_code error;
  std::filesystem::create_directories(directory, error);
  if (!error) std::filesystem::permissions(directory, std::filesystem::perms::owner_all, error);
  if (error)
    return fail(ErrorCode::kIo, fmt::format("cannot make the directory {}: {}", directory.string(), error.message()));
  return {};
}

Status refuse_to_overwrite(const std::filesystem::path& directory) {
  for (const auto& file : {Workspace::config_file(directory), Workspace::keys_file(directory)}) {
    std::error_code ignored;
    if (std::filesystem::exists(file, ignored)) {
      return fail(ErrorCode::kConflict,
                  fmt::format("{} exists already: edit it, or choose another directory with --dir", file.string()));
    }
  }
  const auto left = Workspace::made_for(directory, {}).second_checkpoint();
  std::error_code ignored;
  if (std::filesystem::exists(left, ignored)) {
    return fail(ErrorCode::kConflict,
                fmt::format("{} holds what a former log in this place has signed. If that log is given up, remove the "
                            "file; else choose another directory with --dir",
                            left.string()));
  }
  return {};
}

Status init(const InitOptions& options) {
  Config config;
  config.source_url = options.url;
  RL_ASSIGN(config.tables, tables_of(options));
  config.source_name = options.preset.empty() ? database_of(options.url) : options.preset;
  config.masks = preset_masks(options.preset);
  config.names = preset_names_of_actors(options.preset);
  if (options.preset == "glific") config.time_zone = "Asia/Kolkata";
  const std::string text = config_text(config);
  RL_TRY(parse_config(text, "--source and --table", {}));
  RL_TRY(refuse_to_overwrite(options.directory));
  std::string note;
  if (!options.preset.empty()) note = adapt_preset(config);
  RL_TRY(make_directory(options.directory));
  const auto master_file = Workspace::made_for(options.directory, config).master_key_file();
  RL_ASSIGN(const auto master, privacy::generate_master_key(master_file));
  RL_TRY(make_directory(Workspace::key_ring_directory(options.directory)));
  RL_TRY(privacy::KeyRing::create(Workspace::key_ring_directory(options.directory), master));
  RL_TRY(make_directory(options.directory / "store"));
  RL_TRY(make_directory(options.directory / "spool"));
  RL_TRY(write_private_file(Workspace::keys_file(options.directory), keys_text(make_keys())));
  RL_TRY(write_private_file(Workspace::config_file(options.directory), config_text(config)));
  std::string names;
  for (const auto& table : config.tables) names += (names.empty() ? "" : ", ") + table.table;
  fmt::print(
      "Made {0}: rowledger.toml with the configuration, keys.toml with this installation's secrets, keys/ with the "
      "keys of\n"
      "the people whose values it will hold. The master key is beside it, in {3}: without it nobody\n"
      "reads the values, so keep a copy elsewhere, but never together with a copy of {0}.\n"
      "Tables to capture: {1}.\n{2}"
      "Next: look at {0}/rowledger.toml, then `rowledger attach --dry-run` shows what would be done in PostgreSQL.\n",
      options.directory.string(), names, note, master_file.string());
  return {};
}

}  // namespace

int run_init(const InitOptions& options) {
  const Status done = init(options);
  return done ? kDone : report_error(done.error());
}

}  // namespace rowledger::app
