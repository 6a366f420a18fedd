#pragma once
// Slows guessing down without locking anybody out. Failures are counted for each network and for each account; after a
// few, the next try has to wait, twice as long each time. An account that has signed in from a network before has a
// count of its own there, and only that: neither who guesses at it elsewhere nor who guesses at others in its office
// keeps its owner from anything.
// In memory only; not safe by itself from several threads.
#include <chrono>
#include <map>
#include <string>
#include <string_view>

namespace rowledger::people {

class SignInLimiter {
 public:
  using Clock = std::chrono::steady_clock;

  // How long this try has to wait; zero: it may be made. Accounts that do not exist count like others.
  std::chrono::seconds wait(std::string_view account, std::string_view network, Clock::time_point now) const;
  // A try begins: it counts as a failure until it has succeeded, so that tries at the same time do not count as one.
  void begin(std::string_view account, std::string_view network, Clock::time_point now);
  void succeeded(std::string_view account, std::string_view network, Clock::time_point now);

  static constexpr int kFreeFailures = 5;
  static constexpr std::chrono::seconds kLongestWait{300};
  static constexpr std::chrono::minutes kForgetAfter{60};
  // Counters and known networks kept at most; the ones that were used longest ago go.
  static constexpr size_t kMostCounters = 20'000;

 private:
  struct Counter {
    int failures = 0;
    Clock::time_point last;
  };
  static std::chrono::seconds wait_of(const Counter& counter, Clock::time_point now);
  std::string account_key(std::string_view account, std::string_view network) const;
  std::chrono::seconds wait_for(const std::string& key, Clock::time_point now) const;
  void count(const std::string& key, Clock::time_point now);
  void take_back(const std::string& key);

  std::map<std::string, Counter> counters_;
  std::map<std::string, Clock::time_point> known_;  // account and network of successes
};

}  // namespace rowledger::people
