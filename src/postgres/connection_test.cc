#include "postgres/connection.h"

#include <gmock/gmock.h>

namespace rowledger::postgres {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(Quote, Identifier) { EXPECT_EQ(quote_identifier("a\"b"), "\"a\"\"b\""); }
TEST(Quote, Literal) {
  EXPECT_EQ(quote_literal("it's"), "'it''s'");
  EXPECT_EQ(quote_literal("a\\b'c"), " E'a\\\\b''c'");
}

TEST(WithoutPassword, EveryPlaceOfAPassword) {
  for (const std::string conninfo :
       {"postgresql://asha:geheim@db.example:5433/glific", "postgresql://asha@db.example:5433/glific?password=geheim",
        "host=db.example port=5433 user=asha dbname=glific password=geheim",
        "host=db.example port=5433 user=asha dbname=glific password='geheim'",
        "host=db.example port=5433 user=asha dbname=glific sslpassword=geheim"}) {
    const std::string shown = without_password(conninfo);
    EXPECT_THAT(shown, Not(HasSubstr("geheim"))) << shown;
    EXPECT_THAT(shown, HasSubstr("host=db.example"));
    EXPECT_THAT(shown, HasSubstr("port=5433"));
    EXPECT_THAT(shown, HasSubstr("***"));
  }
}

TEST(WithoutPassword, UnreadableConnectionStringsAreNotRepeated) {
  EXPECT_THAT(without_password("postgresql://asha:ge%heim@db/glific"), Not(HasSubstr("heim")));
  EXPECT_THAT(without_password("geheim"), Not(HasSubstr("geheim")));
  EXPECT_THAT(without_password("postgresql://asha:ge@heim@db/glific"), Not(HasSubstr("heim")));
}

}  // namespace
}  // namespace rowledger::postgres
