#pragma once
// The people and programs that may use this installation: users, sessions, one-time links, API tokens. Kept in one
// file; every change is recorded, then written, then in force, and durable when its function returns. Safe from any
// thread; looking somebody up never waits for a change.
//
// Whoever manages people (Right::kManagePeople) manages those of his tenant: he sees no others, and gives access to
// nothing beyond it. Errors: kNotFound for a name that the manager may not see, too; kConflict for a name that is taken
// or a version that is no more; kInvalid; kPermission; kUnavailable when the change cannot be recorded.
#include <atomic>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "people/people_file.h"
#include "people/principal.h"
#include "people/sign_in_limiter.h"

namespace rowledger::people {

struct SessionLimits {
  int64_t idle_s = 60 * 60, whole_s = 12 * 60 * 60;
};

struct NewUser {
  std::string name;
  Role role = Role::kViewer;
  std::optional<std::string> tenant;
  std::string password;  // empty: a link is made instead
};
struct UserChange {
  std::optional<bool> disabled;
  std::optional<Role> role;
  std::optional<std::string> password;
  bool only_password() const { return password && !disabled && !role; }
};
struct NewToken {
  std::string name;
  Role role = Role::kViewer;
  std::optional<std::string> tenant;
  std::optional<int64_t> expires_in_s;
};

// Somebody who has just signed in, or whose session was found.
struct SignedIn {
  Principal principal;
  std::string secret;  // the session's, for the cookie
  Timestamp ends_at;   // at the latest
  bool by_link = false;
};

class People {
 public:
  // Records a control entry with these details, durably; what it fails for is not done. Several threads may call it at
  // once.
  using Record = std::function<Status(const std::string& detail)>;

  // record: nothing when no log can be written now; then the file keeps what is to be recorded for later.
  static Result<std::unique_ptr<People>> open(std::filesystem::path file, const SessionLimits& limits, Record record);

  // Records what an earlier process could not.
  Status record_what_is_due();

  // ---- looking up ----
  // uses: this is a request of its own, after which the session is not idle.
  std::optional<SignedIn> session(std::string_view secret, bool uses = true);
  std::optional<Principal> token(std::string_view secret) const;
  // What a request by cookie has to prove that it knows; of no use without the session.
  static std::string csrf_token(std::string_view session_secret);

  // ---- signing in and out ----
  struct Refusal {
    int64_t wait_s = 0;  // 0: wrong, else: not even looked at, try again after that
  };
  // network: where from, for the limits; address: for the record. The same answer, after the same time, for a wrong
  // password, a name that does not exist, and one that may not sign in. Of many at the same time some have to wait.
  Result<tl::expected<SignedIn, Refusal>> sign_in(std::string_view name, std::string_view password,
                                                  std::string_view network, std::string_view address);
  Result<tl::expected<SignedIn, Refusal>> sign_in_by_link(std::string_view link, std::string_view network,
                                                          std::string_view address);
  Status sign_out(std::string_view secret);

  // ---- users ----
  std::vector<User> users(const Principal& by) const;
  Result<User> user(const Principal& by, std::string_view name) const;
  Result<User> add(const Principal& by, const NewUser& user);
  // version: what the user must still be at. A new password and disabling end the user's sessions; nobody changes his
  // own role.
  Result<User> change(const Principal& by, std::string_view name, const UserChange& change,
                      std::optional<uint64_t> version);
  // Somebody's own password; kPermission when the present one is wrong, which need not be said after a link. Ends the
  // user's other sessions.
  Status change_own_password(const SignedIn& who, std::string_view present, std::string_view fresh,
                             std::string_view network);
  Status remove(const Principal& by, std::string_view name, std::optional<uint64_t> version);
  // A secret that lets the user in once, within ten minutes; an earlier one is void.
  Result<std::string> make_link(const Principal& by, std::string_view name);
  // The first administrator's link while nobody has ever signed in; empty afterwards.
  Result<std::string> first_link();

  // ---- tokens ----
  std::vector<ApiToken> tokens(const Principal& by) const;
  // The token itself, "rl_...", is told only here.
  Result<std::pair<ApiToken, std::string>> create_token(const Principal& by, const NewToken& token);
  Status revoke_token(const Principal& by, uint64_t id);

 private:
  People(std::filesystem::path file, const SessionLimits& limits, Record record, PeopleData data);

  std::shared_ptr<const PeopleData> data() const;
  // Records detail (nothing: nothing to record), then writes and puts the changed data in force. With changing_ held.
  Status commit(PeopleData changed, std::string detail);
  Result<SignedIn> begin_session(PeopleData changed, const std::string& name, std::string_view address, bool by_link);
  void record_failure(const PeopleData& data, std::string_view name, std::string_view network,
                      std::string_view address);
  void touch(const Digest& hash);
  Result<User*> find_for(const Principal& by, PeopleData& data, std::string_view name) const;

  // Passwords being looked at: each takes a thread and much memory, of which those who only ask must keep enough.
  std::atomic<int> signing_in_ = 0;

  const std::filesystem::path file_;
  const SessionLimits limits_;
  const Record record_;

  std::mutex changing_;  // one change at a time; taken before mutex_
  mutable std::mutex mutex_;
  std::shared_ptr<const PeopleData> data_;  // mutex_
  std::map<Digest, Timestamp> seen_;        // mutex_; sessions since they were written
  SignInLimiter limiter_;                   // mutex_
  // mutex_; failures are recorded, but not so many that guessing fills the log.
  int64_t failures_minute_ = 0;
  uint64_t failures_recorded_ = 0, failures_left_out_ = 0;
};

}  // namespace rowledger::people
