// Signing in and out.
#include <fmt/format.h>

#include <algorithm>

#include "base/log.h"
#include "people/password.h"
#include "people/people_impl.h"
#include "people/secret.h"

namespace rowledger::people {
namespace {

constexpr int64_t kLinkSeconds = 10 * 60;
constexpr size_t kMostSessionsOfOne = 20;
constexpr uint64_t kFailuresAMinute = 60;  // recorded one by one

constexpr int kSignInsAtATime = 4;

// Counts itself for as long as it lives.
class Turn {
 public:
  explicit Turn(std::atomic<int>& count) : count_(count), number_(++count) {}
  ~Turn() { --count_; }
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;
  bool too_late() const { return number_ > kSignInsAtATime; }

 private:
  std::atomic<int>& count_;
  const int number_;
};

// Whoever runs the daemon.
Principal daemon_itself() {
  return {.kind = Principal::Kind::kOffline, .id = "rowledger", .name = "rowledger", .role = Role::kOwner};
}

void keep_newest_sessions(PeopleData& data, std::string_view user) {
  while (true) {
    auto oldest = data.sessions.end();
    size_t count = 0;
    for (auto each = data.sessions.begin(); each != data.sessions.end(); ++each) {
      if (each->second.user != user) continue;
      ++count;
      if (oldest == data.sessions.end() || each->second.created_at < oldest->second.created_at) oldest = each;
    }
    if (count < kMostSessionsOfOne) return;
    data.sessions.erase(oldest);
  }
}

std::string put_link(PeopleData& data, const std::string& user) {
  std::erase_if(data.links, [&](const auto& item) { return item.second.user == user; });
  std::string secret = new_secret();
  data.links.emplace(hash_of(secret), Link{user, Timestamp{Timestamp::now().us + kLinkSeconds * kSecond}});
  return secret;
}

}  // namespace

Result<SignedIn> People::begin_session(PeopleData changed, const std::string& name, std::string_view address,
                                       bool by_link) {
  User& user = changed.users.at(name);
  const Timestamp now = Timestamp::now();
  user.last_sign_in_at = now;
  keep_newest_sessions(changed, name);
  SignedIn out{principal_of(user), new_secret(), Timestamp{now.us + limits_.whole_s * kSecond}, by_link};
  changed.sessions.emplace(hash_of(out.secret), Session{name, now, now, by_link});
  const std::string detail =
      detail_of("sign-in", out.principal, {{"address", std::string(address)}, {"with", by_link ? "link" : "password"}});
  RL_TRY(commit(std::move(changed), detail));
  return out;
}

Result<tl::expected<SignedIn, People::Refusal>> People::sign_in(std::string_view typed_name, std::string_view password,
                                                                std::string_view network, std::string_view address) {
  const Turn turn(signing_in_);
  if (turn.too_late()) return tl::expected<SignedIn, Refusal>(tl::unexpect, Refusal{1});
  const std::string name = lower_case(typed_name.substr(0, 64));
  {
    const auto now = SignInLimiter::Clock::now();
    std::lock_guard lock(mutex_);
    const auto wait = limiter_.wait(name, network, now);
    if (wait.count() > 0) return tl::expected<SignedIn, Refusal>(tl::unexpect, Refusal{wait.count()});
    limiter_.begin(name, network, now);
  }
  const auto before = data();
  const auto user = before->users.find(name);
  const bool may = user != before->users.end() && !user->second.disabled && !user->second.password_hash.empty();
  if (!may) pretend_to_verify(password);
  if (!may || !verify_password(user->second.password_hash, password)) {
    record_failure(*before, name, network, address);
    return tl::expected<SignedIn, Refusal>(tl::unexpect, Refusal{});
  }
  std::lock_guard changing(changing_);
  const auto all = data();
  // What may have happened while the password was looked at.
  const auto still = all->users.find(name);
  if (still == all->users.end() || still->second.disabled || still->second.password_hash != user->second.password_hash)
    return tl::expected<SignedIn, Refusal>(tl::unexpect, Refusal{});
  RL_ASSIGN(SignedIn in, begin_session(*all, name, address, false));
  std::lock_guard lock(mutex_);
  limiter_.succeeded(name, network, SignInLimiter::Clock::now());
  return tl::expected<SignedIn, Refusal>(std::move(in));
}

Result<tl::expected<SignedIn, People::Refusal>> People::sign_in_by_link(std::string_view link, std::string_view network,
                                                                        std::string_view address) {
  // There is no account that tries could be counted for: a link cannot be guessed, and counting keeps this cheap.
  const std::string counted = fmt::format("link from {}", network);
  {
    const auto now = SignInLimiter::Clock::now();
    std::lock_guard lock(mutex_);
    const auto wait = limiter_.wait(counted, network, now);
    if (wait.count() > 0) return tl::expected<SignedIn, Refusal>(tl::unexpect, Refusal{wait.count()});
    limiter_.begin(counted, network, now);
  }
  std::lock_guard changing(changing_);
  PeopleData changed = *data();
  const auto found = changed.links.find(hash_of(link));
  const auto user = found == changed.links.end() ? changed.users.end() : changed.users.find(found->second.user);
  if (user == changed.users.end() || user->second.disabled || found->second.expires_at < Timestamp::now()) {
    record_failure(changed, {}, network, address);
    return tl::expected<SignedIn, Refusal>(tl::unexpect, Refusal{});
  }
  const std::string name = user->first;
  changed.links.erase(found);
  RL_ASSIGN(SignedIn in, begin_session(std::move(changed), name, address, true));
  std::lock_guard lock(mutex_);
  limiter_.succeeded(counted, network, SignInLimiter::Clock::now());
  return tl::expected<SignedIn, Refusal>(std::move(in));
}

// Names only accounts that exist: what else is typed there may be a password in the wrong field.
void People::record_failure(const PeopleData& data, std::string_view name, std::string_view network,
                            std::string_view address) {
  if (!record_) return;
  boost::json::object detail{{"event", "sign-in-failed"}, {"address", std::string(address)}};
  if (data.users.contains(name)) detail["user"] = std::string(name);
  {
    std::lock_guard lock(mutex_);
    const int64_t minute = Timestamp::now().us / (60 * kSecond);
    if (std::exchange(failures_minute_, minute) != minute) failures_recorded_ = 0;
    if (failures_recorded_ >= kFailuresAMinute) {
      ++failures_left_out_;
      return;
    }
    ++failures_recorded_;
    if (failures_left_out_ > 0) detail["more"] = std::exchange(failures_left_out_, 0);
  }
  if (const Status recorded = record_(boost::json::serialize(detail)); !recorded)
    log::warning("a failed sign-in from {} is not in the log: {}", network, recorded.error().message);
}

Status People::sign_out(std::string_view secret) {
  std::lock_guard changing(changing_);
  PeopleData changed = *data();
  const auto found = changed.sessions.find(hash_of(secret));
  if (found == changed.sessions.end()) return {};
  const auto user = changed.users.find(found->second.user);
  const std::string detail =
      user == changed.users.end() ? std::string() : detail_of("sign-out", principal_of(user->second), {});
  changed.sessions.erase(found);
  return commit(std::move(changed), detail);
}

Result<std::string> People::make_link(const Principal& by, std::string_view name) {
  std::lock_guard changing(changing_);
  PeopleData changed = *data();
  RL_ASSIGN(const User* user, find_for(by, changed, name));
  if (user->disabled) return fail(ErrorCode::kConflict, fmt::format("{} is disabled", user->name));
  const std::string who = user->name;
  std::string secret = put_link(changed, who);
  RL_TRY(commit(std::move(changed), detail_of("link-made", by, {{"user", who}})));
  return secret;
}

Result<std::string> People::first_link() {
  static constexpr char kFirst[] = "admin";
  std::lock_guard changing(changing_);
  PeopleData changed = *data();
  const bool somebody = std::ranges::any_of(changed.users, [](const auto& item) {
    return item.second.last_sign_in_at.has_value() || !item.second.password_hash.empty() || item.first != kFirst;
  });
  if (somebody) return std::string();
  std::string event = "link-made";
  if (changed.users.empty()) {
    event = "user-added";
    changed.users.emplace(kFirst, User{.name = kFirst, .role = Role::kAdmin, .created_at = Timestamp::now()});
  }
  std::string secret = put_link(changed, kFirst);
  RL_TRY(commit(std::move(changed), detail_of(event, daemon_itself(), {{"user", kFirst}, {"role", "admin"}})));
  return secret;
}

}  // namespace rowledger::people
