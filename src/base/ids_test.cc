#include "base/ids.h"

#include <gtest/gtest.h>

namespace rowledger {
namespace {

TEST(Lsn, AsPostgresWritesIt) {
  EXPECT_EQ(Lsn{0}.to_string(), "0/0");
  EXPECT_EQ(Lsn{0x16'B374'D848}.to_string(), "16/B374D848");
  EXPECT_EQ(Lsn{~uint64_t{0}}.to_string(), "FFFFFFFF/FFFFFFFF");
}

TEST(Lsn, FromText) {
  EXPECT_EQ(Lsn::parse("0/0"), Lsn{0});
  EXPECT_EQ(Lsn::parse("16/B374D848"), Lsn{0x16'B374'D848});
  EXPECT_EQ(Lsn::parse("16/b374d848"), Lsn{0x16'B374'D848});
  EXPECT_EQ(Lsn::parse("FFFFFFFF/FFFFFFFF"), Lsn{~uint64_t{0}});
  for (const char* text :
       {"", "/", "0", "0/", "/0", "0/0/0", "100000000/0", "0/100000000", "g/0", "0/g", " 0/0", "0/0 ", "-1/0", "0x1/0"})
    EXPECT_EQ(Lsn::parse(text), std::nullopt) << text;
}

TEST(Ids, ComparedByValue) {
  EXPECT_LT(Seq{1}, Seq{2});
  EXPECT_EQ(std::hash<Seq>()(Seq{7}), std::hash<uint64_t>()(7));
}

}  // namespace
}  // namespace rowledger
