#pragma once
// POST with an Idempotency-Key (draft-ietf-httpapi-idempotency-key-header): repeated by a client that does not know
// whether it was heard, it is done once and answered alike. Kept in memory for an hour. Safe from any thread.
#include <chrono>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>

#include "base/crypto.h"
#include "http/http.h"
#include "people/principal.h"

namespace rowledger::api {

class Idempotency {
 public:
  // What make() answers, or what it has answered to the same caller, address, key and body. 422 for another body, 409
  // while the first request is under way. Failures, and answers that are streamed, are not kept.
  // repeatable: asked after make(); an answer that may not be given again is not kept, and made anew each time.
  http::Response once(
      const people::Principal& caller, const http::Request& request, const std::function<http::Response()>& make,
      const std::function<bool()>& repeatable = [] { return true; });

  static constexpr size_t kMost = 2'000, kMostKeyBytes = 255;
  static constexpr std::chrono::hours kKept{1};

 private:
  using Clock = std::chrono::steady_clock;
  struct Done {
    Digest body;
    Clock::time_point when;
    std::optional<http::Response> answer;  // nothing: under way
  };
  void make_room(Clock::time_point now);

  std::mutex mutex_;
  std::map<Digest, Done> done_;  // mutex_; by caller, address and key
};

}  // namespace rowledger::api
