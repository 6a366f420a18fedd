// A bearer token and the key set of its issuer, from anybody: the first line is the token, the rest the set.
#include <cstdint>

#include "base/check.h"
#include "people/identity_provider.h"
#include "people/jwt.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace rowledger;
  using namespace rowledger::people;
  static const IdentitySettings settings{.issuer = "i",
                                         .audience = "a",
                                         .jwks_url = "https://i/keys",
                                         .role_claim = "role",
                                         .tenant_claim = "tenant",
                                         .name_claim = "name",
                                         .roles = {{"x", Role::kAdmin}},
                                         .every_tenant = "*"};
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const size_t line = text.find('\n');
  const auto token = parse_jwt(text.substr(0, line));
  const auto keys = JwkSet::parse(line == std::string_view::npos ? std::string_view() : text.substr(line + 1));
  if (!token) return 0;
  CHECK(text.starts_with(token->signed_part));
  if (keys && !keys->knows(*token)) CHECK(!keys->verify(*token));
  if (keys) (void)keys->verify(*token);
  if (const auto who = principal_of(token->claims, settings, Timestamp{0})) {
    CHECK(who->kind == Principal::Kind::kJwt && who->role != Role::kOwner && !who->may(Right::kSeePlain));
    CHECK(who->id.starts_with("jwt:i#") && who->id.size() > 6);
    CHECK(!who->tenant || !who->tenant->empty());
  }
  return 0;
}
