#include "app/config.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <unistd.h>

#include <toml++/toml.h>
#include <algorithm>
#include <charconv>

#include "app/config_keys.h"
#include "app/suggest.h"
#include "base/ascii.h"
#include "people/principal.h"

namespace rowledger::app {
namespace {

constexpr std::string_view kPrefix = "ROWLEDGER_";
constexpr int64_t kMostDays = 36'500;
constexpr size_t kMaxSourceNameBytes = 200;  // it stands in every entry's header

std::string upper(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  return out;
}

std::string did_you_mean(std::string_view word, const std::vector<std::string>& right_ones) {
  const std::string best = nearest(word, right_ones);
  return best.empty() ? "" : fmt::format(" - did you mean \"{}\"?", best);
}

// ---- TOML -----------------------------------------------------------------------------------

class TomlReader {
 public:
  explicit TomlReader(std::string_view shown) : shown_(shown) {}

  Status read(const toml::table& root, Config& config) {
    for (const auto& [name, node] : root) {
      const std::string_view section = name.str();
      if (section == "table") {
        RL_TRY(read_list(node, section, table_keys(), config.tables));
      } else if (section == "via") {
        RL_TRY(read_list(node, section, via_keys(), config.via));
      } else if (section == "mask") {
        RL_TRY(read_list(node, section, mask_keys(), config.masks));
      } else if (is_section(section)) {
        const toml::table* table = node.as_table();
        if (table == nullptr) return wrong(node, fmt::format("\"{0}\" is a section, [{0}]", section));
        RL_TRY(read_table(*table, section, plain_keys(), config));
      } else {
        return wrong(name, fmt::format("unknown section \"{}\"{}", section, did_you_mean(section, sections())));
      }
    }
    return {};
  }

  template <class Where>
  tl::unexpected<Error> wrong(const Where& where, std::string_view what) const {
    const auto& at = where.source().begin;
    return fail(ErrorCode::kInvalid, fmt::format("{}, line {}, column {}: {}", shown_, at.line, at.column, what));
  }

 private:
  static std::vector<std::string> sections() {
    std::vector<std::string> out = {"table", "via", "mask"};
    for (const auto& key : plain_keys())
      if (std::find(out.begin(), out.end(), key.section) == out.end()) out.emplace_back(key.section);
    return out;
  }
  static bool is_section(std::string_view name) {
    const auto all = sections();
    return std::find(all.begin(), all.end(), name) != all.end();
  }

  template <class Target>
  Status read_list(const toml::node& node, std::string_view section, const std::vector<ConfigKey<Target>>& keys,
                   std::vector<Target>& out) {
    const toml::array* list = node.as_array();
    if (list == nullptr) return wrong(node, fmt::format("\"{0}\" is a list: begin each element with [[{0}]]", section));
    for (const auto& element : *list) {
      const toml::table* table = element.as_table();
      if (table == nullptr)
        return wrong(element, fmt::format("\"{0}\" is a list: begin each element with [[{0}]]", section));
      RL_TRY(read_table(*table, section, keys, out.emplace_back()));
    }
    return {};
  }

  template <class Target>
  Status read_table(const toml::table& table, std::string_view section, const std::vector<ConfigKey<Target>>& keys,
                    Target& target) {
    for (const auto& [name, node] : table) {
      const ConfigKey<Target>* found = nullptr;
      std::vector<std::string> names;
      for (const auto& key : keys) {
        if (key.section != section) continue;
        names.emplace_back(key.name);
        if (key.name == name.str()) found = &key;
      }
      if (found == nullptr)
        return wrong(name,
                     fmt::format("unknown key \"{}\" in [{}]{}", name.str(), section, did_you_mean(name.str(), names)));
      auto value = convert(node, found->type);
      if (!value) return wrong(node, fmt::format("{}.{} must be {}", section, found->name, describe(found->type)));
      found->set(target, std::move(*value));
    }
    return {};
  }

