#include "app/config_keys.h"

namespace rowledger::app {
namespace {

// A key that is stored in a member of the matching type.
template <class Target, class Member>
ConfigKey<Target> key(std::string_view section, std::string_view name, Member Target::*member,
                      std::string_view explanation) {
  constexpr ValueType type = std::is_same_v<Member, std::string> ? ValueType::kText
                             : std::is_same_v<Member, bool>      ? ValueType::kFlag
                             : std::is_same_v<Member, int64_t>   ? ValueType::kNumber
                                                                 : ValueType::kTexts;
  return {section,
          name,
          type,
          explanation,
          [member](Target& target, ConfigValue value) { target.*member = std::get<Member>(std::move(value)); },
          [member](const Target& target) { return ConfigValue(target.*member); }};
}

// The same in a part of it.
template <class Part, class Member>
ConfigKey<Config> member(std::string_view section, std::string_view name, Part Config::*part, Member Part::*member,
                         std::string_view explanation) {
  const ConfigKey<Part> inner = key(section, name, member, explanation);
  return {section,
          name,
          inner.type,
          explanation,
          [part, inner](Config& config, ConfigValue value) { inner.set(config.*part, std::move(value)); },
          [part, inner](const Config& config) { return inner.get(config.*part); }};
}

}  // namespace

const std::vector<ConfigKey<Config>>& plain_keys() {
  static const std::vector<ConfigKey<Config>> keys = {
      key("source", "name", &Config::source_name,
          "What the database is called in the log. Do not change it later: entries carry it."),
      key("source", "url", &Config::source_url,
          "How an administrator connects (postgresql://user@host:5432/database). Only attach and\n"
          "detach use the user and the password in it; capture connects as the role below.\n"
          "It must be a direct connection: a pooler cannot carry replication."),
      key("source", "capture_url", &Config::capture_url,
          "How capture connects, when it is not the address above with the role's name and password."),
      key("source", "role", &Config::role,
          "The PostgreSQL role that attach makes for capture: LOGIN REPLICATION, SELECT on the tables below."),
      key("source", "password_file", &Config::password_file,
          "A file with the role's password. Empty: the one that init made, in keys.toml."),
      key("source", "slot", &Config::slot, "The replication slot's name; one for each installation of Rowledger."),
      key("source", "publication", &Config::publication, "The publication's name."),
      key("attribution", "trigger", &Config::trigger,
          "Make a statement trigger on each table that says which role and program made a change.\n"
          "Without it only transactions that announce themselves have a known actor."),
      key("capture", "warn_retained_bytes", &Config::warn_retained_bytes,
          "Warn when PostgreSQL keeps more WAL than this for the slot."),
      key("capture", "watch_interval_ms", &Config::watch_interval_ms,
          "How often to check that tables, publication and triggers are still as they should be."),
      key("capture", "yield_to_others", &Config::yield_to_others,
          "Run at a lower priority, so that on a shared machine the application goes first."),
      key("privacy", "seal", &Config::seal,
          "Seal values with a key for each person, so that they can be erased. Entries written while\n"
          "it is false stay in clear for good."),
      key("privacy", "master_key_file", &Config::master_key_file,
          "The key that all other keys are wrapped with: a file that only its owner may read. Keep it\n"
          "apart from the data directory's backups. A relative path begins in the data directory;\n"
          "empty: beside it, with .master-key behind its name."),
      key("privacy", "master_key_command", &Config::master_key_command,
          "A command that prints the master key (64 hexadecimal digits), instead of the file: for a\n"
          "key management service."),
      key("privacy", "key_period_days", &Config::key_period_days,
          "After so many days a person gets a new key, so that what is older can be erased by itself: each\n"
          "takes 75 bytes. Values go together with the oldest of their key, at most so much too early."),
      key("retention", "keep_days", &Config::keep_days,
          "No retention below erases values before so many days have passed."),
      key("retention", "erase_after_days", &Config::erase_after_days,
          "No value gets older than so many days. 0: for ever. At least keep_days and key_period_days\n"
          "together."),
      key("retention", "tenants", &Config::retention_tenants, "The same for single tenants: [\"1=365\", \"2=0\"]."),
      key("ledger", "second_checkpoint", &Config::second_checkpoint,
          "A file outside the data directory that holds the last signed checkpoint: it tells an old\n"
          "copy of the data directory from the newest one, and without it none is opened. Better on\n"
          "another disk. A relative path begins in the data directory; empty: beside it, with\n"
          ".checkpoint behind its name."),
      key("ledger", "tree", &Config::tree,
          "Keep the tree that proofs come from. Only ever false to measure what it costs."),
      member("context", "plain", &Config::context, &view::MaskSettings::plain,
             "Members of the context that the application gives (docs/attribution) which everybody sees as\n"
             "they are who sees the change. What is named nowhere is hidden."),
      member("context", "text", &Config::context, &view::MaskSettings::text,
             "Members with a text that people wrote: numbers of five digits or more and addresses of e-mail\n"
             "are hidden in it."),
      member("names", "table", &Config::names, &view::NamesSettings::table,
             "The table that says what the people are called whose ids the entries have, one of the tables\n"
             "below: \"public.users\". Empty: none. Its names are shown to everybody who sees their changes."),
      member("names", "id_column", &Config::names, &view::NamesSettings::id_column, "Its primary key: the actor's id."),
      member("names", "name_column", &Config::names, &view::NamesSettings::name_column, "Its column with the name."),
      key("http", "listen", &Config::http_listen,
          "Where the API and the web interface are served: an IP address and a port, 0 for any that is\n"
          "free. Empty: only through the Unix socket. ROWLEDGER_HTTP_PORT sets the port alone."),
      key("http", "certificate", &Config::http_certificate,
          "The certificate, with those that it is signed by behind it, as PEM, and its key. With both the\n"
          "server speaks TLS and nothing else. SIGHUP reads them again. A relative path begins in the\n"
          "data directory."),
      key("http", "key", &Config::http_key, "The certificate's private key."),
      key("http", "allow_plain_remote", &Config::http_allow_plain_remote,
          "Without a certificate other machines are refused, unless this says:\n"
          "\"I understand that passwords and values travel unencrypted\"."),
      key("http", "public_url", &Config::http_public_url,
          "What people type to reach it (https://log.example.org), when that is another address than\n"
          "listen's: behind a proxy, or by a name. Requests for other names are refused then."),
      key("http", "trusted_proxies", &Config::http_trusted_proxies,
          "Addresses of reverse proxies whose X-Forwarded-For and X-Forwarded-Proto are believed."),
      key("http", "connections", &Config::http_connections, "How many connections there may be at a time."),
      key("http", "connections_per_address", &Config::http_connections_per_address,
          "How many of them from one address, or one IPv6 network; trusted proxies excepted."),
      key("exports", "keep_hours", &Config::export_keep_hours,
          "So long a finished export can be fetched. It waits in D/exports in clear, and is removed then,\n"
          "or earlier when values are erased."),
      key("people", "session_idle_minutes", &Config::session_idle_minutes,
          "After so long without a request a browser has to sign in again."),
      key("people", "session_hours", &Config::session_hours, "After so long it has to in any case."),
      key("oidc", "issuer", &Config::oidc_issuer,
          "The identity provider whose tokens (JWT) are taken as bearer tokens: its address, exactly as its\n"
          "tokens name it in iss. Empty: none."),
      key("oidc", "audience", &Config::oidc_audience, "What its tokens for this service name in aud."),
      key("oidc", "jwks_url", &Config::oidc_jwks_url,
          "Where its keys are (JWKS). Empty: where its /.well-known/openid-configuration says."),
      key("oidc", "role_claim", &Config::oidc_role_claim,
          "The claim that says the role: a text, or a list of which exactly one is a role here."),
      key("oidc", "roles", &Config::oidc_roles,
          "What the claim's values mean, when they are not the roles' own names: \"staff-audit=auditor\"."),
      key("oidc", "tenant_claim", &Config::oidc_tenant_claim,
          "The claim that says the tenant. A token without it is refused."),
      key("oidc", "every_tenant", &Config::oidc_every_tenant,
          "The value of that claim that stands for the whole installation. Empty: none does."),
      key("oidc", "name_claim", &Config::oidc_name_claim, "The claim with the person's name."),
      key("display", "time_zone", &Config::time_zone,
          "The zone in which times are shown, and read when they have none: Asia/Kolkata."),
      key("display", "labels", &Config::labels,
          "What numbers stand for, in the web page: [\"language_id/1=English\"], or by a captured table and its\n"
          "column with the name, as they were then: [\"organization_id=organizations.name\"]. Those names are\n"
          "shown to everybody who reads changes; of a tenant column, each tenant's readers see their own alone."),
  };
  return keys;
}

const std::vector<ConfigKey<capture::TableSettings>>& table_keys() {
  using capture::TableSettings;
  static const std::vector<ConfigKey<TableSettings>> keys = {
      key("table", "name", &TableSettings::table, "Schema and table: \"public.contacts\"."),
      key("table", "tenant_column", &TableSettings::tenant_column,
          "The column that says which organisation a row belongs to. Empty: none."),
      key("table", "subject", &TableSettings::subject,
          "Whose data a row is: \"self\" when the row is the person, else the person's table\n"
          "(\"public.contacts\"). Empty: nobody's in particular."),
      key("table", "subject_column", &TableSettings::subject_column,
          "The column that points to the person in that table (\"contact_id\")."),
      key("table", "housekeeping", &TableSettings::housekeeping,
          "Columns that change by themselves all the time. Changes of nothing else are recorded,\n"
          "but hidden unless asked for."),
      key("table", "actor_column", &TableSettings::actor_column,
          "A column such as \"updated_by\" that names the actor when nothing better is known."),
  };
  return keys;
}

const std::vector<ConfigKey<ViaEntry>>& via_keys() {
  static const std::vector<ConfigKey<ViaEntry>> keys = {
      key("via", "role", &ViaEntry::role, "Database role; a trailing * matches a prefix, empty any."),
      key("via", "application", &ViaEntry::application, "application_name; a trailing * matches a prefix, empty any."),
      key("via", "via", &ViaEntry::via, "The way in: app, job, flow, import, trigger, sql or undo."),
  };
  return keys;
}

const std::vector<ConfigKey<view::MaskSettings>>& mask_keys() {
  using view::MaskSettings;
  static const std::vector<ConfigKey<MaskSettings>> keys = {
      key("mask", "table", &MaskSettings::table, "Schema and table: \"public.contacts\"."),
      key("mask", "plain", &MaskSettings::plain,
          "Columns that are shown as they are. \"fields/*/label\" is a place inside a JSON column: each\n"
          "member's \"label\"; so in the other lists."),
      key("mask", "phone", &MaskSettings::phone, "The first four and the last two digits: 9198******78."),
      key("mask", "name", &MaskSettings::name, "Initials: A. K."),
      key("mask", "date", &MaskSettings::date, "The year."),
      key("mask", "text", &MaskSettings::text,
          "All but numbers of five digits or more and addresses of e-mail. Names in it are shown."),
      key("mask", "hidden", &MaskSettings::hidden, "Nothing; so is what no list names."),
  };
  return keys;
}

std::string_view describe(ValueType type) {
  switch (type) {
    case ValueType::kText: return "a text in quotes";
    case ValueType::kNumber: return "a whole number";
    case ValueType::kFlag: return "true or false";
    case ValueType::kTexts: return "a list of texts, [\"a\", \"b\"]";
  }
  return "";
}

}  // namespace rowledger::app
