#include "app/retention.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <future>

#include "base/crypto.h"
#include "capture/capture_testing.h"

namespace rowledger::app {
namespace {

// Destroys what it is told to, and keeps what is appended.
class FakeCapture final : public capture::IdleCapture {
 public:
  Result<std::vector<privacy::KeyId>> expire(const store::RetentionRules& rules, uint32_t) override {
    held = rules.held;
    return expired;
  }
  Status append(std::span<const record::Entry> entries, int) override {
    told.set_value(std::string(entries.front().body.detail));
    return {};
  }

  std::vector<privacy::KeyId> expired;
  std::vector<store::Owner> held;
  std::promise<std::string> told;
};

TEST(Retention, DiscardsExportsWithTheValuesAndTells) {
  const auto directory = std::filesystem::path(testing::TempDir()) / ("retention-" + to_hex(random_bytes(8)));
  {
    auto exports = api::ExportSpool::open({.directory = directory, .spare_disk_bytes = 0},
                                          [](const auto&) -> Result<std::string> { return std::string("signed"); });
    ASSERT_TRUE(exports) << exports.error().message;
    const auto one = [](const auto& visit) -> Status {
      visit(Seq{0}, R"({"seq":0})");
      return {};
    };
    const auto id = (*exports)->add({.reader_id = "user:priya", .end = Seq{1}}, one)->id;
    const auto phase = [&] { return (*exports)->find(id, "user:priya")->phase; };
    while (phase() != api::ExportState::Phase::kDone) ::usleep(1'000);
    FakeCapture capture;
    capture.expired = {privacy::KeyId{5}, privacy::KeyId{8}};
    const store::Owner priya{"1", "public.contacts/42"};
    const Retention retention(
        {.erase_after_days = 1}, capture, [&] { return std::vector{priya}; }, **exports);
    EXPECT_EQ(capture.told.get_future().get(), R"({"reason":"retention","keys_destroyed":2,"keys":[5,8]})");
    EXPECT_EQ(capture.held, std::vector{priya});
    EXPECT_FALSE((*exports)->find(id, "user:priya"));
    EXPECT_TRUE(std::filesystem::is_empty(directory));
  }
  std::filesystem::remove_all(directory);
}

}  // namespace
}  // namespace rowledger::app
