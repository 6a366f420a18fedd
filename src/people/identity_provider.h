#pragma once
// Bearer tokens of an OpenID Connect provider (or whoever issues JWTs and publishes its keys): who they speak for here.
// Safe from any thread.
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "people/jwt.h"
#include "people/principal.h"

namespace rowledger::people {

struct IdentitySettings {
  std::string issuer, audience;
  std::string jwks_url;  // empty: as the issuer's configuration says
  std::string role_claim, tenant_claim, name_claim;
  std::map<std::string, Role> roles;  // what the claim's values mean beside the roles' own names
  std::string every_tenant;           // the tenant claim's value for the whole installation; empty: none
};

// What the claims of a token whose signature is right say. kPermission for another issuer or audience, outside its time
// (a minute of difference between clocks is allowed for), without an end, or without exactly one role and a tenant.
Result<Principal> principal_of(const boost::json::object& claims, const IdentitySettings& settings, Timestamp now);

class IdentityProvider {
 public:
  // url -> body. Must bound time and size.
  using Fetch = std::function<Result<std::string>(const std::string& url)>;
  IdentityProvider(IdentitySettings settings, Fetch fetch);

  // kPermission or kInvalid: not to be believed; kUnavailable: the issuer's keys cannot be had.
  // A key that is not known has the set fetched again, at most every kRetryAfter, so that keys can be rotated.
  Result<Principal> verify(std::string_view token);

  static constexpr std::chrono::seconds kRetryAfter{5};
  static constexpr std::chrono::minutes kRefreshAfter{10};
  static constexpr std::chrono::hours kForgetAfter{24};  // while they cannot be had anew

 private:
  using Clock = std::chrono::steady_clock;
  std::shared_ptr<const JwkSet> keys_for(const Jwt& token);
  Result<std::string> keys_url();
  void fetch_keys();
  std::shared_ptr<const JwkSet> known() const;
  bool is_due(const Jwt& token) const;

  const IdentitySettings settings_;
  const Fetch fetch_;
  std::mutex fetching_;  // one fetch at a time; taken before mutex_
  mutable std::mutex mutex_;
  std::shared_ptr<const JwkSet> keys_;                                    // mutex_
  Clock::time_point fetched_at_{}, tried_at_ = Clock::time_point::min();  // mutex_
};

// HTTPS (or HTTP to this machine) by libcurl: no redirects, at most 5 s and 256 KiB. kUnavailable when it fails.
Result<std::string> fetch_url(const std::string& url);

}  // namespace rowledger::people
