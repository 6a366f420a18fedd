#include "people/sign_in_limiter.h"

#include <algorithm>
#include <vector>

namespace rowledger::people {
namespace {

std::string pair_key(std::string_view account, std::string_view network) {
  return std::string(account) + '\0' + std::string(network);
}

// Makes room by dropping what was used longest ago, a tenth at a time.
template <class Map, class TimeOf>
void make_room(Map& map, size_t most, const TimeOf& time_of) {
  if (map.size() < most) return;
  std::vector<SignInLimiter::Clock::time_point> times;
  times.reserve(map.size());
  for (const auto& [key, value] : map) times.push_back(time_of(value));
  const auto tenth = times.begin() + static_cast<ptrdiff_t>(times.size() / 10);
  std::ranges::nth_element(times, tenth);
  std::erase_if(map, [&, limit = *tenth](const auto& item) { return time_of(item.second) <= limit; });
}

}  // namespace

std::chrono::seconds SignInLimiter::wait_of(const Counter& counter, Clock::time_point now) {
  if (counter.failures < kFreeFailures || now - counter.last > kForgetAfter) return std::chrono::seconds(0);
  const int doublings = std::min(counter.failures - kFreeFailures, 20);
  const auto whole = std::min(std::chrono::seconds(int64_t{1} << doublings), kLongestWait);
  const auto left = whole - (now - counter.last);
  return std::max(std::chrono::ceil<std::chrono::seconds>(left), std::chrono::seconds(0));
}

// Where the account has signed in before, its failures count for that network alone.
std::string SignInLimiter::account_key(std::string_view account, std::string_view network) const {
  const std::string pair = pair_key(account, network);
  return known_.contains(pair) ? "known " + pair : "account " + std::string(account);
}

std::chrono::seconds SignInLimiter::wait_for(const std::string& key, Clock::time_point now) const {
  const auto found = counters_.find(key);
  return found == counters_.end() ? std::chrono::seconds(0) : wait_of(found->second, now);
}

std::chrono::seconds SignInLimiter::wait(std::string_view account, std::string_view network,
                                         Clock::time_point now) const {
  const auto of_account = wait_for(account_key(account, network), now);
  if (known_.contains(pair_key(account, network))) return of_account;
  return std::max(wait_for("network " + std::string(network), now), of_account);
}

void SignInLimiter::count(const std::string& key, Clock::time_point now) {
  make_room(counters_, kMostCounters, [](const Counter& counter) { return counter.last; });
  Counter& counter = counters_[key];
  if (now - counter.last > kForgetAfter) counter.failures = 0;
  ++counter.failures;
  counter.last = now;
}

void SignInLimiter::take_back(const std::string& key) {
  const auto found = counters_.find(key);
  if (found != counters_.end() && --found->second.failures <= 0) counters_.erase(found);
}

void SignInLimiter::begin(std::string_view account, std::string_view network, Clock::time_point now) {
  count("network " + std::string(network), now);
  count(account_key(account, network), now);
}

void SignInLimiter::succeeded(std::string_view account, std::string_view network, Clock::time_point now) {
  take_back("network " + std::string(network));
  take_back(account_key(account, network));
  counters_.erase("known " + pair_key(account, network));
  make_room(known_, kMostCounters, [](Clock::time_point time) { return time; });
  known_[pair_key(account, network)] = now;
}

}  // namespace rowledger::people
