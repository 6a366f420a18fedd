#include "api/export_spool.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <fstream>
#include <iterator>
#include <thread>

#include "base/crypto.h"

namespace rowledger::api {
namespace {

using Phase = ExportState::Phase;

class ExportSpoolTest : public testing::Test {
 public:
  ExportSpoolTest() { directory_ = std::filesystem::path(testing::TempDir()) / ("exports-" + to_hex(random_bytes(8))); }
  ~ExportSpoolTest() override {
    spool_.reset();
    std::filesystem::remove_all(directory_);
  }

 protected:
  ExportSpool& open(ExportSpoolOptions options = {.spare_disk_bytes = 0}) {
    spool_.reset();
    options.directory = directory_;
    auto opened = ExportSpool::open(
        options, [](const ExportState& state) -> Result<std::string> { return "signed " + state.sha256; });
    EXPECT_TRUE(opened) << opened.error().message;
    spool_ = std::move(*opened);
    return *spool_;
  }

  static ExportEntries numbers(uint64_t count) {
    return [count](const auto& visit) -> Status {
      for (uint64_t i = 0; i < count; ++i)
        if (!visit(Seq{i}, "{\"seq\":" + std::to_string(i) + "}")) break;
      return {};
    };
  }

  static ExportOrder order_of(std::string reader, uint64_t end = 3) {
    ExportOrder out;
    out.reader_id = std::move(reader);
    out.end = Seq{end};
    return out;
  }

