#include "base/crypto.h"

#include <gtest/gtest.h>

namespace rowledger {
namespace {

TEST(Base64, IsReadAsItIsWritten) {
  for (const std::string bytes : {"", "f", "fo", "foo", "foob", "fooba", "foobar", "\xff\xfe\xfb"})
    EXPECT_EQ(from_base64(to_base64(bytes)).value(), bytes);
  EXPECT_EQ(to_base64("fooba"), "Zm9vYmE=");
}

TEST(Base64, HasOneSpelling) {
  for (const char* text : {"Zm9vYmE", "Zm9vYmF=", "Zm9vYmE==", "Zm9v YmE=", "Zm9vYmE=\n", "Zm9-YmE=", "=", "A"})
    EXPECT_FALSE(from_base64(text).has_value()) << text;
  std::string text = "+/09azAZ";
  ASSERT_TRUE(from_base64(text).has_value());
  for (char& c : text) {
    c = static_cast<char>(c ^ 0x80);
    EXPECT_FALSE(from_base64(text).has_value()) << text;
    c = static_cast<char>(c ^ 0x80);
  }
}

}  // namespace
}  // namespace rowledger
