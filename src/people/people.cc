#include "people/people.h"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>

#include "base/json_text.h"
#include "people/people_impl.h"
#include "people/secret.h"

namespace rowledger::people {
namespace {

constexpr std::string_view kTokenPrefix = "rl_";
constexpr size_t kMostLabelBytes = 100;
constexpr size_t kMostTokens = 1'000;
constexpr int64_t kLongestToken_s = int64_t{10} * 366 * 24 * 3600;

bool over(const Session& session, Timestamp seen_at, const SessionLimits& limits, Timestamp now) {
  return now.us - seen_at.us > limits.idle_s * kSecond || now.us - session.created_at.us > limits.whole_s * kSecond;
}

}  // namespace

Principal principal_of(const User& user) {
  return {.kind = Principal::Kind::kUser,
          .id = "user:" + user.name,
          .name = user.name,
          .role = user.role,
          .tenant = user.tenant};
}

Status check_label(std::string_view what, std::string_view text) {
  if (text.empty() || text.size() > kMostLabelBytes || !is_utf8(text))
    return fail(ErrorCode::kInvalid, fmt::format("{} has 1 to {} bytes of UTF-8", what, kMostLabelBytes));
  for (const unsigned char c : text)
    if (c < 0x20 || c == 0x7F) return fail(ErrorCode::kInvalid, fmt::format("{} has no control characters", what));
  return {};
}

Status check_grant(const Principal& by, Role role, const std::optional<std::string>& tenant) {
  if (!by.may(Right::kManagePeople)) return fail(ErrorCode::kPermission, "managing people takes an administrator");
  if (role == Role::kOwner) return fail(ErrorCode::kInvalid, "nobody is given the role owner");
  if (tenant) RL_TRY(check_label("a tenant", *tenant));
  if (!manages(by, tenant)) {
    return fail(ErrorCode::kPermission,
                fmt::format("you manage the people of tenant {} and of no other", by.tenant.value_or("")));
  }
  if (role == Role::kOperator && tenant)
    return fail(ErrorCode::kInvalid, "an operator looks after the whole installation: leave the tenant out");
  return {};
}

People::People(std::filesystem::path file, const SessionLimits& limits, Record record, PeopleData data)
    : file_(std::move(file)),
      limits_(limits),
      record_(std::move(record)),
      data_(std::make_shared<const PeopleData>(std::move(data))) {}

Result<std::unique_ptr<People>> People::open(std::filesystem::path file, const SessionLimits& limits, Record record) {
  RL_ASSIGN(PeopleData data, read_people(file));
  return std::unique_ptr<People>(new People(std::move(file), limits, std::move(record), std::move(data)));
}

std::shared_ptr<const PeopleData> People::data() const {
  std::lock_guard lock(mutex_);
  return data_;
}

Status People::commit(PeopleData changed, std::string detail) {
  if (!detail.empty()) {
    if (record_) {
      if (Status recorded = record_(detail); !recorded)
        return fail(std::move(recorded.error()).with_context("nothing was changed, because it cannot be recorded"));
    } else {
      changed.unrecorded.push_back(std::move(detail));
    }
  }
  const Timestamp now = Timestamp::now();
  {
    std::lock_guard lock(mutex_);
    for (auto& [hash, seen_at] : seen_) {
      const auto session = changed.sessions.find(hash);
      if (session != changed.sessions.end()) session->second.seen_at = std::max(session->second.seen_at, seen_at);
    }
  }
  std::erase_if(changed.sessions,
                [&](const auto& item) { return over(item.second, item.second.seen_at, limits_, now); });
  std::erase_if(changed.links, [&](const auto& item) { return item.second.expires_at < now; });
  RL_TRY(write_people(file_, changed));
  std::lock_guard lock(mutex_);
  data_ = std::make_shared<const PeopleData>(std::move(changed));
  std::erase_if(seen_, [&](const auto& item) { return !data_->sessions.contains(item.first); });
  return {};
}

Status People::record_what_is_due() {
  std::lock_guard changing(changing_);
  PeopleData changed = *data();
  if (changed.unrecorded.empty() || !record_) return {};
  for (const auto& detail : changed.unrecorded) RL_TRY(record_(detail));
  changed.unrecorded.clear();
  return commit(std::move(changed), {});
}

std::optional<SignedIn> People::session(std::string_view secret, bool uses) {
  const Digest hash = hash_of(secret);
  const Timestamp now = Timestamp::now();
  const auto all = data();
  const auto found = all->sessions.find(hash);
  if (found == all->sessions.end()) return std::nullopt;
  const Session& session = found->second;
  const auto user = all->users.find(session.user);
  if (user == all->users.end() || user->second.disabled) return std::nullopt;
  {
    std::lock_guard lock(mutex_);
    const auto seen = seen_.find(hash);
    const Timestamp seen_at = seen == seen_.end() ? session.seen_at : std::max(seen->second, session.seen_at);
    if (over(session, seen_at, limits_, now)) return std::nullopt;
    if (uses) seen_[hash] = now;
  }
  // Now and then, so that a restart does not take it for idle.
  if (uses && now.us - session.seen_at.us > limits_.idle_s * kSecond / 4) touch(hash);
  return SignedIn{principal_of(user->second), std::string(secret),
                  Timestamp{session.created_at.us + limits_.whole_s * kSecond}, session.by_link};
}

void People::touch(const Digest& hash) {
  std::unique_lock changing(changing_, std::try_to_lock);
  if (!changing) return;
  PeopleData changed = *data();
  if (changed.sessions.contains(hash)) std::ignore = commit(std::move(changed), {});
}

std::optional<Principal> People::token(std::string_view secret) const {
  if (!secret.starts_with(kTokenPrefix)) return std::nullopt;
  const auto all = data();
  const auto found = all->tokens.find(hash_of(secret));
  if (found == all->tokens.end()) return std::nullopt;
  const ApiToken& token = found->second;
  if (token.expires_at && *token.expires_at <= Timestamp::now()) return std::nullopt;
  return Principal{.kind = Principal::Kind::kToken,
                   .id = fmt::format("token:{}", token.id),
                   .name = token.name,
                   .role = token.role,
                   .tenant = token.tenant};
}

std::string People::csrf_token(std::string_view session_secret) {
  return to_base64url(as_view(HmacSha256(session_secret)("rowledger csrf v1")));
}

std::vector<ApiToken> People::tokens(const Principal& by) const {
  std::vector<ApiToken> out;
  const auto all = data();
  for (const auto& [hash, token] : all->tokens)
    if (manages(by, token.tenant)) out.push_back(token);
  std::ranges::sort(out, {}, &ApiToken::id);
  return out;
}

Result<std::pair<ApiToken, std::string>> People::create_token(const Principal& by, const NewToken& wanted) {
  const auto tenant = wanted.tenant ? wanted.tenant : by.tenant;
  RL_TRY(check_grant(by, wanted.role, tenant));
  RL_TRY(check_label("a token's name", wanted.name));
  if (wanted.expires_in_s && (*wanted.expires_in_s <= 0 || *wanted.expires_in_s > kLongestToken_s))
    return fail(ErrorCode::kInvalid, "a token expires after a day at least and ten years at most");
  std::lock_guard changing(changing_);
  PeopleData changed = *data();
  if (changed.tokens.size() >= kMostTokens)
    return fail(ErrorCode::kConflict, fmt::format("there are {} tokens: revoke what is not needed", kMostTokens));
  ApiToken token{.id = changed.next_token++,
                 .name = wanted.name,
                 .role = wanted.role,
                 .tenant = tenant,
                 .created_by = by.id,
                 .created_at = Timestamp::now()};
  if (wanted.expires_in_s) token.expires_at = Timestamp{token.created_at.us + *wanted.expires_in_s * kSecond};
  const std::string secret = std::string(kTokenPrefix) + new_secret();
  changed.tokens.emplace(hash_of(secret), token);
  RL_TRY(commit(std::move(changed), detail_of("token-created", by,
                                              {{"token", fmt::format("token:{}", token.id)},
                                               {"name", token.name},
                                               {"role", std::string(to_string(token.role))},
                                               {"tenant", text_or_null(token.tenant)}})));
  return std::pair(std::move(token), secret);
}

Status People::revoke_token(const Principal& by, uint64_t id) {
  std::lock_guard changing(changing_);
  PeopleData changed = *data();
  const auto found = std::ranges::find_if(changed.tokens, [&](const auto& item) { return item.second.id == id; });
  if (found == changed.tokens.end() || !manages(by, found->second.tenant))
    return fail(ErrorCode::kNotFound, fmt::format("there is no token {}", id));
  const std::string name = found->second.name;
  changed.tokens.erase(found);
  return commit(std::move(changed),
                detail_of("token-revoked", by, {{"token", fmt::format("token:{}", id)}, {"name", name}}));
}

}  // namespace rowledger::people