  ExportState wait_for(const std::string& id, const std::string& reader) {
    while (true) {
      const auto state = spool_->find(id, reader);
      EXPECT_TRUE(state);
      if (!state || state->phase == Phase::kDone || state->phase == Phase::kFailed)
        return state.value_or(ExportState{});
      ::usleep(1'000);
    }
  }

  std::string data(const std::string& id) {
    const auto fd = spool_->open_data(id);
    if (!fd) return "none";
    std::string out(1 << 16, '\0');
    const ssize_t n = ::read(*fd, out.data(), out.size());
    ::close(*fd);
    out.resize(static_cast<size_t>(std::max<ssize_t>(n, 0)));
    return out;
  }

  size_t files() const {
    return static_cast<size_t>(std::distance(std::filesystem::directory_iterator(directory_), {}));
  }

  std::filesystem::path directory_;
  std::unique_ptr<ExportSpool> spool_;
};

TEST_F(ExportSpoolTest, WritesCountsAndHashes) {
  open();
  const auto added = spool_->add(order_of("user:priya"), numbers(3));
  ASSERT_TRUE(added);
  const ExportState done = wait_for(added->id, "user:priya");
  EXPECT_EQ(done.phase, Phase::kDone) << done.problem;
  const std::string expected = "{\"seq\":0}\n{\"seq\":1}\n{\"seq\":2}\n";
  EXPECT_EQ(data(added->id), expected);
  EXPECT_EQ(done.entries, 3u);
  EXPECT_EQ(done.first, Seq{0});
  EXPECT_EQ(done.last, Seq{2});
  EXPECT_EQ(done.bytes, expected.size());
  EXPECT_EQ(done.sha256, to_hex(as_view(sha256(expected))));
  EXPECT_EQ(done.manifest, "signed " + done.sha256);
  EXPECT_EQ(done.progress, 1);
  struct stat info {};
  ASSERT_EQ(::stat(directory_.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0700u);
}

TEST_F(ExportSpoolTest, IsItsReadersOnly) {
  open();
  const auto added = spool_->add(order_of("user:priya"), numbers(1));
  ASSERT_TRUE(added);
  EXPECT_FALSE(spool_->find(added->id, "user:ravi"));
  EXPECT_FALSE(spool_->find("no such", "user:priya"));
}

TEST_F(ExportSpoolTest, TheSameKeyIsTheSameExport) {
  open();
  ExportOrder order = order_of("user:priya");
  order.idempotency_key = "k1";
  const auto first = spool_->add(order, numbers(1)), again = spool_->add(order, numbers(1));
  ASSERT_TRUE(first && again);
  EXPECT_EQ(first->id, again->id);
  order.reader_id = "user:ravi";
  EXPECT_NE(spool_->add(order, numbers(1))->id, first->id);
}

TEST_F(ExportSpoolTest, WhatIsFinishedOutlivesTheProgram) {
  open();
  const std::string id = spool_->add(order_of("user:priya"), numbers(3))->id;
  const ExportState before = wait_for(id, "user:priya");
  std::ofstream(directory_ / "0123.part") << "left by a crash";
  std::ofstream(directory_ / "0456.data") << "without its description";
  open();
  const auto after = spool_->find(id, "user:priya");
  ASSERT_TRUE(after);
  EXPECT_EQ(after->phase, Phase::kDone);
  EXPECT_EQ(after->entries, before.entries);
  EXPECT_EQ(after->sha256, before.sha256);
  EXPECT_EQ(after->manifest, before.manifest);
  EXPECT_EQ(data(id), "{\"seq\":0}\n{\"seq\":1}\n{\"seq\":2}\n");
  EXPECT_EQ(files(), 2u);
}

TEST_F(ExportSpoolTest, Expires) {
  open({.keep_s = 0, .spare_disk_bytes = 0});
  const std::string id = spool_->add(order_of("user:priya"), numbers(3))->id;
  while (spool_->find(id, "user:priya")) ::usleep(1'000);
  EXPECT_EQ(files(), 0u);
}

TEST_F(ExportSpoolTest, AFailureLeavesNothingOnTheDisk) {
  open();
  const std::string id = spool_
                             ->add(order_of("user:priya"),
                                   [](const auto& visit) -> Status {
                                     visit(Seq{0}, "{}");
                                     return fail(ErrorCode::kCorrupt, "the log is damaged");
                                   })
                             ->id;
  const ExportState failed = wait_for(id, "user:priya");
  EXPECT_EQ(failed.phase, Phase::kFailed);
  EXPECT_EQ(failed.problem, "the log is damaged");
  EXPECT_EQ(files(), 0u);
}

TEST_F(ExportSpoolTest, DoesNotFillTheDisk) {
  open({.spare_disk_bytes = uint64_t{1} << 60});
  const ExportState failed = wait_for(spool_->add(order_of("user:priya"), numbers(3))->id, "user:priya");
  EXPECT_EQ(failed.phase, Phase::kFailed);
  EXPECT_THAT(failed.problem, testing::HasSubstr("disk"));
}

TEST_F(ExportSpoolTest, DiscardingBreaksOffWhatRunsAndLeavesNothing) {
  open();
  wait_for(spool_->add(order_of("user:priya"), numbers(3))->id, "user:priya");
  std::atomic<bool> running = false;
  const std::string endless = spool_
                                  ->add(order_of("user:priya"),
                                        [&running](const auto& visit) -> Status {
                                          for (uint64_t i = 0; visit(Seq{i}, std::string(1'000, 'x')); ++i)
                                            running = true;
                                          return {};
                                        })
                                  ->id;
  const std::string waits = spool_->add(order_of("user:priya"), numbers(3))->id;
  while (!running) ::usleep(1'000);
  ASSERT_TRUE(spool_->discard_all());
  EXPECT_EQ(files(), 0u);
  EXPECT_FALSE(spool_->find(endless, "user:priya"));
  EXPECT_FALSE(spool_->find(waits, "user:priya"));
  // And the next one is made.
  EXPECT_EQ(wait_for(spool_->add(order_of("user:priya"), numbers(3))->id, "user:priya").phase, Phase::kDone);
}

TEST_F(ExportSpoolTest, WhatIsAskedForWhileDiscardingIsBegunAfterIt) {
  open();
  std::atomic<bool> running = false, broken_off = false, may_end = false, discarded = false, early = false;
  ASSERT_TRUE(spool_->add(order_of("user:priya"), [&](const auto& visit) -> Status {
    for (uint64_t i = 0; visit(Seq{i}, std::string(1'000, 'x')); ++i) running = true;
    broken_off = true;
    while (!may_end) ::usleep(1'000);
    return {};
  }));
  while (!running) ::usleep(1'000);
  std::thread discarding([&] {
    EXPECT_TRUE(spool_->discard_all());
    discarded = true;
  });
  while (!broken_off) ::usleep(1'000);
  const auto asked = spool_->add(order_of("user:priya"), [&](const auto& visit) -> Status {
    // Begun too early, this would hold up the discarding.
    for (int waited_ms = 0; !discarded && waited_ms < 5'000; ++waited_ms) ::usleep(1'000);
    early = !discarded;
    visit(Seq{0}, "{}");
    return {};
  });
  may_end = true;
  discarding.join();
  ASSERT_TRUE(asked);
  EXPECT_EQ(wait_for(asked->id, "user:priya").phase, Phase::kDone);
  EXPECT_FALSE(early);
  EXPECT_EQ(data(asked->id), "{}\n");
}

TEST_F(ExportSpoolTest, TooManyAreRefused) {
  open({.most_waiting = 1, .spare_disk_bytes = 0});
  std::atomic<bool> end = false;
  const auto slow = [&end](const auto&) -> Status {
    while (!end) ::usleep(1'000);
    return {};
  };
  ASSERT_TRUE(spool_->add(order_of("user:priya"), slow));
  const auto refused = spool_->add(order_of("user:priya"), numbers(1));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kUnavailable);
  end = true;
}

}  // namespace
}  // namespace rowledger::api
