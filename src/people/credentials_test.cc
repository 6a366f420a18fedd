#include "people/credentials.h"

#include <gtest/gtest.h>

#include <string>

#include "people/password.h"
#include "people/secret.h"

namespace rowledger::people {
namespace {

TEST(CookieValue, FindsTheOneCookie) {
  EXPECT_EQ(cookie_value("a=1; session=xyz; b=2", "session"), "xyz");
  EXPECT_EQ(cookie_value("session=", "session"), "");
  EXPECT_EQ(cookie_value("session=a=b", "session"), "a=b");
  for (const char* header :
       {"", "session", "mysession=1", "session2=1", "Session=1", "session=1; session=2", ";;;", "=1"})
    EXPECT_EQ(cookie_value(header, "session"), std::nullopt) << header;
}

TEST(BearerToken, IsTheWholeRest) {
  EXPECT_EQ(bearer_token("Bearer rl_abc"), "rl_abc");
  EXPECT_EQ(bearer_token("bEARER  a.b-c_d~e+f/g= "), "a.b-c_d~e+f/g=");
  for (const std::string& header :
       {std::string(), std::string("Bearer"), std::string("Bearer "), std::string("Basic YTpi"),
        std::string("Bearer a b"), std::string("Bearer a,b"), std::string("Bearera"), std::string("Bearer \xff"),
        "Bearer " + std::string(9'000, 'a')})
    EXPECT_EQ(bearer_token(header), std::nullopt) << header.substr(0, 40);
}

TEST(Base64Url, IsWrittenWithoutPaddingAndReadStrictly) {
  for (size_t n = 0; n < 8; ++n) {
    const std::string bytes(n, '\xfb');
    EXPECT_EQ(from_base64url(to_base64url(bytes)), bytes);
    EXPECT_EQ(to_base64url(bytes).find_first_of("+/="), std::string::npos);
  }
  for (const char* text : {"A", "AA==", "A+", "A/", "AB", "A A", "\n"})
    EXPECT_EQ(from_base64url(text), std::nullopt) << text;
}

TEST(Password, OnlyTheRightOneIsRight) {
  const auto hash = hash_password("correct horse battery");
  ASSERT_TRUE(hash);
  EXPECT_TRUE(hash->starts_with("$argon2id$v=19$m=65536,t=2,p=1$")) << *hash;
  EXPECT_TRUE(verify_password(*hash, "correct horse battery"));
  for (const char* wrong : {"", "correct horse batter", "correct horse battery ", "Correct horse battery"})
    EXPECT_FALSE(verify_password(*hash, wrong)) << wrong;
  EXPECT_FALSE(verify_password("", "x"));
  EXPECT_FALSE(verify_password("$argon2id$nonsense", "x"));
  EXPECT_NE(*hash, *hash_password("correct horse battery")) << "salted";
}

TEST(Password, NewOnesMustBeGood) {
  EXPECT_TRUE(check_new_password("correct horse battery", "priya"));
  EXPECT_TRUE(check_new_password("प्रिय का लंबा पासवर्ड", "priya"));
  EXPECT_TRUE(check_new_password(std::string(1'000, 'a') + "bcde", "priya"));
  for (const std::string& weak :
       {std::string(), std::string("elevenchars"), std::string("पासवर्ड"), std::string("aaaaaaaaaaaaaaaaaaa"),
        std::string("abcabcabcabcabc"), std::string("priyapriya1234"), std::string("PriyaPRIYApriya"),
        std::string(1'025, 'x') + "yzuvw"})
    EXPECT_FALSE(check_new_password(weak, "priya")) << weak.substr(0, 40);
}

}  // namespace
}  // namespace rowledger::people
