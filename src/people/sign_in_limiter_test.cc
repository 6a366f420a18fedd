#include "people/sign_in_limiter.h"

#include <gtest/gtest.h>

namespace rowledger::people {
namespace {

using std::chrono::seconds;

class Limiter : public ::testing::Test {
 protected:
  // One try, when it may be made; false when it has to wait.
  bool try_once(const std::string& account, const std::string& network, bool right = false) {
    if (limiter_.wait(account, network, now_).count() > 0) return false;
    limiter_.begin(account, network, now_);
    if (right) limiter_.succeeded(account, network, now_);
    return true;
  }
  int tries_within(seconds time, const std::string& account, const std::string& network) {
    int made = 0;
    for (const auto end = now_ + time; now_ < end; now_ += seconds(1)) made += try_once(account, network);
    return made;
  }

  SignInLimiter limiter_;
  SignInLimiter::Clock::time_point now_{std::chrono::hours(1'000)};
};

TEST_F(Limiter, GuessingGetsSlowerAndSlower) {
  for (int i = 0; i < SignInLimiter::kFreeFailures; ++i) EXPECT_TRUE(try_once("priya", "a"));
  EXPECT_FALSE(try_once("priya", "a"));
  EXPECT_EQ(limiter_.wait("priya", "a", now_), seconds(1));
  EXPECT_LE(tries_within(seconds(3'600), "priya", "a"), 21);
  EXPECT_LE(limiter_.wait("priya", "a", now_), SignInLimiter::kLongestWait);
}

TEST_F(Limiter, FromManyNetworksAnAccountIsStillSlow) {
  int made = 0;
  for (int i = 0; i < 1'000; ++i) made += try_once("priya", "network" + std::to_string(i));
  EXPECT_EQ(made, SignInLimiter::kFreeFailures);
}

TEST_F(Limiter, OneNetworkGuessingAtManyAccountsIsSlow) {
  int made = 0;
  for (int i = 0; i < 1'000; ++i) made += try_once("account" + std::to_string(i), "a");
  EXPECT_EQ(made, SignInLimiter::kFreeFailures);
}

TEST_F(Limiter, TheOwnerGetsInWhileOthersGuess) {
  EXPECT_TRUE(try_once("priya", "office", true));
  for (int i = 0; i < 1'000; ++i) {
    try_once("priya", "network" + std::to_string(i));
    try_once("ravi", "office");
  }
  EXPECT_TRUE(try_once("priya", "office", true));
  EXPECT_FALSE(try_once("ravi", "office"));
  EXPECT_FALSE(try_once("priya", "elsewhere"));
}

TEST_F(Limiter, AKnownNetworkIsNoWayAroundTheLimit) {
  EXPECT_TRUE(try_once("priya", "office", true));
  EXPECT_LE(tries_within(seconds(3'600), "priya", "office"), 5 + 21);
}

TEST_F(Limiter, SuccessesDoNotCount) {
  for (int i = 0; i < 100; ++i) EXPECT_TRUE(try_once("priya", "office", true));
  for (int i = 0; i < 100; ++i) EXPECT_TRUE(try_once("user" + std::to_string(i), "office", true));
}

TEST_F(Limiter, TriesAtTheSameTimeCountEach) {
  int begun = 0;
  for (int i = 0; i < 50; ++i) begun += try_once("priya", "a");  // none has ended
  EXPECT_EQ(begun, SignInLimiter::kFreeFailures);
}

TEST_F(Limiter, IsForgivenAfterQuiet) {
  for (int i = 0; i < 20; ++i) try_once("priya", "a"), now_ += seconds(300);
  now_ += SignInLimiter::kForgetAfter + seconds(1);
  for (int i = 0; i < SignInLimiter::kFreeFailures; ++i) EXPECT_TRUE(try_once("priya", "a"));
}

TEST_F(Limiter, NamesWithoutEndTakeNoMemoryWithoutEnd) {
  // The account under attack is counted all the while.
  for (size_t i = 0; i < 3 * SignInLimiter::kMostCounters; ++i) {
    limiter_.begin("name" + std::to_string(i), "network" + std::to_string(i), now_);
    if (i % 100 == 0) limiter_.begin("priya", "a", now_);
    now_ += std::chrono::milliseconds(10);
  }
  EXPECT_GT(limiter_.wait("priya", "b", now_), seconds(100));
}

}  // namespace
}  // namespace rowledger::people
