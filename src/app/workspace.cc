#include "app/workspace.h"

#include <fmt/format.h>

#include <chrono>
#include <thread>

#include "app/version.h"
#include "base/check.h"
#include "base/local_time.h"
#include "base/log.h"
#include "http/client_address.h"
#include "http/http.h"
#include "privacy/key_keeper.h"
#include "privacy/master_key.h"

namespace rowledger::app {
namespace {

// A verb that reads without a daemon holds the log for a moment.
constexpr auto kPatienceWithReaders = std::chrono::seconds(10);
constexpr auto kRetryOpening = std::chrono::milliseconds(20);

// "log.example.org" of "https://Log.example.org:8443/x"; brackets stay.
std::string host_of_url(std::string_view url) {
  url.remove_prefix(std::min(url.find("://") + 3, url.size()));
  url = url.substr(0, url.find('/'));
  return http::host_name(url);
}

}  // namespace

Result<Workspace> Workspace::load(const std::filesystem::path& directory) {
  Workspace out;
  std::error_code ignored;
  out.directory = std::filesystem::absolute(directory, ignored);
  const auto file = config_file(directory);
  auto text = read_file(file);
  if (!text && text.error().code == ErrorCode::kNotFound) {
    return fail(ErrorCode::kInvalid, fmt::format("{} does not exist: run `rowledger init` first, or say with --dir (or "
                                                 "ROWLEDGER_DIR) where the data directory is",
                                                 file.string()));
  }
  if (!text) return fail(std::move(text.error()));
  RL_ASSIGN(auto parsed, parse_config(*text, file.string(), process_environment()));
  for (const auto& warning : parsed.warnings) log::warning("{}", warning);
  out.config = std::move(parsed.config);
  // For the whole program: the daemon reads times without a zone as the verbs show them.
  if (!set_time_zone(out.config.time_zone))
    log::warning("display.time_zone \"{}\" is not known to this system (package tzdata): times are in UTC",
                 out.config.time_zone);
  RL_ASSIGN(out.policy, view::Policy::make(policy_settings(out.config)));
  RL_ASSIGN(out.keys, read_keys(keys_file(directory)));
  out.role_password = out.keys.role_password;
  if (!out.config.password_file.empty()) {
    // Relative to the data directory, not to where the program happens to be started.
    RL_ASSIGN(out.role_password, read_file(out.directory / out.config.password_file));
    while (out.role_password.ends_with('\n') || out.role_password.ends_with('\r')) out.role_password.pop_back();
  }
  return out;
}

Workspace Workspace::made_for(const std::filesystem::path& directory, const Config& config) {
  Workspace out;
  std::error_code ignored;
  out.directory = std::filesystem::absolute(directory, ignored);
  out.config = config;
  return out;
}

capture::Settings Workspace::capture_settings() const {
  capture::Settings out;
  out.source_name = config.source_name;
  out.conninfo = capture_conninfo(config, role_password);
  out.slot = config.slot;
  out.publication = config.publication;
  out.tables = config.tables;
  for (const auto& rule : config.via)
    out.via_rules.push_back({rule.role, rule.application, record::parse_via(rule.via).value_or(record::Via::kUnknown)});
  out.context_hmac_key = keys.context_hmac_key;
  out.ref_key = keys.ref_key;
  out.spool_directory = directory / "spool";
  out.expect_trigger = config.trigger;
  out.warn_retained_bytes = config.warn_retained_bytes;
  out.watch_interval_ms = static_cast<int>(config.watch_interval_ms);
  out.yield_to_others = config.yield_to_others;
  out.expect_trigger = config.trigger;
  return out;
}

postgres::AttachPlanInput Workspace::attach_input() const {
  postgres::AttachPlanInput out;
  for (const auto& table : config.tables) out.tables.push_back(table.table);
  out.role = config.role;
  out.role_password = role_password;
  out.publication = config.publication;
  out.slot = config.slot;
  out.make_trigger = config.trigger;
  return out;
}

api::Dependencies Workspace::api_dependencies(const store::Store& store, api::AccessLog& access,
                                              capture::Capture* capture) const {
  api::Dependencies out{.store = store, .policy = policy, .access = access, .capture = capture};
  out.source_name = config.source_name;
  for (const auto& table : config.tables) out.tables.push_back(table.table);
  out.slot = config.slot;
  out.version = kVersion;
  out.searched_values = searched_values();
  out.cursor_key = HmacSha256(keys.ref_key)("rowledger cursors v1");
  out.time_zone = config.time_zone;
  out.public_url = config.http_public_url;
  out.directory = directory;
  out.seal = config.seal;
  out.verifier_key = verifier_key();
  out.second_checkpoint = second_checkpoint();
  return out;
}

Result<std::unique_ptr<people::People>> Workspace::open_people(people::People::Record record) const {
  return people::People::open(people_file(), {config.session_idle_minutes * 60, config.session_hours * 3600},
                              std::move(record));
}

std::unique_ptr<people::IdentityProvider> Workspace::identity_provider() const {
  if (config.oidc_issuer.empty()) return nullptr;
  people::IdentitySettings out{.issuer = config.oidc_issuer,
                               .audience = config.oidc_audience,
                               .jwks_url = config.oidc_jwks_url,
                               .role_claim = config.oidc_role_claim,
                               .tenant_claim = config.oidc_tenant_claim,
                               .name_claim = config.oidc_name_claim,
                               .every_tenant = config.oidc_every_tenant};
  for (const std::string& rule : config.oidc_roles) {
    const size_t equals = rule.rfind('=');
    if (const auto role = people::parse_role(rule.substr(equals + 1))) out.roles.emplace(rule.substr(0, equals), *role);
  }
  return std::make_unique<people::IdentityProvider>(std::move(out), people::fetch_url);
}

http::TcpOptions Workspace::tcp_options() const {
  const auto listen = parse_listen(config.http_listen);
  CHECK(listen.has_value());
  http::TcpOptions out{.address = listen->address, .port = listen->port};
  if (!config.http_certificate.empty()) {
    out.certificate = directory / config.http_certificate;
    out.key = directory / config.http_key;
  }
  out.trusted_proxies = config.http_trusted_proxies;
  if (listen->loopback() || !config.http_public_url.empty())
    out.hosts = {"localhost", "127.0.0.1", "[::1]", listen->to_url_host()};
  if (!config.http_public_url.empty()) out.hosts.push_back(host_of_url(config.http_public_url));
  return out;
}

api::SearchedValues Workspace::searched_values() const {
  const auto& key = keys.token_key.bytes;
  return api::SearchedValues({reinterpret_cast<const char*>(key.data()), key.size()});
}

std::string Workspace::verifier_key() const {
  const auto key = ledger::SigningKey::parse(keys.signing_key);
  return key ? key->verifier().format() : std::string();
}

store::StoreOptions Workspace::store_options(bool read_only) const {
  store::StoreOptions options;
  options.directory = directory / "store";
  options.token_key = keys.token_key;
  options.salt_key = keys.salt_key;
  options.seal = config.seal;
  options.key_period_days = static_cast<uint32_t>(config.key_period_days);
  options.tree = config.tree;
  options.read_only = read_only;
  return options;
}

Result<privacy::MasterKey> Workspace::master_key() const {
  auto master = config.master_key_command.empty() ? privacy::read_master_key(master_key_file())
                                                  : privacy::master_key_from_command(config.master_key_command);
  if (!master) return fail(std::move(master.error()).with_context("the values' keys stay locked"));
  return std::move(*master);
}

Result<std::unique_ptr<privacy::KeyRing>> Workspace::open_key_ring(bool to_write) const {
  if (!restores_keys && has_log() && privacy::restore_is_unfinished(key_ring_directory(directory)))
    return fail(ErrorCode::kUnavailable,
                "restoring the keys was not finished, so that erased values might be readable again: run `rowledger "
                "keys restore FILE --recovery-key-file R` once more");
  if (config.master_key_command.empty())
    return to_write ? privacy::open_ring_to_write(key_ring_directory(directory), master_key_file())
                    : privacy::open_ring(key_ring_directory(directory), master_key_file());
  RL_ASSIGN(const privacy::MasterKey master, master_key());
  return privacy::KeyRing::open(key_ring_directory(directory), master);
}

std::filesystem::path Workspace::second_checkpoint() const { return beside(config.second_checkpoint, ".checkpoint"); }

std::filesystem::path Workspace::beside(const std::string& configured, std::string_view ending) const {
  if (!configured.empty()) return (directory / configured).lexically_normal();
  const auto plain = directory.lexically_normal();
  const auto named = plain.has_filename() ? plain : plain.parent_path();
  return named.parent_path() / (named.filename().string() + std::string(ending));
}

bool Workspace::has_log() const {
  std::error_code error;
  return !std::filesystem::is_empty(store_options(true).directory, error) && !error;
}

Result<OpenLog> Workspace::open_locked() const { return open_with(nullptr); }

Result<OpenLog> Workspace::open_to_read() const {
  auto ring = open_key_ring();
  if (!ring && ring.error().code == ErrorCode::kConflict) return fail(std::move(ring.error()));
  auto opened = open_with(ring ? std::move(*ring) : nullptr);
  if (!opened || ring) return opened;
  log::warning("{}", ring.error().message);
  // Without the right master key the log is locked; with it, its key files are missing or damaged.
  if (ring.error().code != ErrorCode::kPermission && master_key()) opened->keys_problem = ring.error().message;
  return opened;
}

Result<OpenLog> Workspace::open_with(std::unique_ptr<privacy::KeyRing> keys) const {
  if (!has_log())
    return fail(ErrorCode::kNotFound, "nothing was captured yet: run `rowledger attach`, then `rowledger serve`");
  auto options = store_options(true);
  OpenLog out;
  out.keys = std::move(keys);
  options.keys = out.keys.get();
  RL_ASSIGN(out.store, store::open_rocksdb_store(options));
  return out;
}

Result<OpenLog> Workspace::try_to_write(store::MissingSecondPlace missing) const {
  OpenLog out;
  RL_ASSIGN(out.keys, open_key_ring(true));
  auto options = store_options(false);
  options.keys = out.keys.get();
  RL_ASSIGN(out.store, store::open_rocksdb_store(options));
  RL_ASSIGN(ledger::SigningKey key, ledger::SigningKey::parse(keys.signing_key));
  out.signing_key = std::make_unique<ledger::SigningKey>(std::move(key));
  if (!config.tree) return out;
  RL_TRY(store::check_against_signed(*out.store, out.signing_key->verifier(), second_checkpoint(), missing));
  out.notary = std::make_unique<store::Notary>(*out.store, *out.signing_key, store::NotaryOptions{second_checkpoint()});
  return out;
}

Result<OpenLog> Workspace::open_to_write(store::MissingSecondPlace missing) const {
  using std::chrono::steady_clock;
  const auto deadline = steady_clock::now() + kPatienceWithReaders;
  while (true) {
    auto opened = try_to_write(missing);
    if (opened || opened.error().code != ErrorCode::kConflict || steady_clock::now() > deadline) return opened;
    std::this_thread::sleep_for(kRetryOpening);
  }
}

bool Workspace::daemon_runs() const {
  http::Request request;
  request.method = "GET";
  request.target = "/v1/status";
  const auto answer = http::request_unix(socket(), request, {}, 5'000);
  return answer || answer.error().code != ErrorCode::kNotFound;
}

Status Workspace::refuse_beside_daemon() const {
  if (!daemon_runs()) return {};
  return fail(ErrorCode::kConflict,
              fmt::format("a daemon is running in {}: stop that `rowledger serve` first", directory.string()));
}

}  // namespace rowledger::app
