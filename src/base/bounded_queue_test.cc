#include "base/bounded_queue.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <thread>
#include <vector>

namespace rowledger {
namespace {

using namespace std::chrono_literals;

TEST(BoundedQueue, FirstInFirstOut) {
  BoundedQueue<std::unique_ptr<int>> queue(3);
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(queue.push(std::make_unique<int>(i)));
  EXPECT_EQ(queue.size(), 3u);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(**queue.pop(), i);
  EXPECT_EQ(queue.try_pop(), std::nullopt);
}

TEST(BoundedQueue, PushGivesUpWhenFullAndKeepsTheItem) {
  BoundedQueue<std::unique_ptr<int>> queue(1);
  auto first = std::make_unique<int>(1), second = std::make_unique<int>(2);
  EXPECT_TRUE(queue.push_for(first, 0ms));
  EXPECT_FALSE(first);
  EXPECT_FALSE(queue.push_for(second, 1ms));
  ASSERT_TRUE(second) << "an item that did not go in must not be lost";
  EXPECT_EQ(**queue.pop(), 1);
  EXPECT_TRUE(queue.push_for(second, 0ms));
}

TEST(BoundedQueue, PopGivesUpWhenEmpty) {
  BoundedQueue<int> queue(1);
  EXPECT_EQ(queue.pop_for(1ms), std::nullopt);
  EXPECT_FALSE(queue.closed());
}

TEST(BoundedQueue, ClosedTakesNothingMoreAndGivesWhatItHas) {
  BoundedQueue<int> queue(3);
  ASSERT_TRUE(queue.push(1));
  ASSERT_TRUE(queue.push(2));
  queue.close();
  EXPECT_TRUE(queue.closed());
  EXPECT_FALSE(queue.push(3));
  int item = 3;
  EXPECT_FALSE(queue.push_for(item, 1h));
  EXPECT_EQ(queue.pop(), 1);
  EXPECT_EQ(queue.pop_for(1h), 2);
  EXPECT_EQ(queue.pop(), std::nullopt);
}

TEST(BoundedQueue, ClosingWakesWhoWaits) {
  BoundedQueue<int> empty(1), full(1);
  ASSERT_TRUE(full.push(1));
  std::thread popper([&] { EXPECT_EQ(empty.pop(), std::nullopt); });
  std::thread pusher([&] { EXPECT_FALSE(full.push(2)); });
  empty.close();
  full.close();
  popper.join();
  pusher.join();
  EXPECT_EQ(full.size(), 1u);
}

TEST(BoundedQueue, ManyThreadsLoseAndDoubleNothing) {
  constexpr int kEach = 2'000, kThreads = 3;
  BoundedQueue<int> queue(2);
  std::vector<std::atomic<int>> seen(kEach * kThreads);
  std::atomic<size_t> largest = 0;
  std::vector<std::thread> pushers, poppers;
  for (int t = 0; t < kThreads; ++t) {
    pushers.emplace_back([&, t] {
      for (int i = 0; i < kEach; ++i) EXPECT_TRUE(queue.push(t * kEach + i));
    });
    poppers.emplace_back([&] {
      while (const auto item = queue.pop()) {
        ++seen[static_cast<size_t>(*item)];
        const size_t size = queue.size();
        if (size > largest) largest = size;
      }
    });
  }
  for (auto& thread : pushers) thread.join();
  queue.close();
  for (auto& thread : poppers) thread.join();
  for (const auto& count : seen) ASSERT_EQ(count, 1);
  EXPECT_LE(largest, 2u);
}

}  // namespace
}  // namespace rowledger
