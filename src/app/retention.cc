#include "app/retention.h"

#include <algorithm>
#include <chrono>

#include "base/day.h"
#include "base/log.h"
#include "base/thread_name.h"

namespace rowledger::app {
namespace {

constexpr auto kLookAtClock = std::chrono::minutes(1);
constexpr auto kLongestPause = std::chrono::hours(1);

uint32_t today() { return day_of(Timestamp::now()); }

}  // namespace

store::RetentionRules retention_rules(const Config& config) {
  store::RetentionRules out;
  out.erase_after_days = static_cast<uint32_t>(config.erase_after_days);
  if (auto by_tenant = retention_by_tenant(config)) out.by_tenant = std::move(*by_tenant);  // checked when it was read
  return out;
}

Retention::Retention(store::RetentionRules rules, capture::Capture& capture, MakeHeld make_held,
                     api::ExportSpool& exports, std::chrono::milliseconds first_pause)
    : rules_(std::move(rules)),
      capture_(capture),
      make_held_(std::move(make_held)),
      exports_(exports),
      first_pause_(first_pause) {
  if (rules_.erases()) thread_ = std::thread([this] { run(); });
}

Retention::~Retention() {
  {
    const std::lock_guard guard(mutex_);
    stop_ = true;
  }
  stopped_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void Retention::run() {
  name_this_thread("retention");
  std::chrono::milliseconds pause = first_pause_;
  std::unique_lock guard(mutex_);
  while (!stop_) {
    guard.unlock();
    const uint32_t day = today();
    const Status done = once(day);
    const bool failed = !done && done.error().code != ErrorCode::kCancelled;
    if (failed) log::error("values could not be erased as retention says: {}", done.error().message);
    guard.lock();
    if (failed) {
      stopped_.wait_for(guard, pause, [this] { return stop_; });
      pause = std::min<std::chrono::milliseconds>(2 * pause, kLongestPause);
      continue;
    }
    pause = first_pause_;
    while (!stop_ && today() == day) stopped_.wait_for(guard, kLookAtClock, [this] { return stop_; });
  }
}

Status Retention::once(uint32_t day) {
  const capture::Capture::Held held = make_held_();
  RL_TRY(held());  // it looks for the persons now, and not while capture waits for the first turn
  const Result<uint64_t> destroyed = capture_.expire(rules_, day, held);
  // Each could have a value that is to be gone, also where it was broken off.
  Status removed = capture_.remove_copies([this] { return exports_.discard_all(); });
  return destroyed ? removed : fail(destroyed.error());
}

}  // namespace rowledger::app