  static std::optional<ConfigValue> convert(const toml::node& node, ValueType type) {
    switch (type) {
      case ValueType::kText:
        if (const auto* v = node.as_string()) return ConfigValue(v->get());
        break;
      case ValueType::kNumber:
        if (const auto* v = node.as_integer()) return ConfigValue(v->get());
        break;
      case ValueType::kFlag:
        if (const auto* v = node.as_boolean()) return ConfigValue(v->get());
        break;
      case ValueType::kTexts: {
        const auto* list = node.as_array();
        if (list == nullptr) break;
        std::vector<std::string> out;
        for (const auto& item : *list) {
          const auto* text = item.as_string();
          if (text == nullptr) return std::nullopt;
          out.push_back(text->get());
        }
        return ConfigValue(std::move(out));
      }
    }
    return std::nullopt;
  }

  const std::string_view shown_;
};

// ---- environment ----------------------------------------------------------------------------

std::optional<ConfigValue> convert(const std::string& text, ValueType type) {
  switch (type) {
    case ValueType::kText: return ConfigValue(text);
    case ValueType::kNumber: {
      int64_t value = 0;
      const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
      if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
      return ConfigValue(value);
    }
    case ValueType::kFlag:
      if (text == "true" || text == "1") return ConfigValue(true);
      if (text == "false" || text == "0") return ConfigValue(false);
      return std::nullopt;
    case ValueType::kTexts: {
      std::vector<std::string> out;
      for (size_t at = 0; at < text.size();) {
        const size_t comma = std::min(text.find(',', at), text.size());
        out.push_back(text.substr(at, comma - at));
        at = comma + 1;
      }
      return ConfigValue(std::move(out));
    }
  }
  return std::nullopt;
}

// Variables that are no configuration keys but known: of this program, and of the scripts around it.
bool is_other_variable(std::string_view name) {
  for (const std::string_view known : {"ROWLEDGER_DIR", "ROWLEDGER_CONTEXT_KEY"})
    if (name == known) return true;
  for (const std::string_view prefix : {"ROWLEDGER_TEST_", "ROWLEDGER_BENCH_", "ROWLEDGER_DEMO_", "ROWLEDGER_DEV_"})
    if (name.starts_with(prefix)) return true;
  return false;
}

template <class Target>
Result<bool> set_from(const std::string& variable, const std::string& value, std::string_view key_name,
                      const std::vector<ConfigKey<Target>>& keys, Target& target) {
  for (const auto& key : keys) {
    if (key_name != key.name) continue;
    auto converted = convert(value, key.type);
    if (!converted) {
      return fail(ErrorCode::kInvalid, fmt::format("the environment variable {} must be {}", variable,
                                                   key.type == ValueType::kTexts ? "a list, a,b" : describe(key.type)));
    }
    key.set(target, std::move(*converted));
    return true;
  }
  return false;
}

// ROWLEDGER_TABLE_0_NAME: the first table's name. One number beyond the last makes a new element.
template <class Target>
Result<bool> set_element(const std::string& variable, const std::string& value, std::string_view section,
                         const std::vector<ConfigKey<Target>>& keys, std::vector<Target>& list) {
  std::string_view rest = variable;
  rest.remove_prefix(kPrefix.size());
  const std::string head = upper(section) + "_";
  if (!rest.starts_with(head)) return false;
  rest.remove_prefix(head.size());
  size_t index = 0;
  const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), index);
  if (error != std::errc() || end == rest.data() + rest.size() || *end != '_') return false;
  rest.remove_prefix(static_cast<size_t>(end - rest.data()) + 1);
  if (index > list.size()) {
    return fail(ErrorCode::kInvalid, fmt::format("the environment variable {} names element {}, but there are only {} "
                                                 "before it (the first one is 0)",
                                                 variable, index, list.size()));
  }
  Target fresh;
  Target& target = index < list.size() ? list[index] : fresh;
  RL_ASSIGN(const bool known, set_from(variable, value, lower_case(rest), keys, target));
  if (known && index == list.size()) list.push_back(std::move(fresh));
  return known;
}

