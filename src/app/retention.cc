#include "app/retention.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "base/day.h"
#include "base/log.h"
#include "base/thread_name.h"

namespace rowledger::app {
namespace {

constexpr int kToldWithinMs = 10'000;
constexpr size_t kKeysAnEntry = 1'000;
constexpr auto kLookAtClock = std::chrono::minutes(1);

uint32_t today() { return day_of(Timestamp::now()); }

}  // namespace

store::RetentionRules retention_rules(const Config& config) {
  store::RetentionRules out;
  out.erase_after_days = static_cast<uint32_t>(config.erase_after_days);
  if (auto by_tenant = retention_by_tenant(config)) out.by_tenant = std::move(*by_tenant);  // checked when it was read
  return out;
}

Retention::Retention(store::RetentionRules rules, capture::Capture& capture, Held held, api::ExportSpool& exports)
    : rules_(std::move(rules)), capture_(capture), held_(std::move(held)), exports_(exports) {
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
  std::unique_lock guard(mutex_);
  while (!stop_) {
    guard.unlock();
    const uint32_t day = today();
    const Status done = once(day);
    if (!done && done.error().code != ErrorCode::kCancelled)
      log::error("values could not be erased as retention says: {}", done.error().message);
    guard.lock();
    while (!stop_ && today() == day) stopped_.wait_for(guard, kLookAtClock, [this] { return stop_; });
  }
}

Status Retention::once(uint32_t day) {
  RL_ASSIGN(rules_.held, held_());
  RL_ASSIGN(const std::vector<privacy::KeyId> destroyed, capture_.expire(rules_, day));
  if (destroyed.empty()) return {};
  // Each could have a value that is to be gone.
  Status discarded = exports_.discard_all();
  RL_TRY(tell(destroyed));
  return discarded;
}

// The numbers, so that a backup of the keys that is put back can be made to forget them again.
Status Retention::tell(const std::vector<privacy::KeyId>& destroyed) {
  std::vector<std::string> details;
  for (size_t at = 0; at < destroyed.size(); at += kKeysAnEntry) {
    const size_t count = std::min(kKeysAnEntry, destroyed.size() - at);
    std::string numbers;
    for (size_t i = at; i < at + count; ++i) numbers += fmt::format("{}{}", i > at ? "," : "", destroyed[i].value);
    details.push_back(fmt::format(R"({{"reason":"retention","keys_destroyed":{},"keys":[{}]}})", count, numbers));
  }
  std::vector<record::Entry> entries(details.size());
  for (size_t i = 0; i < entries.size(); ++i) {
    entries[i].header.kind = record::EntryKind::kErase;
    entries[i].body.detail = details[i];
  }
  return capture_.append(entries, kToldWithinMs);
}

}  // namespace rowledger::app
