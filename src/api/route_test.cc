#include "api/route.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

namespace rowledger::api {
namespace {

using testing::ElementsAre;
using testing::Optional;

TEST(Match, TakesWhatStandsInTheNamesPlaces) {
  EXPECT_THAT(match("/v1/rows/{table}/{key}/at", "/v1/rows/public.contacts/a%2Fb/at"),
              Optional(ElementsAre("public.contacts", "a/b")));
  EXPECT_THAT(match("/v1/status", "/v1/status"), Optional(ElementsAre()));
  EXPECT_THAT(match("/v1/status", "/v1/stat%75s"), Optional(ElementsAre()));
  EXPECT_THAT(match("/tlog/{resource...}", "/tlog/tile/0/x001/002"), Optional(ElementsAre("tile/0/x001/002")));
}

TEST(Match, IsForTheWholePath) {
  for (const char* path : {"/v1/entries", "/v1/entries/", "/v1/entries/1/", "/v1/entries/1/proof", "/v1/entries/%", "",
                           "/", "v1/entries/1", "/v1//1", "/V1/entries/1", "//v1/entries/1"})
    EXPECT_EQ(match("/v1/entries/{seq}", path), std::nullopt) << path;
  EXPECT_EQ(match("/tlog/{resource...}", "/tlog"), std::nullopt);
}

TEST(Routes, AreEachThereOnceAndReachable) {
  std::set<std::pair<std::string_view, std::string_view>> seen;
  for (const Route& route : routes()) {
    EXPECT_TRUE(seen.emplace(route.method, route.pattern).second) << route.method << " " << route.pattern;
    // No earlier pattern takes its requests: "/v1/entries/stream" stands before "/v1/entries/{seq}".
    for (const Route& earlier : routes()) {
      if (&earlier == &route) break;
      if (earlier.method != route.method) continue;
      EXPECT_FALSE(match(earlier.pattern, route.pattern)) << route.pattern;
    }
  }
}

}  // namespace
}  // namespace rowledger::api