// The 10 of ROWLEDGER_TABLE_10_NAME; 0 where there is none.
uint64_t element_number(std::string_view variable) {
  const size_t at = std::min(variable.find_first_of("0123456789"), variable.size());
  uint64_t number = 0;
  std::from_chars(variable.data() + at, variable.data() + variable.size(), number);
  return number;
}

// The port alone; the address stays as it is configured, or is the default's.
Status set_port(const std::string& value, Config& config) {
  const auto listen = parse_listen(config.http_listen.empty() ? Config().http_listen : config.http_listen);
  uint16_t port = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), port);
  if (error != std::errc() || end != value.data() + value.size())
    return fail(ErrorCode::kInvalid, "the environment variable ROWLEDGER_HTTP_PORT must be a port, 0 to 65535");
  // What cannot be read is told by check().
  if (listen) config.http_listen = fmt::format("{}:{}", listen->to_url_host(), port);
  return {};
}

Status apply_environment(const Environment& environment, Config& config, std::vector<std::string>& warnings) {
  std::vector<std::string> names;
  for (const auto& key : plain_keys())
    names.push_back(fmt::format("{}{}_{}", kPrefix, upper(key.section), upper(key.name)));
  // By number, not by name: element 10 comes after element 2.
  std::vector<std::pair<std::string, std::string>> ordered(environment.begin(), environment.end());
  std::ranges::stable_sort(ordered, {}, [](const auto& pair) { return element_number(pair.first); });
  for (const auto& [variable, value] : ordered) {
    if (!variable.starts_with(kPrefix) || is_other_variable(variable)) continue;
    if (variable == "ROWLEDGER_HTTP_PORT") {
      RL_TRY(set_port(value, config));
      continue;
    }
    const auto place = std::find(names.begin(), names.end(), variable);
    if (place != names.end()) {
      const auto& key = plain_keys()[static_cast<size_t>(place - names.begin())];
      RL_TRY(set_from(variable, value, key.name, std::vector{key}, config));
      continue;
    }
    RL_ASSIGN(const bool in_table, set_element(variable, value, "table", table_keys(), config.tables));
    if (in_table) continue;
    RL_ASSIGN(const bool in_via, set_element(variable, value, "via", via_keys(), config.via));
    if (in_via) continue;
    RL_ASSIGN(const bool in_mask, set_element(variable, value, "mask", mask_keys(), config.masks));
    if (!in_mask)
      warnings.push_back(fmt::format("the environment variable {} means nothing to Rowledger{}", variable,
                                     did_you_mean(variable, names)));
  }
  return {};
}

// ---- sense ----------------------------------------------------------------------------------

tl::unexpected<Error> nonsense(std::string_view shown, std::string_view what) {
  return fail(ErrorCode::kInvalid, fmt::format("{}: {}", shown, what));
}

Status check_tables(const Config& config, std::string_view shown) {
  if (config.tables.empty()) return nonsense(shown, "no table is configured: add a [[table]] with its name");
  for (size_t i = 0; i < config.tables.size(); ++i) {
    const auto& table = config.tables[i];
    if (table.table.empty()) return nonsense(shown, fmt::format("[[table]] number {} has no name", i + 1));
    if (!table.subject.empty() && table.subject != "self" && table.subject_column.empty()) {
      return nonsense(shown,
                      fmt::format("table {}: subject = \"{}\" needs subject_column, the column that points there",
                                  table.table, table.subject));
    }
    for (size_t j = 0; j < i; ++j)
      if (config.tables[j].table == table.table)
        return nonsense(shown, fmt::format("table {} stands there twice", table.table));
  }
  return {};
}

