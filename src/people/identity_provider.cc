#include "people/identity_provider.h"

#include <fmt/format.h>

#include <boost/json/parse.hpp>

#include "base/log.h"

namespace rowledger::people {
namespace {

using boost::json::object;
using boost::json::value;

constexpr int64_t kMicrosecondsPerSecond = 1'000'000, kClockDifferenceSeconds = 60;

std::optional<std::string> text_in(const value* from) {
  if (from == nullptr || !from->is_string()) return std::nullopt;
  return std::string(from->get_string());
}

// A tenant may be a number.
std::optional<std::string> tenant_of(const value* from) {
  if (from != nullptr && from->is_int64()) return std::to_string(from->get_int64());
  return text_in(from);
}

// NumericDate (RFC 7519, section 2): seconds, perhaps with a fraction.
std::optional<double> time_of(const value* from) {
  if (from == nullptr || !from->is_number()) return std::nullopt;
  return from->to_number<double>();
}

bool names_audience(const value* from, std::string_view audience) {
  if (from == nullptr) return false;
  if (from->is_string()) return std::string_view(from->get_string()) == audience;
  if (!from->is_array()) return false;
  for (const auto& each : from->get_array())
    if (each.is_string() && std::string_view(each.get_string()) == audience) return true;
  return false;
}

std::optional<Role> role_named(const std::string& text, const IdentitySettings& settings) {
  const auto mapped = settings.roles.find(text);
  return mapped != settings.roles.end() ? std::optional(mapped->second) : parse_role(text);
}

std::optional<Role> only_role(const value* from, const IdentitySettings& settings) {
  if (const auto text = text_in(from)) return role_named(*text, settings);
  if (from == nullptr || !from->is_array()) return std::nullopt;
  std::optional<Role> found;
  for (const auto& each : from->get_array()) {
    const auto text = text_in(&each);
    const auto role = text ? role_named(*text, settings) : std::nullopt;
    if (!role || role == found) continue;
    if (found) return std::nullopt;
    found = role;
  }
  return found;
}

tl::unexpected<Error> refused(std::string_view why) { return fail(ErrorCode::kPermission, std::string(why)); }

Status check_time(const object& claims, Timestamp now) {
  const double now_s = static_cast<double>(now.us) / kMicrosecondsPerSecond;
  const auto expires = time_of(claims.if_contains("exp"));
  if (!expires) return refused("the token does not say when it ends (exp)");
  if (!(now_s < *expires + kClockDifferenceSeconds)) return refused("the token has expired");
  for (const char* name : {"nbf", "iat"}) {
    if (!claims.contains(name)) continue;
    const auto begins = time_of(claims.if_contains(name));
    if (!begins || !(*begins - kClockDifferenceSeconds <= now_s)) return refused("the token is not valid yet");
  }
  return {};
}

}  // namespace

Result<Principal> principal_of(const object& claims, const IdentitySettings& settings, Timestamp now) {
  if (text_in(claims.if_contains("iss")) != settings.issuer) return refused("the token is of another issuer");
  if (!names_audience(claims.if_contains("aud"), settings.audience)) return refused("the token is for another service");
  RL_TRY(check_time(claims, now));
  const auto subject = text_in(claims.if_contains("sub"));
  if (!subject || subject->empty()) return refused("the token does not say whose it is (sub)");
  const auto role = only_role(claims.if_contains(settings.role_claim), settings);
  if (!role) return refused(fmt::format("the token's claim {} names no role, or several", settings.role_claim));
  auto tenant = tenant_of(claims.if_contains(settings.tenant_claim));
  if (!tenant || tenant->empty())
    return refused(fmt::format("the token's claim {} names no tenant", settings.tenant_claim));
  if (*tenant == settings.every_tenant) tenant.reset();
  return Principal{.kind = Principal::Kind::kJwt,
                   .id = fmt::format("jwt:{}#{}", settings.issuer, *subject),
                   .name = text_in(claims.if_contains(settings.name_claim)).value_or(*subject),
                   .role = *role,
                   .tenant = std::move(tenant)};
}

IdentityProvider::IdentityProvider(IdentitySettings settings, Fetch fetch)
    : settings_(std::move(settings)), fetch_(std::move(fetch)) {}

Result<Principal> IdentityProvider::verify(std::string_view token) {
  RL_ASSIGN(const Jwt parsed, parse_jwt(token));
  const auto keys = keys_for(parsed);
  if (!keys) return fail(ErrorCode::kUnavailable, "the keys of the token's issuer cannot be had");
  RL_TRY(keys->verify(parsed));
  return principal_of(parsed.claims, settings_, Timestamp::now());
}

std::shared_ptr<const JwkSet> IdentityProvider::known() const {
  std::lock_guard lock(mutex_);
  return keys_ && Clock::now() - fetched_at_ < kForgetAfter ? keys_ : nullptr;
}

bool IdentityProvider::is_due(const Jwt& token) const {
  std::lock_guard lock(mutex_);
  const auto now = Clock::now();
  if (tried_at_ != Clock::time_point::min() && now - tried_at_ < kRetryAfter) return false;
  return !keys_ || now - fetched_at_ > kRefreshAfter || !keys_->knows(token);
}

std::shared_ptr<const JwkSet> IdentityProvider::keys_for(const Jwt& token) {
  if (is_due(token)) {
    // Those who have keys do not wait for somebody else's fetch.
    std::unique_lock fetching(fetching_, std::defer_lock);
    if (known() ? fetching.try_lock() : (fetching.lock(), true)) {
      if (is_due(token)) fetch_keys();
    }
  }
  return known();
}

Result<std::string> IdentityProvider::keys_url() {
  if (!settings_.jwks_url.empty()) return settings_.jwks_url;
  std::string base = settings_.issuer;
  while (base.ends_with('/')) base.pop_back();
  RL_ASSIGN(const std::string text, fetch_(base + "/.well-known/openid-configuration"));
  boost::system::error_code error;
  const value root = boost::json::parse(text, error);
  const object* configuration = error ? nullptr : root.if_object();
  if (configuration == nullptr || text_in(configuration->if_contains("issuer")) != settings_.issuer)
    return fail(ErrorCode::kInvalid, "the issuer's configuration is not its own");
  const auto url = text_in(configuration->if_contains("jwks_uri"));
  if (!url) return fail(ErrorCode::kInvalid, "the issuer's configuration names no jwks_uri");
  return *url;
}

void IdentityProvider::fetch_keys() {
  {
    std::lock_guard lock(mutex_);
    tried_at_ = Clock::now();
  }
  const auto fetched = [&]() -> Result<JwkSet> {
    RL_ASSIGN(const std::string url, keys_url());
    RL_ASSIGN(const std::string text, fetch_(url));
    return JwkSet::parse(text);
  };
  auto keys = fetched();
  if (!keys) {
    log::warning("the keys of {} cannot be had: {}", settings_.issuer, keys.error().message);
    return;
  }
  std::lock_guard lock(mutex_);
  keys_ = std::make_shared<const JwkSet>(std::move(*keys));
  fetched_at_ = Clock::now();
}

}  // namespace rowledger::people
