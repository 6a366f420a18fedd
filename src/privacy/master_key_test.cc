#include "privacy/master_key.h"

#include <chrono>
#include <thread>

#include "privacy/privacy_testing.h"

namespace rowledger::privacy {
namespace {

constexpr std::string_view kHex = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

std::string hex_of(const MasterKey& key) { return to_hex(key.view()); }

TEST(MasterKeyFile, GenerateThenRead) {
  TempDir dir;
  const auto path = dir / "master.key";
  const MasterKey made = generate_master_key(path).value();
  EXPECT_EQ(std::filesystem::status(path).permissions(),
            std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
  EXPECT_EQ(read_all(path), hex_of(made) + "\n");
  EXPECT_EQ(hex_of(read_master_key(path).value()), hex_of(made));
  EXPECT_EQ(generate_master_key(path).error().code, ErrorCode::kConflict);
  EXPECT_NE(hex_of(generate_master_key(dir / "other").value()), hex_of(made));
}

TEST(MasterKeyFile, RefusesWhatItShould) {
  TempDir dir;
  const auto path = dir / "master.key";
  EXPECT_EQ(read_master_key(path).error().code, ErrorCode::kNotFound);
  for (const std::string& text :
       {std::string(), std::string(kHex.substr(1)), std::string(kHex) + "00", " " + std::string(kHex),
        "x" + std::string(kHex.substr(1)), std::string(100'000, '0')}) {
    write_all(path, text);
    const auto key = read_master_key(path);
    ASSERT_FALSE(key);
    EXPECT_EQ(key.error().code, ErrorCode::kInvalid);
    EXPECT_EQ(key.error().message.find(kHex.substr(10, 20)), std::string::npos);
  }
  write_all(path, kHex);
  EXPECT_EQ(hex_of(read_master_key(path).value()), kHex);
  for (const auto bit : {std::filesystem::perms::group_read, std::filesystem::perms::others_read}) {
    std::filesystem::permissions(path, std::filesystem::perms::owner_read | bit);
    const auto key = read_master_key(path);
    ASSERT_FALSE(key);
    EXPECT_EQ(key.error().code, ErrorCode::kInvalid);
    EXPECT_NE(key.error().message.find("chmod 600"), std::string::npos);
  }
}

TEST(MasterKeyCommand, TakesWhatItPrints) {
  EXPECT_EQ(hex_of(master_key_from_command("echo " + std::string(kHex)).value()), kHex);
  EXPECT_EQ(hex_of(master_key_from_command("printf " + std::string(kHex) + "; cat").value()), kHex);  // no input
}

TEST(MasterKeyCommand, NeverShowsWhatItPrints) {
  for (const char* command :
       {"echo secret-text", "true", "echo secret-text; exit 3", "yes secret-text", "kill -9 $$"}) {
    const auto key = master_key_from_command(command, 2000);
    ASSERT_FALSE(key) << command;
    EXPECT_EQ(key.error().message.find("secret-text"), std::string::npos);
  }
  EXPECT_EQ(master_key_from_command("echo " + std::string(kHex) + "; exit 3").error().code, ErrorCode::kUnavailable);
  EXPECT_EQ(master_key_from_command("echo no key").error().code, ErrorCode::kInvalid);
}

TEST(MasterKeyCommand, IsStoppedWithAllThatItStarted) {
  TempDir dir;
  const auto begin = std::chrono::steady_clock::now();
  const std::string pid_file = (dir / "pid").string();
  const auto key = master_key_from_command("sleep 60 & echo $! > " + pid_file + "; wait", 3000);
  EXPECT_EQ(key.error().code, ErrorCode::kUnavailable);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(30));
  const pid_t sleeper = std::stoi(read_all(pid_file));
  // It is gone, or a zombie that its new parent has not fetched yet.
  bool alive = true;
  for (int i = 0; i < 500 && alive; ++i) {
    const std::string stat = read_all("/proc/" + std::to_string(sleeper) + "/stat");
    alive = !stat.empty() && stat.find(") Z") == std::string::npos;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  EXPECT_FALSE(alive);
}

TEST(RecoveryKeyText, RoundTrip) {
  EXPECT_EQ(to_hex(parse_recovery_key(kHex).value().view()), kHex);
  EXPECT_EQ(parse_recovery_key("abc").error().code, ErrorCode::kInvalid);
}

}  // namespace
}  // namespace rowledger::privacy