Status check_via(const Config& config, std::string_view shown) {
  static const std::vector<std::string> kWays = {"app", "job", "flow", "import", "trigger", "sql", "undo"};
  for (const auto& rule : config.via) {
    if (!record::parse_via(rule.via)) {
      return nonsense(shown, fmt::format("via = \"{}\" is no way in{}; there are {}", rule.via,
                                         did_you_mean(rule.via, kWays), fmt::join(kWays, ", ")));
    }
  }
  return {};
}

void name_in_public(std::string& table) {
  if (!table.empty() && table.find('.') == std::string::npos) table.insert(0, "public.");
}

Status check_sight(Config& config, std::string_view shown) {
  name_in_public(config.names.table);
  for (auto& mask : config.masks) {
    if (mask.table.empty()) return nonsense(shown, "a [[mask]] has no table");
    name_in_public(mask.table);
  }
  const auto policy = view::Policy::make(policy_settings(config));
  if (!policy) return nonsense(shown, policy.error().message);
  const auto check_captured = [&](std::string_view key, const std::string& table) -> Status {
    if (std::ranges::find(config.tables, table, &capture::TableSettings::table) != config.tables.end()) return {};
    return nonsense(
        shown,
        fmt::format("{} names \"{}\", which is none of the tables that are captured: add a [[table]]", key, table));
  };
  if (!config.names.table.empty()) RL_TRY(check_captured("names.table", config.names.table));
  for (const auto& [column, names] : policy->label_tables) RL_TRY(check_captured("display.labels", names.table));
  return {};
}

