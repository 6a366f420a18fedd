#include "people/principal.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <string>

namespace rowledger::people {
namespace {

// One letter a right, in the order of the enumeration: e(ntries) p(lain) u(nmask) x(export) U(ndo) E(rase) a(ccess)
// h(ealth) o(perate) m(anage people).
std::string rights_of(Role role) {
  const Principal principal{.role = role};
  constexpr std::string_view kLetters = "epuxUEahom";
  std::string out;
  for (size_t i = 0; i < kLetters.size(); ++i) out += principal.may(static_cast<Right>(i)) ? kLetters[i] : '-';
  return out;
}

TEST(Principal, EachRoleMayWhatTheTableSays) {
  std::map<std::string, std::string> seen;
  for (const Role role : kRoles) seen[std::string(to_string(role))] = rights_of(role);
  EXPECT_THAT(seen, testing::ElementsAre(testing::Pair("admin", "e-----ah-m"), testing::Pair("auditor", "e-ux--ah--"),
                                         testing::Pair("editor", "e---U--h--"), testing::Pair("operator", "-------ho-"),
                                         testing::Pair("owner", "epuxUEahom"), testing::Pair("privacy", "e----Eah--"),
                                         testing::Pair("viewer", "e------h--")));
}

TEST(Principal, TheOwnersRoleCannotBeGiven) {
  EXPECT_EQ(parse_role("auditor"), Role::kAuditor);
  EXPECT_EQ(parse_role("owner"), std::nullopt);
  EXPECT_EQ(parse_role("Auditor"), std::nullopt);
}

}  // namespace
}  // namespace rowledger::people
