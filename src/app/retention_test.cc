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
  Result<uint64_t> expire(const store::RetentionRules&, uint32_t, const Held& asked) override {
    held.set_value(asked().value());
    return 2;
  }

  std::promise<store::HeldValues> held;
};

// Cannot, the first times.
class BusyCapture final : public capture::IdleCapture {
 public:
  Result<uint64_t> expire(const store::RetentionRules&, uint32_t, const Held&) override {
    if (++asked < 4) return fail(ErrorCode::kUnavailable, "the log was not written in time");
    done.set_value();
    return 0;
  }

  int asked = 0;
  std::promise<void> done;
};

TEST(Retention, WhatFailedIsTriedAgainTheSameDay) {
  const auto directory = std::filesystem::path(testing::TempDir()) / ("retention-" + to_hex(random_bytes(8)));
  {
    const auto exports = api::ExportSpool::open({.directory = directory}, {});
    ASSERT_TRUE(exports) << exports.error().message;
    BusyCapture capture;
    const Retention retention(
        {.erase_after_days = 1}, capture, [] { return [] { return store::HeldValues(); }; }, **exports,
        std::chrono::milliseconds(1));
    capture.done.get_future().wait();
  }
  std::filesystem::remove_all(directory);
}

TEST(Retention, DiscardsExportsWithTheValues) {
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
    store::HeldValues priya{.owners = {{"1", "public.contacts/42"}}};
    const Retention retention(
        {.erase_after_days = 1}, capture, [&] { return [&] { return priya; }; }, **exports);
    EXPECT_EQ(capture.held.get_future().get(), priya);
    while ((*exports)->find(id, "user:priya")) ::usleep(1'000);
    EXPECT_TRUE(std::filesystem::is_empty(directory));
  }
  std::filesystem::remove_all(directory);
}

}  // namespace
}  // namespace rowledger::app
