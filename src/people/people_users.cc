// Users: who there is and what each may.
#include <fmt/format.h>

#include <algorithm>

#include "people/password.h"
#include "people/people_impl.h"
#include "people/secret.h"

namespace rowledger::people {
namespace {

constexpr size_t kMostNameBytes = 64, kMostUsers = 10'000;

// What stands in an address and in a log line without ado.
Status check_name(std::string_view name) {
  const auto fits = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-' || c == '@' || c == '+';
  };
  if (!name.empty() && name.size() <= kMostNameBytes && std::ranges::all_of(name, fits) && name.front() != '.' &&
      name.front() != '-')
    return {};
  return fail(ErrorCode::kInvalid,
              fmt::format("a user's name has 1 to {} of the characters a-z 0-9 . _ - @ + and begins with no . or -",
                          kMostNameBytes));
}

void end_sessions(PeopleData& data, std::string_view user, const Digest* except = nullptr) {
  std::erase_if(data.sessions, [&](const auto& item) {
    return item.second.user == user && (except == nullptr || item.first != *except);
  });
}

Status check_version(const User& user, std::optional<uint64_t> version) {
  if (!version || *version == user.version) return {};
  return fail(ErrorCode::kConflict, fmt::format("{} was changed meanwhile: look again", user.name));
}

}  // namespace

// What the manager may not see is as good as not there.
Result<User*> People::find_for(const Principal& by, PeopleData& data, std::string_view name) const {
  const auto found = data.users.find(lower_case(name));
  if (found == data.users.end() || !manages(by, found->second.tenant))
    return fail(ErrorCode::kNotFound, "there is no such user");
  return &found->second;
}

std::vector<User> People::users(const Principal& by) const {
  std::vector<User> out;
  const auto all = data();
  for (const auto& [name, user] : all->users)
    if (manages(by, user.tenant)) out.push_back(user);
  return out;
}

Result<User> People::user(const Principal& by, std::string_view name) const {
  PeopleData copy = *data();
  RL_ASSIGN(const User* found, find_for(by, copy, name));
  return *found;
}

Result<User> People::add(const Principal& by, const NewUser& wanted) {
  const std::string name = lower_case(wanted.name);
  RL_TRY(check_name(name));
  const auto tenant = wanted.tenant ? wanted.tenant : by.tenant;
  RL_TRY(check_grant(by, wanted.role, tenant));
  User user{.name = name, .role = wanted.role, .tenant = tenant, .created_at = Timestamp::now()};
  if (!wanted.password.empty()) {
    RL_TRY(check_new_password(wanted.password, name));
    RL_ASSIGN(user.password_hash, hash_password(wanted.password));
  }
  std::lock_guard changing(changing_);
  PeopleData changed = *data();
  if (changed.users.contains(name)) return fail(ErrorCode::kConflict, fmt::format("the name {} is taken", name));
  if (changed.users.size() >= kMostUsers)
    return fail(ErrorCode::kConflict, fmt::format("there are {} users: remove what is not needed", kMostUsers));
  changed.users.emplace(name, user);
  RL_TRY(commit(
      std::move(changed),
      detail_of("user-added", by,
                {{"user", name}, {"role", std::string(to_string(user.role))}, {"tenant", text_or_null(user.tenant)}})));
  return user;
}

Result<User> People::change(const Principal& by, std::string_view name, const UserChange& change,
                            std::optional<uint64_t> version) {
  std::string hash;
  if (change.password) {
    RL_TRY(check_new_password(*change.password, lower_case(name)));
    RL_ASSIGN(hash, hash_password(*change.password));
  }
  std::lock_guard changing(changing_);
  PeopleData changed = *data();
  RL_ASSIGN(User * user, find_for(by, changed, name));
  RL_TRY(check_version(*user, version));
  boost::json::object detail{{"user", user->name}};
  if (change.role && *change.role != user->role) {
    if (by.id == principal_of(*user).id) return fail(ErrorCode::kPermission, "nobody changes his own role");
    RL_TRY(check_grant(by, *change.role, user->tenant));
    detail["role"] = std::string(to_string(*change.role));
    detail["role_before"] = std::string(to_string(user->role));
    user->role = *change.role;
  }
  if (change.disabled && *change.disabled != user->disabled) {
    detail["disabled"] = *change.disabled;
    user->disabled = *change.disabled;
  }
  if (change.password) {
    detail["password"] = "changed";
    user->password_hash = std::move(hash);
    std::erase_if(changed.links, [&](const auto& item) { return item.second.user == user->name; });
  }
  if (detail.size() == 1) return *user;
  if (user->disabled || change.password) end_sessions(changed, user->name);
  ++user->version;
  User out = *user;
  RL_TRY(commit(std::move(changed), detail_of("user-changed", by, detail)));
  return out;
}

Status People::change_own_password(const SignedIn& who, std::string_view present, std::string_view fresh,
                                   std::string_view network) {
  const std::string name = who.principal.name;
  const auto before = data();
  const auto user = before->users.find(name);
  if (user == before->users.end()) return fail(ErrorCode::kNotFound, "there is no such user");
  if (!who.by_link) {
    const auto now = SignInLimiter::Clock::now();
    {
      std::lock_guard lock(mutex_);
      const auto wait = limiter_.wait(name, network, now);
      if (wait.count() > 0)
        return fail(ErrorCode::kPermission, fmt::format("too many wrong passwords: wait {} s", wait.count()));
      limiter_.begin(name, network, now);
    }
    if (!verify_password(user->second.password_hash, present)) {
      record_failure(*before, name, network, {});
      return fail(ErrorCode::kPermission, "the present password is not right");
    }
    std::lock_guard lock(mutex_);
    limiter_.succeeded(name, network, now);
  }
  RL_TRY(check_new_password(fresh, name));
  RL_ASSIGN(std::string hash, hash_password(fresh));
  std::lock_guard changing(changing_);
  PeopleData changed = *data();
  const auto found = changed.users.find(name);
  if (found == changed.users.end()) return fail(ErrorCode::kNotFound, "there is no such user");
  found->second.password_hash = std::move(hash);
  ++found->second.version;
  const Digest own = hash_of(who.secret);
  end_sessions(changed, name, &own);
  const auto session = changed.sessions.find(own);
  if (session != changed.sessions.end()) session->second.by_link = false;
  return commit(std::move(changed),
                detail_of("user-changed", who.principal, {{"user", name}, {"password", "changed"}}));
}

Status People::remove(const Principal& by, std::string_view name, std::optional<uint64_t> version) {
  std::lock_guard changing(changing_);
  PeopleData changed = *data();
  RL_ASSIGN(const User* user, find_for(by, changed, name));
  RL_TRY(check_version(*user, version));
  const std::string gone = user->name;
  end_sessions(changed, gone);
  std::erase_if(changed.links, [&](const auto& item) { return item.second.user == gone; });
  changed.users.erase(gone);
  return commit(std::move(changed), detail_of("user-removed", by, {{"user", gone}}));
}

}  // namespace rowledger::people