Status check_http(const Config& config, std::string_view shown) {
  if (config.http_certificate.empty() != config.http_key.empty())
    return nonsense(shown, "http.certificate and http.key belong together: give both or neither");
  if (config.http_connections < 1 || config.http_connections > 100'000 || config.http_connections_per_address < 1)
    return nonsense(shown, "http.connections must be from 1 to 100000, http.connections_per_address 1 or more");
  if (config.session_idle_minutes < 1 || config.session_hours < 1 || config.session_hours > 24 * 90 ||
      config.session_idle_minutes > config.session_hours * 60) {
    return nonsense(
        shown, "people.session_hours must be from 1 to 2160, people.session_idle_minutes from 1 to as long as that");
  }
  if (!config.http_public_url.empty() && !config.http_public_url.starts_with("https://") &&
      !config.http_public_url.starts_with("http://"))
    return nonsense(shown, "http.public_url must begin with https:// or http://");
  if (config.http_listen.empty()) return {};
  const auto listen = parse_listen(config.http_listen);
  if (!listen) return nonsense(shown, "http.listen must be an IP address and a port, 127.0.0.1:7070 or [::1]:7070");
  if (listen->loopback() || !config.http_certificate.empty() || config.http_allow_plain_remote == kPlainRemoteWords)
    return {};
  return nonsense(shown, fmt::format("http.listen = \"{}\" is open to other machines, and without http.certificate and "
                                     "http.key passwords and values could be read on the way. Configure both, or say "
                                     "http.allow_plain_remote = \"{}\"",
                                     config.http_listen, kPlainRemoteWords));
}

// https, or this machine itself, for tests and for a provider beside it.
bool is_trustworthy_url(std::string_view url) {
  for (const std::string_view start : {"https://", "http://127.0.0.1:", "http://[::1]:", "http://localhost:"})
    if (url.starts_with(start) && url.size() > start.size()) return true;
  return false;
}

Status check_oidc(const Config& config, std::string_view shown) {
  if (config.oidc_issuer.empty() && config.oidc_audience.empty() && config.oidc_jwks_url.empty()) return {};
  if (config.oidc_issuer.empty() || config.oidc_audience.empty())
    return nonsense(shown, "oidc.issuer and oidc.audience belong together: give both or neither");
  if (!is_trustworthy_url(config.oidc_issuer)) return nonsense(shown, "oidc.issuer must begin with https://");
  if (!config.oidc_jwks_url.empty() && !is_trustworthy_url(config.oidc_jwks_url))
    return nonsense(shown, "oidc.jwks_url must begin with https://");
  if (config.oidc_role_claim.empty() || config.oidc_tenant_claim.empty())
    return nonsense(shown, "oidc.role_claim and oidc.tenant_claim must not be empty");
  for (const std::string& rule : config.oidc_roles) {
    const size_t equals = rule.rfind('=');
    if (equals == std::string::npos || equals == 0 || !people::parse_role(rule.substr(equals + 1)))
      return nonsense(shown, "oidc.roles takes VALUE=ROLE each, \"staff-audit=auditor\"");
  }
  return {};
}

Status check_retention(const Config& config, std::string_view shown) {
  if (config.key_period_days < 1 || config.key_period_days > kMostDays)
    return nonsense(shown, fmt::format("privacy.key_period_days must be from 1 to {}", kMostDays));
  if (config.keep_days < 0 || config.keep_days > kMostDays)
    return nonsense(shown, fmt::format("retention.keep_days must be from 0 to {}", kMostDays));
  const auto by_tenant = retention_by_tenant(config);
  if (!by_tenant) return nonsense(shown, by_tenant.error().message);
  // What a key sealed last in its period goes with what it sealed first.
  const int64_t least = config.keep_days + config.key_period_days;
  const auto is_too_early = [&](int64_t days) { return days != 0 && (days < least || days > kMostDays); };
  bool too_early = is_too_early(config.erase_after_days);
  for (const auto& [tenant, days] : *by_tenant) too_early = too_early || is_too_early(days);
  if (too_early)
    return nonsense(shown,
                    fmt::format("retention must be 0 or from {} (retention.keep_days and privacy.key_period_days "
                                "together) to {} days",
                                least, kMostDays));
  return {};
}

Status check_exports(const Config& config, std::string_view shown) {
  constexpr int64_t kMostHours = 24 * 365;
  if (config.export_keep_hours >= 1 && config.export_keep_hours <= kMostHours) return {};
  return nonsense(shown, fmt::format("exports.keep_hours must be from 1 to {}", kMostHours));
}

Status check(Config& config, std::string_view shown) {
  for (auto& table : config.tables) {
    if (!table.table.empty() && table.table.find('.') == std::string::npos) table.table.insert(0, "public.");
    if (!table.subject.empty() && table.subject != "self" && table.subject.find('.') == std::string::npos)
      table.subject.insert(0, "public.");
  }
  RL_TRY(check_tables(config, shown));
  RL_TRY(check_sight(config, shown));
  RL_TRY(check_via(config, shown));
  RL_TRY(check_retention(config, shown));
  RL_TRY(check_exports(config, shown));
  if (config.source_url.empty())
    return nonsense(shown, "source.url is missing: say how to connect, postgresql://user@host:5432/database");
  if (config.capture_url.empty() && database_of(config.source_url).empty()) {
    return nonsense(shown, "source.url names no database: postgresql://user@host:5432/DATABASE");
  }
  if (config.source_name.empty()) config.source_name = database_of(config.source_url);
  if (config.source_name.empty()) config.source_name = database_of(config.capture_url);
  if (config.source_name.empty())
    return nonsense(shown, "source.name is missing, and no URL names a database that it could be taken from");
  if (config.source_name.size() > kMaxSourceNameBytes)
    return nonsense(shown, fmt::format("source.name is too long: {} bytes are the most", kMaxSourceNameBytes));
  for (const auto& [name, value] : {std::pair("source.role", &config.role), std::pair("source.slot", &config.slot),
                                    std::pair("source.publication", &config.publication)})
    if (value->empty()) return nonsense(shown, fmt::format("{} is empty", name));
  RL_TRY(check_http(config, shown));
  RL_TRY(check_oidc(config, shown));
  if (config.watch_interval_ms < 100 || config.watch_interval_ms > 3'600'000)
    return nonsense(shown, "capture.watch_interval_ms must be from 100 to 3600000");
  if (config.warn_retained_bytes < 0) return nonsense(shown, "capture.warn_retained_bytes must not be negative");
  return {};
}

}  // namespace

