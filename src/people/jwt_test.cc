#include "people/jwt.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <boost/json.hpp>

#include "people/identity_provider.h"
#include "people/jwt_testing.h"

namespace rowledger::people {
namespace {

using ::testing::HasSubstr;

constexpr std::array kAlgorithms = {JwtAlgorithm::kRs256, JwtAlgorithm::kEs256, JwtAlgorithm::kEdDsa};

const TestKey& key_of(JwtAlgorithm algorithm) {
  static const std::array<TestKey, 3> keys = {TestKey(JwtAlgorithm::kRs256, "rsa"), TestKey(JwtAlgorithm::kEs256, "ec"),
                                              TestKey(JwtAlgorithm::kEdDsa, "ed")};
  return keys[static_cast<size_t>(algorithm)];
}

JwkSet set_of(const std::string& json) {
  auto set = JwkSet::parse(json);
  EXPECT_TRUE(set) << set.error().message;
  return set ? std::move(*set) : JwkSet();
}

bool believed(const std::string& token, const JwkSet& keys) {
  const auto parsed = parse_jwt(token);
  return parsed && keys.verify(*parsed);
}

TEST(Jwt, EachAlgorithmsSignatureIsBelieved) {
  for (const auto algorithm : kAlgorithms) {
    const TestKey& key = key_of(algorithm);
    const std::string token = key.token(R"({"sub":"x"})");
    EXPECT_TRUE(believed(token, set_of(key.set()))) << to_string(algorithm);
    EXPECT_EQ(parse_jwt(token)->claims.at("sub").as_string(), "x");
  }
}

TEST(Jwt, AnyChangedByteIsNoticed) {
  for (const auto algorithm : kAlgorithms) {
    const TestKey& key = key_of(algorithm);
    const JwkSet keys = set_of(key.set());
    const std::string token = key.token(R"({"sub":"x"})");
    for (size_t at = 0; at < token.size(); ++at) {
      std::string other = token;
      other[at] = other[at] == 'A' ? 'B' : 'A';
      // The last character of a part has bits that mean nothing; other ones than zeros are refused as well.
      EXPECT_FALSE(believed(other, keys)) << to_string(algorithm) << " at " << at;
    }
    EXPECT_FALSE(believed(token.substr(0, token.rfind('.') + 1), keys)) << "no signature";
    EXPECT_FALSE(believed(token + "AAAA", keys));
  }
}

TEST(Jwt, TheTokenDoesNotChooseItsAlgorithm) {
  const TestKey& rsa = key_of(JwtAlgorithm::kRs256);
  const JwkSet keys = set_of("{\"keys\":[" + rsa.jwk() + "," + key_of(JwtAlgorithm::kEs256).jwk() + "]}");
  const std::string claims = R"({"sub":"x"})";
  for (const char* name : {"none", "None", "NONE", "", "HS256", "HS512", "RS512", "PS256", "ES384", "rs256"}) {
    const std::string header = std::string(R"({"kid":"rsa","alg":")") + name + "\"}";
    EXPECT_FALSE(parse_jwt(rsa.token(claims, header))) << name;
    EXPECT_FALSE(parse_jwt(to_base64url(header) + "." + to_base64url(claims) + ".")) << name;
  }
  // The public key as the secret of an HMAC.
  const std::string part = to_base64url(R"({"kid":"rsa","alg":"HS256"})") + "." + to_base64url(claims);
  const std::string mac = to_base64url(as_view(HmacSha256(rsa.public_pem())(part)));
  EXPECT_FALSE(parse_jwt(part + "." + mac));
  // One key's id with another key's algorithm.
  EXPECT_FALSE(believed(rsa.token(claims, R"({"kid":"ec","alg":"RS256"})"), keys));
  EXPECT_FALSE(believed(key_of(JwtAlgorithm::kEs256).token(claims, R"({"kid":"rsa","alg":"ES256"})"), keys));
  EXPECT_FALSE(believed(rsa.token(claims, R"({"kid":"rsa","alg":"ES256"})"), keys));
}

TEST(Jwt, WhatIsNotWellFormedIsRefused) {
  const TestKey& key = key_of(JwtAlgorithm::kEdDsa);
  const std::string good = key.token("{}");
  for (const std::string& token : std::vector<std::string>{
           "", ".", "..", "a.b.c", "a.b", good + ".", good + ".x", "=" + good, " " + good, std::string(9'000, 'a'),
           key.token("[]"), key.token("{"), key.token("{}", "[]"), key.token("{}", R"({"alg":"EdDSA","crit":["exp"]})"),
           key.token("{}", R"({"alg":"EdDSA","typ":"JWE"})"), key.token("{}", R"({"alg":["EdDSA"]})"),
           key.token(std::string(1'000, '[') + std::string(1'000, ']'))})
    EXPECT_FALSE(parse_jwt(token)) << token.substr(0, 100);
}

TEST(JwkSet, PassesOverWhatItCannotUse) {
  const TestKey& rsa = key_of(JwtAlgorithm::kRs256);
  const std::string token = rsa.token("{}");
  EXPECT_TRUE(believed(token, set_of("{\"keys\":[7,{},{\"kty\":\"oct\",\"k\":\"AA\"}," + rsa.jwk() + "]}")));
  for (const char* more : {R"(,"use":"enc")", R"(,"alg":"RS512")", R"(,"alg":"ES256")", R"(,"use":7)"})
    EXPECT_EQ(set_of("{\"keys\":[" + rsa.jwk(more) + "]}").size(), 0u) << more;
  EXPECT_EQ(set_of(TestKey(JwtAlgorithm::kRs256, "weak", 1'024).set()).size(), 0u);
  // A point that is not on the curve.
  const std::string zeros = to_base64url(std::string(32, '\1'));
  EXPECT_EQ(set_of(R"({"keys":[{"kty":"EC","crv":"P-256","x":")" + zeros + R"(","y":")" + zeros + "\"}]}").size(), 0u);
  for (const char* text : {"", "[]", "{}", R"({"keys":{}})", R"({"keys":)"}) EXPECT_FALSE(JwkSet::parse(text)) << text;
}

TEST(JwkSet, WithoutAnIdOnlyTheOneKeyOfTheAlgorithmWillDo) {
  const TestKey& rsa = key_of(JwtAlgorithm::kRs256);
  const TestKey second(JwtAlgorithm::kRs256, "second");
  const std::string token = rsa.token("{}", R"({"alg":"RS256"})");
  EXPECT_TRUE(believed(token, set_of("{\"keys\":[" + rsa.jwk() + "," + key_of(JwtAlgorithm::kEs256).jwk() + "]}")));
  EXPECT_FALSE(believed(token, set_of("{\"keys\":[" + rsa.jwk() + "," + second.jwk() + "]}")));
}

// ---- claims -------------------------------------------------------------------------------------

const IdentitySettings kSettings{.issuer = "https://id.example.org",
                                 .audience = "rowledger",
                                 .jwks_url = "https://id.example.org/keys",
                                 .role_claim = "groups",
                                 .tenant_claim = "org",
                                 .name_claim = "name",
                                 .roles = {{"staff-audit", Role::kAuditor}},
                                 .every_tenant = "*"};
constexpr int64_t kNow = 1'800'000'000;

boost::json::object claims(const std::string& changed = "{}") {
  boost::json::object out = boost::json::parse(R"({"iss":"https://id.example.org","aud":"rowledger","sub":"42",
      "exp":1800000300,"iat":1800000000,"groups":"viewer","org":"7","name":"Priya"})")
                                .as_object();
  const boost::json::value parsed = boost::json::parse(changed);
  for (const auto& member : parsed.as_object()) {
    if (member.value().is_null()) {
      out.erase(member.key());
    } else {
      out[member.key()] = member.value();
    }
  }
  return out;
}

Result<Principal> principal(const std::string& changed = "{}", const IdentitySettings& settings = kSettings) {
  return principal_of(claims(changed), settings, Timestamp{kNow * 1'000'000});
}

TEST(Claims, SayWhoItIs) {
  const auto found = principal();
  ASSERT_TRUE(found) << found.error().message;
  EXPECT_EQ(found->kind, Principal::Kind::kJwt);
  EXPECT_EQ(found->id, "jwt:https://id.example.org#42");
  EXPECT_EQ(found->name, "Priya");
  EXPECT_EQ(found->role, Role::kViewer);
  EXPECT_EQ(found->tenant, "7");
  EXPECT_EQ(principal(R"({"aud":["x","rowledger"]})")->role, Role::kViewer);
  EXPECT_EQ(principal(R"({"groups":["nobody","staff-audit","auditor"]})")->role, Role::kAuditor);
  EXPECT_EQ(principal(R"({"org":7})")->tenant, "7");
  EXPECT_EQ(principal(R"({"org":"*"})")->tenant, std::nullopt);
  EXPECT_EQ(principal(R"({"name":null})")->name, "42");
  EXPECT_TRUE(principal(R"({"exp":1799999950})")) << "clocks differ by a minute";
  EXPECT_TRUE(principal(R"({"nbf":1800000050})"));
}

TEST(Claims, ThatAreNotForUsAreRefused) {
  for (const char* changed : {R"({"iss":null})",
                              R"({"iss":"https://id.example.org/"})",
                              R"({"iss":["https://id.example.org"]})",
                              R"({"aud":null})",
                              R"({"aud":"rowledger2"})",
                              R"({"aud":[]})",
                              R"({"aud":{"rowledger":1}})",
                              R"({"exp":null})",
                              R"({"exp":1799999939})",
                              R"({"exp":"1800000300"})",
                              R"({"nbf":1800000061})",
                              R"({"nbf":"0"})",
                              R"({"iat":1800000061})",
                              R"({"sub":null})",
                              R"({"sub":""})",
                              R"({"groups":null})",
                              R"({"groups":"king"})",
                              R"({"groups":"owner"})",
                              R"({"groups":["viewer","admin"]})",
                              R"({"groups":[]})",
                              R"({"org":null})",
                              R"({"org":""})",
                              R"({"org":true})",
                              R"({"org":["7"]})"})
    EXPECT_FALSE(principal(changed)) << changed;
  IdentitySettings none = kSettings;
  none.every_tenant = "";
  EXPECT_EQ(principal(R"({"org":"*"})", none)->tenant, "*") << "a tenant by that name, not all of them";
  EXPECT_FALSE(principal(R"({"org":""})", none));
}

// ---- fetching -----------------------------------------------------------------------------------

class FakeIssuer {
 public:
  IdentityProvider provider(const IdentitySettings& settings) {
    return IdentityProvider(settings, [this](const std::string& url) -> Result<std::string> {
      fetched.push_back(url);
      const auto found = pages.find(url);
      if (found == pages.end()) return fail(ErrorCode::kUnavailable, "down");
      return found->second;
    });
  }
  std::map<std::string, std::string> pages;
  std::vector<std::string> fetched;
};

std::string now_token(const TestKey& key) {
  boost::json::object all = claims();
  const int64_t now = Timestamp::now().us / 1'000'000;
  all["iat"] = now;
  all["exp"] = now + 300;
  return key.token(boost::json::serialize(all));
}

TEST(IdentityProvider, FetchesTheKeysOnceAndKeepsThem) {
  FakeIssuer issuer;
  const TestKey& key = key_of(JwtAlgorithm::kEs256);
  issuer.pages["https://id.example.org/keys"] = key.set();
  IdentityProvider provider = issuer.provider(kSettings);
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(provider.verify(now_token(key)));
  issuer.pages.clear();
  EXPECT_TRUE(provider.verify(now_token(key)));
  EXPECT_EQ(issuer.fetched.size(), 1u);
}

TEST(IdentityProvider, UnknownKeysDoNotHaveTheSetFetchedAgainAndAgain) {
  FakeIssuer issuer;
  const TestKey& key = key_of(JwtAlgorithm::kEs256);
  issuer.pages["https://id.example.org/keys"] = key.set();
  IdentityProvider provider = issuer.provider(kSettings);
  EXPECT_TRUE(provider.verify(now_token(key)));
  for (int i = 0; i < 100; ++i) EXPECT_FALSE(provider.verify(now_token(key_of(JwtAlgorithm::kEdDsa))));
  EXPECT_LE(issuer.fetched.size(), 2u);
}

TEST(IdentityProvider, FindsTheKeysThroughTheIssuersConfiguration) {
  FakeIssuer issuer;
  const TestKey& key = key_of(JwtAlgorithm::kRs256);
  IdentitySettings settings = kSettings;
  settings.jwks_url = "";
  const std::string configuration = "https://id.example.org/.well-known/openid-configuration";
  issuer.pages["https://id.example.org/jwks"] = key.set();
  issuer.pages[configuration] = R"({"issuer":"https://evil.example","jwks_uri":"https://id.example.org/jwks"})";
  EXPECT_EQ(issuer.provider(settings).verify(now_token(key)).error().code, ErrorCode::kUnavailable);
  issuer.pages[configuration] = R"({"issuer":"https://id.example.org","jwks_uri":"https://id.example.org/jwks"})";
  EXPECT_TRUE(issuer.provider(settings).verify(now_token(key)));
}

TEST(IdentityProvider, SaysThatTheIssuerCannotBeReached) {
  FakeIssuer issuer;
  const auto answer = issuer.provider(kSettings).verify(now_token(key_of(JwtAlgorithm::kEs256)));
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, ErrorCode::kUnavailable);
}

TEST(FetchUrl, TakesOnlyHttpsFromElsewhere) {
  for (const char* url :
       {"http://id.example.org/keys", "file:///etc/passwd", "ftp://127.0.0.1:1/x", "http://127.0.0.1.example.org:80/"})
    EXPECT_EQ(fetch_url(url).error().code, ErrorCode::kInvalid) << url;
}

}  // namespace
}  // namespace rowledger::people
