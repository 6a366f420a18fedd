#include "api/idempotency.h"

#include <fmt/format.h>

#include <algorithm>

#include "api/answer.h"

namespace rowledger::api {

void Idempotency::make_room(Clock::time_point now) {
  std::erase_if(done_, [&](const auto& item) { return item.second.answer && now - item.second.when > kKept; });
  if (done_.size() < kMost) return;
  const auto oldest = std::ranges::min_element(
      done_, {}, [](const auto& item) { return item.second.answer ? item.second.when : Clock::time_point::max(); });
  if (oldest->second.answer) done_.erase(oldest);
}

http::Response Idempotency::once(const people::Principal& caller, const http::Request& request,
                                 const std::function<http::Response()>& make, const std::function<bool()>& repeatable) {
  const std::string_view key = request.header("idempotency-key");
  if (key.size() > kMostKeyBytes) {
    return problem(400, "invalid", "The request is not understood",
                   fmt::format("an Idempotency-Key has at most {} bytes", kMostKeyBytes));
  }
  const Digest which = sha256(fmt::format("{}\n{}\n", caller.id, request.target), key);
  const Digest body = sha256(request.body);
  {
    std::lock_guard lock(mutex_);
    const auto now = Clock::now();
    const auto found = done_.find(which);
    if (found != done_.end() && found->second.answer && now - found->second.when > kKept) {
      done_.erase(found);
    } else if (found != done_.end()) {
      if (found->second.body != body)
        return problem(422, "key-reused", "Not the same request", "this Idempotency-Key came with another body before");
      if (!found->second.answer)
        return problem(409, "under-way", "Under way", "the first request with this Idempotency-Key is not done yet");
      return *found->second.answer;
    }
    make_room(now);
    done_.emplace(which, Done{body, now, std::nullopt});
  }
  std::optional<http::Response> answer;
  try {
    answer = make();
  } catch (...) {
    std::lock_guard lock(mutex_);
    done_.erase(which);
    throw;
  }
  const bool done = answer->status >= 200 && answer->status < 300;
  const bool keep = done && !answer->stream && !answer->live && repeatable();
  std::lock_guard lock(mutex_);
  if (keep) {
    done_.at(which).answer = *answer;
  } else {
    done_.erase(which);
  }
  return std::move(*answer);
}

}  // namespace rowledger::api
