#include "api/idempotency.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

namespace rowledger::api {
namespace {

http::Request request(const std::string& key, const std::string& body = "{}", const std::string& target = "/v1/users") {
  http::Request out;
  out.method = "POST";
  out.target = target;
  out.headers = {{"idempotency-key", key}};
  out.body = body;
  return out;
}

// Answers with how many times it was asked.
struct Counter {
  int calls = 0, status = 201;
  http::Response operator()() {
    http::Response out;
    out.status = status;
    out.body = std::to_string(++calls);
    return out;
  }
};

const people::Principal kPriya{.id = "user:priya"}, kRavi{.id = "user:ravi"};

TEST(Idempotency, TheSameIsDoneOnceAndAnsweredAlike) {
  Idempotency keys;
  Counter counter;
  EXPECT_EQ(keys.once(kPriya, request("a"), std::ref(counter)).body, "1");
  const auto again = keys.once(kPriya, request("a"), std::ref(counter));
  EXPECT_EQ(again.body, "1");
  EXPECT_EQ(again.status, 201);
  EXPECT_EQ(counter.calls, 1);
}

TEST(Idempotency, AnotherCallerKeyOrAddressIsAnotherRequest) {
  Idempotency keys;
  Counter counter;
  keys.once(kPriya, request("a"), std::ref(counter));
  EXPECT_EQ(keys.once(kRavi, request("a"), std::ref(counter)).body, "2");
  EXPECT_EQ(keys.once(kPriya, request("b"), std::ref(counter)).body, "3");
  EXPECT_EQ(keys.once(kPriya, request("a", "{}", "/v1/tokens"), std::ref(counter)).body, "4");
}

TEST(Idempotency, AnotherBodyIsRefused) {
  Idempotency keys;
  Counter counter;
  keys.once(kPriya, request("a"), std::ref(counter));
  EXPECT_EQ(keys.once(kPriya, request("a", "{\"x\":1}"), std::ref(counter)).status, 422);
  EXPECT_EQ(keys.once(kPriya, request(std::string(256, 'k')), std::ref(counter)).status, 400);
  EXPECT_EQ(counter.calls, 1);
}

TEST(Idempotency, FailuresMayBeTriedAgain) {
  Idempotency keys;
  Counter counter{.status = 503};
  EXPECT_EQ(keys.once(kPriya, request("a"), std::ref(counter)).status, 503);
  counter.status = 201;
  EXPECT_EQ(keys.once(kPriya, request("a"), std::ref(counter)).body, "2");
  EXPECT_THROW(keys.once(kPriya, request("b"), []() -> http::Response { throw std::runtime_error("x"); }),
               std::runtime_error);
  EXPECT_EQ(keys.once(kPriya, request("b"), std::ref(counter)).body, "3");
}

TEST(Idempotency, WhatMayNotBeRepeatedIsMadeAnew) {
  Idempotency keys;
  Counter counter;
  keys.once(kPriya, request("a"), std::ref(counter), [] { return false; });
  EXPECT_EQ(keys.once(kPriya, request("a"), std::ref(counter)).body, "2");
}

TEST(Idempotency, WhatIsUnderWayIsSaid) {
  Idempotency keys;
  Counter counter;
  const auto outer = keys.once(kPriya, request("a"), [&] {
    EXPECT_EQ(keys.once(kPriya, request("a"), std::ref(counter)).status, 409);
    return counter();
  });
  EXPECT_EQ(outer.body, "1");
}

TEST(Idempotency, KeepsNoMoreThanItMay) {
  Idempotency keys;
  Counter counter;
  for (size_t i = 0; i < Idempotency::kMost + 10; ++i) keys.once(kPriya, request(std::to_string(i)), std::ref(counter));
  const int before = counter.calls;
  keys.once(kPriya, request("0"), std::ref(counter));  // forgotten
  EXPECT_EQ(counter.calls, before + 1);
  keys.once(kPriya, request(std::to_string(Idempotency::kMost + 9)), std::ref(counter));  // not
  EXPECT_EQ(counter.calls, before + 1);
}

}  // namespace
}  // namespace rowledger::api
