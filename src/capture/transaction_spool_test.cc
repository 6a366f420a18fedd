#include "capture/transaction_spool.h"

#include <gtest/gtest.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>
#include <vector>

namespace rowledger::capture {
namespace {

class SpoolTest : public ::testing::Test {
 protected:
  void SetUp() override {
    directory_ = std::filesystem::temp_directory_path() / ("rowledger-spool-" + std::to_string(::getpid()));
    auto spool = TransactionSpool::open(directory_);
    ASSERT_TRUE(spool);
    spool_.emplace(std::move(*spool));
  }
  void TearDown() override {
    spool_.reset();
    std::filesystem::remove_all(directory_);
  }
  std::vector<std::string> replay(uint32_t xid) {
    std::vector<std::string> out;
    Status done = spool_->replay(xid, [&](const std::vector<TransactionSpool::Message>& messages) -> Status {
      for (const auto& message : messages) out.push_back((message.aborted ? "-" : "") + std::string(message.bytes));
      return {};
    });
    EXPECT_TRUE(done) << done.error().message;
    return out;
  }
  size_t files() const {
    return static_cast<size_t>(std::distance(std::filesystem::directory_iterator(directory_), {}));
  }
  std::filesystem::path directory_;
  std::optional<TransactionSpool> spool_;
};

TEST_F(SpoolTest, SegmentsOfSeveralTransactionsStayApart) {
  ASSERT_TRUE(spool_->begin_segment(1));
  ASSERT_TRUE(spool_->append(1, "a"));
  ASSERT_TRUE(spool_->end_segment());
  ASSERT_TRUE(spool_->begin_segment(2));
  ASSERT_TRUE(spool_->append(2, "b"));
  ASSERT_TRUE(spool_->end_segment());
  ASSERT_TRUE(spool_->begin_segment(1));
  ASSERT_TRUE(spool_->append(1, "c"));
  ASSERT_TRUE(spool_->end_segment());
  EXPECT_EQ(replay(1), (std::vector<std::string>{"a", "c"}));
  EXPECT_EQ(replay(2), (std::vector<std::string>{"b"}));
  EXPECT_EQ(files(), 0u);
}

TEST_F(SpoolTest, ATransactionOfEmptySegmentsHasNothingToReplay) {
  ASSERT_TRUE(spool_->begin_segment(1));
  ASSERT_TRUE(spool_->end_segment());
  ASSERT_TRUE(spool_->begin_segment(1));
  ASSERT_TRUE(spool_->end_segment());
  EXPECT_TRUE(replay(1).empty());
  EXPECT_FALSE(spool_->holds(1));
}

TEST_F(SpoolTest, RolledBackPartsAreMarkedAndWholeTransactionsGone) {
  ASSERT_TRUE(spool_->begin_segment(1));
  ASSERT_TRUE(spool_->append(1, "keep"));
  ASSERT_TRUE(spool_->append(3, "drop"));
  ASSERT_TRUE(spool_->append(4, "keep too"));
  ASSERT_TRUE(spool_->end_segment());
  spool_->abort(1, 3);
  ASSERT_TRUE(spool_->begin_segment(1));
  ASSERT_TRUE(spool_->append(1, "after"));
  ASSERT_TRUE(spool_->end_segment());
  spool_->abort(1, 4);
  EXPECT_EQ(replay(1), (std::vector<std::string>{"keep", "-drop", "-keep too", "-", "after", "-"}))
      << "also where it was rolled back";
  ASSERT_TRUE(spool_->begin_segment(5));
  ASSERT_TRUE(spool_->append(5, "x"));
  ASSERT_TRUE(spool_->end_segment());
  spool_->abort(5, 5);
  EXPECT_FALSE(spool_->holds(5));
  EXPECT_EQ(files(), 0u);
}

TEST_F(SpoolTest, MessagesLargerThanTheReadBufferComeBackWhole) {
  std::vector<std::string> messages;
  for (const size_t size : {size_t{0}, size_t{3} << 20, size_t{1}, size_t{1} << 20, size_t{700'000}})
    messages.emplace_back(size, static_cast<char>('a' + messages.size()));
  ASSERT_TRUE(spool_->begin_segment(9));
  for (const std::string& message : messages) ASSERT_TRUE(spool_->append(9, message));
  ASSERT_TRUE(spool_->end_segment());
  EXPECT_EQ(replay(9), messages);
}

TEST_F(SpoolTest, NothingStandsInClearAndDamageIsNoticed) {
  const std::string secret(400'000, 's');  // more than is kept in memory
  ASSERT_TRUE(spool_->begin_segment(9));
  ASSERT_TRUE(spool_->append(9, secret));
  ASSERT_TRUE(spool_->append(9, "the last"));
  ASSERT_TRUE(spool_->end_segment());
  const auto file = directory_ / "9.spool";
  std::stringstream bytes;
  bytes << std::ifstream(file, std::ios::binary).rdbuf();
  ASSERT_GT(bytes.str().size(), secret.size());
  EXPECT_EQ(bytes.str().find(secret.substr(0, 16)), std::string::npos);
  EXPECT_EQ(bytes.str().find("the last"), std::string::npos);
  std::string altered = bytes.str();
  altered[altered.size() / 2] ^= 1;
  std::ofstream(file, std::ios::binary) << altered;
  EXPECT_FALSE(spool_->replay(9, [](const auto&) { return Status(); }));
}

TEST_F(SpoolTest, WhatAnEarlierRunLeftIsRemoved) {
  ASSERT_TRUE(spool_->begin_segment(1));
  ASSERT_TRUE(spool_->append(1, "a"));
  ASSERT_TRUE(spool_->end_segment());
  std::filesystem::create_directories(directory_ / "lost+found" / "x");
  const int directory = ::open(directory_.c_str(), O_RDONLY | O_DIRECTORY);
  auto again = TransactionSpool::open(directory_);
  ASSERT_TRUE(again);
  EXPECT_FALSE(again->holds(1));
  EXPECT_EQ(files(), 0u);
  struct stat same = {};
  ASSERT_EQ(::fstat(directory, &same), 0);
  EXPECT_GT(same.st_nlink, 0u) << "the directory itself, which may be a mount, was replaced";
  ::close(directory);
}

TEST_F(SpoolTest, AStreamOutOfOrderIsAnErrorNotACrash) {
  EXPECT_FALSE(spool_->append(1, "a"));
  EXPECT_FALSE(spool_->end_segment());
  EXPECT_FALSE(spool_->replay(7, [](const auto&) { return Status(); }));
  ASSERT_TRUE(spool_->begin_segment(1));
  EXPECT_FALSE(spool_->begin_segment(2));
}

}  // namespace
}  // namespace rowledger::capture