view::PolicySettings policy_settings(const Config& config) {
  view::PolicySettings out;
  for (const auto& table : config.tables) out.tenant_columns.emplace(table.table, table.tenant_column);
  out.masks = config.masks;
  out.context = config.context;
  out.names = config.names;
  out.labels = config.labels;
  return out;
}

bool ListenAddress::loopback() const { return address.starts_with("127.") || address == "::1"; }
std::string ListenAddress::to_url_host() const {
  return address.find(':') == std::string::npos ? address : "[" + address + "]";
}

std::optional<ListenAddress> parse_listen(std::string_view text) {
  const size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  ListenAddress out;
  const std::string_view port = text.substr(colon + 1);
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), out.port);
  if (error != std::errc() || end != port.data() + port.size()) return std::nullopt;
  std::string_view host = text.substr(0, colon);
  const bool in_brackets = host.starts_with('[') && host.ends_with(']');
  if (in_brackets) host = host.substr(1, host.size() - 2);
  out.address = host == "localhost" ? "127.0.0.1" : std::string(host);
  unsigned char bytes[16];
  if (::inet_pton(in_brackets ? AF_INET6 : AF_INET, out.address.c_str(), bytes) != 1) return std::nullopt;
  return out;
}

Result<std::map<std::string, uint32_t, std::less<>>> retention_by_tenant(const Config& config) {
  std::map<std::string, uint32_t, std::less<>> out;
  for (const std::string& text : config.retention_tenants) {
    const size_t equals = text.rfind('=');
    uint32_t days = 0;
    const char* const end = text.data() + text.size();
    if (equals == std::string::npos || equals == 0 || equals + 1 == text.size())
      return fail(ErrorCode::kInvalid, "retention.tenants has texts such as \"1=365\"");
    const auto [at, error] = std::from_chars(text.data() + equals + 1, end, days);
    if (error != std::errc() || at != end || !out.emplace(text.substr(0, equals), days).second)
      return fail(ErrorCode::kInvalid, "retention.tenants has texts such as \"1=365\", each tenant once");
  }
  return out;
}

Environment process_environment() {
  Environment out;
  for (char** each = environ; *each != nullptr; ++each) {
    const std::string_view pair = *each;
    const size_t equals = pair.find('=');
    if (equals != std::string_view::npos) out.emplace(pair.substr(0, equals), pair.substr(equals + 1));
  }
  return out;
}

Result<ParsedConfig> parse_config(std::string_view text, std::string_view shown, const Environment& environment) {
  ParsedConfig out;
  TomlReader reader(shown);
  try {
    const toml::table root = toml::parse(text, shown);
    RL_TRY(reader.read(root, out.config));
  } catch (const toml::parse_error& e) {
    return reader.wrong(e, e.description());
  } catch (const std::exception& e) {
    return fail(ErrorCode::kInvalid, fmt::format("{} cannot be read: {}", shown, e.what()));
  }
  RL_TRY(apply_environment(environment, out.config, out.warnings));
  RL_TRY(check(out.config, shown));
  return out;
}

std::vector<std::string> config_keys() {
  std::vector<std::string> out;
  for (const auto& key : plain_keys()) out.push_back(fmt::format("{}.{}", key.section, key.name));
  for (const auto& key : table_keys()) out.push_back(fmt::format("{}.{}", key.section, key.name));
  for (const auto& key : via_keys()) out.push_back(fmt::format("{}.{}", key.section, key.name));
  for (const auto& key : mask_keys()) out.push_back(fmt::format("{}.{}", key.section, key.name));
  return out;
}

}  // namespace rowledger::app
