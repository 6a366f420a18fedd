#pragma once
// What rowledger.toml and the ROWLEDGER_... environment say. docs/configuration.md lists the keys.
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "capture/settings.h"
#include "view/policy.h"

namespace rowledger::app {

struct ViaEntry {
  std::string role, application, via;
};

struct Config {
  std::string source_name;
  std::string source_url;   // the administrator's: attach and detach
  std::string capture_url;  // empty: made from source_url, role and the role's password
  std::string role = "rowledger";
  std::string password_file;  // empty: the key file has the role's password
  std::string slot = "rowledger";
  std::string publication = "rowledger";

  std::vector<capture::TableSettings> tables;
  std::vector<ViaEntry> via;

  bool trigger = true;

  int64_t warn_retained_bytes = int64_t{1} << 30;
  int64_t watch_interval_ms = 2'000;
  bool yield_to_others = true;

  bool seal = true;
  std::string master_key_file;
  std::string master_key_command;
  int64_t key_period_days = 30;

  int64_t keep_days = 180;
  int64_t erase_after_days = 0;
  std::vector<std::string> retention_tenants;

  bool tree = true;
  std::string second_checkpoint;

  std::vector<view::MaskSettings> masks;
  view::MaskSettings context{.plain = {"request_id"}, .text = {"reason"}};
  view::NamesSettings names;

  std::string time_zone = "UTC";
  std::vector<std::string> labels;  // "language_id/1=English", "language_id=languages.label"

  std::string http_listen = "127.0.0.1:7070";  // empty: only the Unix socket
  std::string http_certificate, http_key;
  std::string http_allow_plain_remote;
  std::string http_public_url;
  std::vector<std::string> http_trusted_proxies;
  int64_t http_connections = 2'048, http_connections_per_address = 256;

  int64_t export_keep_hours = 24;

  int64_t session_idle_minutes = 60, session_hours = 12;

  std::string oidc_issuer, oidc_audience;
  std::string oidc_jwks_url;
  std::string oidc_role_claim = "rowledger_role", oidc_tenant_claim = "rowledger_tenant", oidc_name_claim = "name";
  std::vector<std::string> oidc_roles;  // "claim's value=role"
  std::string oidc_every_tenant = "*";
};

// What the configuration says about who sees what.
view::PolicySettings policy_settings(const Config& config);
// "127.0.0.1:7070", "[::1]:7070", "localhost:7070". The address is one that can be listened on.
struct ListenAddress {
  std::string address;
  uint16_t port = 0;
  bool loopback() const;
  std::string to_url_host() const;  // "127.0.0.1", "[::1]"
};
std::optional<ListenAddress> parse_listen(std::string_view text);

// What must stand in http.allow_plain_remote to serve other machines without TLS.
inline constexpr char kPlainRemoteWords[] = "I understand that passwords and values travel unencrypted";

// The environment's variables, name to value.
using Environment = std::map<std::string, std::string>;
Environment process_environment();

struct ParsedConfig {
  Config config;
  std::vector<std::string> warnings;
};

// text: of a rowledger.toml; shown: its name for error messages. The environment wins over the text.
// Errors (kInvalid) name line, column and, for unknown keys, the nearest right one. A ROWLEDGER_...
// variable that means nothing is a warning: it may belong to another program.
Result<ParsedConfig> parse_config(std::string_view text, std::string_view shown, const Environment& environment);

// What `init` writes: every key with its explanation, the given ones set.
std::string config_text(const Config& config);

// What of each section is not as by default, in TOML; nothing of the others.
std::map<std::string, std::string, std::less<>> section_texts(const Config& config);

// Of config.retention_tenants, "1=365": how many days each tenant's values are kept, 0 for ever. kInvalid when it makes
// no sense; parse_config refuses that.
Result<std::map<std::string, uint32_t, std::less<>>> retention_by_tenant(const Config& config);

// The names of all keys as they stand in messages and documents, "source.url" or "table.name".
std::vector<std::string> config_keys();

// Connection string of the capture role: capture_url, or source_url with user and password replaced.
std::string capture_conninfo(const Config& config, std::string_view password);

// The database that a URL or key=value connection string names; empty when it names none.
std::string database_of(std::string_view conninfo);

}  // namespace rowledger::app
