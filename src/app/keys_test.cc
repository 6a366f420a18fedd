#include "app/keys.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>

namespace rowledger::app {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class KeysFile : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = (std::filesystem::temp_directory_path() / "rowledger-keys-XXXXXX").string();
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    directory_ = name;
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }
  std::filesystem::path file() const { return directory_ / "keys.toml"; }

  std::filesystem::path directory_;
};

void expect_same(const Keys& a, const Keys& b) {
  EXPECT_EQ(a.ref_key, b.ref_key);
  EXPECT_EQ(a.token_key.bytes, b.token_key.bytes);
  EXPECT_EQ(a.context_hmac_key, b.context_hmac_key);
  EXPECT_EQ(a.role_password, b.role_password);
  EXPECT_EQ(a.salt_key, b.salt_key);
  EXPECT_EQ(a.signing_key, b.signing_key);
}

TEST(Keys, AreNeverTheSameTwice) {
  const Keys a = make_keys(), b = make_keys();
  EXPECT_EQ(a.ref_key.size(), 32u);
  EXPECT_EQ(a.context_hmac_key.size(), 32u);
  EXPECT_GE(a.role_password.size(), 32u);
  EXPECT_NE(a.ref_key, b.ref_key);
  EXPECT_NE(a.token_key.bytes, b.token_key.bytes);
  EXPECT_NE(a.context_hmac_key, b.context_hmac_key);
  EXPECT_NE(a.role_password, b.role_password);
  EXPECT_NE(a.ref_key, a.context_hmac_key);
}

TEST(Keys, ComeBackFromTheirText) {
  Keys keys = make_keys();
  const auto again = parse_keys(keys_text(keys), "keys.toml");
  ASSERT_TRUE(again) << again.error().message;
  expect_same(*again, keys);
  keys.role_password = "its \"own\" \\ choice";  // somebody may set it by hand
  const auto with_own = parse_keys(keys_text(keys), "keys.toml");
  ASSERT_TRUE(with_own) << with_own.error().message;
  EXPECT_EQ(with_own->role_password, keys.role_password);
}

TEST(Keys, ErrorsNameTheKeyAndNeverTellIt) {
  const std::string text = keys_text(make_keys());
  for (const std::string name : {"ref_key", "token_key", "context_hmac_key", "role_password"}) {
    std::string without = text;
    without.replace(without.find('\n' + name + " = ") + 1, name.size(), "other");
    EXPECT_THAT(parse_keys(without, "keys.toml").error().message, HasSubstr("keys.toml: " + name + " is missing"));
    if (name == "role_password") continue;
    std::string shorter = text;
    const size_t at = shorter.find(name + " = \"") + name.size() + 4;
    const std::string value = shorter.substr(at, shorter.find('"', at) - at);
    for (const std::string& bad : {value.substr(2), value + "00", 'g' + value.substr(1), value.substr(1)}) {
      shorter.replace(at, shorter.find('"', at) - at, bad);
      const auto parsed = parse_keys(shorter, "keys.toml");
      ASSERT_FALSE(parsed) << name;
      EXPECT_THAT(parsed.error().message,
                  AllOf(HasSubstr(name), HasSubstr("hexadecimal"), Not(HasSubstr(value.substr(4)))));
    }
  }
  const auto broken = parse_keys("ref_key = \"0123456789secret", "keys.toml");
  ASSERT_FALSE(broken);
  EXPECT_THAT(broken.error().message, Not(HasSubstr("secret")));
}

TEST_F(KeysFile, IsItsOwnersOnly) {
  const Keys keys = make_keys();
  ASSERT_TRUE(write_private_file(file(), keys_text(keys)));
  struct stat info {};
  ASSERT_EQ(::stat(file().c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
  const auto read = read_keys(file());
  ASSERT_TRUE(read) << read.error().message;
  expect_same(*read, keys);
  for (const mode_t mode : {0640u, 0604u, 0660u}) {
    ASSERT_EQ(::chmod(file().c_str(), mode), 0);
    EXPECT_THAT(read_keys(file()).error().message, HasSubstr("chmod 600"));
  }
}

TEST_F(KeysFile, IsNeverOverwritten) {
  ASSERT_TRUE(write_private_file(file(), "first"));
  EXPECT_EQ(write_private_file(file(), "second").error().code, ErrorCode::kConflict);
  EXPECT_EQ(read_file(file()).value(), "first");
}

TEST_F(KeysFile, ThatIsMissing) {
  EXPECT_EQ(read_keys(file()).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(write_private_file(directory_ / "no" / "keys.toml", "x").error().code, ErrorCode::kNotFound);
}

TEST_F(KeysFile, OfAnySizeIsReadWhole) {
  const std::string text(100'000, 'x');
  ASSERT_TRUE(write_private_file(file(), text));
  EXPECT_EQ(read_file(file()).value(), text);
}

}  // namespace
}  // namespace rowledger::app
