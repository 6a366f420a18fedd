#include "people/people.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <thread>

namespace rowledger::people {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr char kPassword[] = "correct horse battery";

class PeopleTest : public ::testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/rowledger-people-test.XXXXXX";
    directory_ = ::mkdtemp(name);
    open();
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }

  std::filesystem::path file() const { return directory_ / "people.json"; }

  // Again, as after a restart.
  void open(const SessionLimits& limits = {}) {
    auto opened = People::open(file(), limits, [this](const std::string& detail) -> Status {
      if (!log_works_) return fail(ErrorCode::kUnavailable, "the disk is full");
      const std::lock_guard lock(recorded_mutex_);  // several may sign in at once
      recorded_.push_back(detail);
      return {};
    });
    ASSERT_TRUE(opened) << opened.error().message;
    people_ = std::move(*opened);
  }

  void add(const std::string& name, Role role, std::optional<std::string> tenant = {},
           const std::string& password = "") {
    const auto added = people_->add(kOwner, {name, role, std::move(tenant), password});
    ASSERT_TRUE(added) << added.error().message;
  }
  std::optional<SignedIn> sign_in(const std::string& name, const std::string& password = kPassword,
                                  const std::string& network = "10.0.0.1") {
    auto tried = people_->sign_in(name, password, network, network);
    if (!tried || !*tried) return std::nullopt;
    return std::move(**tried);
  }
  std::string text_of_file() const {
    std::ifstream in(file());
    return {std::istreambuf_iterator<char>(in), {}};
  }

  const Principal kOwner{.kind = Principal::Kind::kSocket, .id = "uid:0", .role = Role::kOwner};
  std::filesystem::path directory_;
  std::unique_ptr<People> people_;
  std::mutex recorded_mutex_;
  std::vector<std::string> recorded_;
  bool log_works_ = true;
};

TEST_F(PeopleTest, WhatIsDoneOutlastsARestart) {
  add("priya", Role::kAuditor, "7", kPassword);
  const auto token = people_->create_token(kOwner, {"export", Role::kViewer, "7", 3'600});
  ASSERT_TRUE(token);
  const auto in = sign_in("Priya");
  ASSERT_TRUE(in);
  open();
  EXPECT_EQ(people_->session(in->secret)->principal.id, "user:priya");
  EXPECT_EQ(people_->session(in->secret)->principal.tenant, "7");
  EXPECT_EQ(people_->token(token->second)->id, "token:1");
  EXPECT_TRUE(sign_in("priya"));
  struct stat info {};
  ASSERT_EQ(::stat(file().c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
  for (const std::string& secret : {in->secret, token->second.substr(3), std::string(kPassword)})
    EXPECT_THAT(text_of_file(), Not(HasSubstr(secret)));
}

TEST_F(PeopleTest, WhatCannotBeRecordedIsNotDone) {
  add("priya", Role::kViewer, {}, kPassword);
  log_works_ = false;
  EXPECT_EQ(people_->add(kOwner, {"ravi", Role::kViewer, {}, {}}).error().code, ErrorCode::kUnavailable);
  EXPECT_FALSE(people_->create_token(kOwner, {"t", Role::kViewer, {}, {}}));
  EXPECT_FALSE(people_->sign_in("priya", kPassword, "n", "a"));
  EXPECT_FALSE(people_->change(kOwner, "priya", {.role = Role::kAdmin}, {}));
  log_works_ = true;
  EXPECT_EQ(people_->users(kOwner).size(), 1u);
  EXPECT_EQ(people_->user(kOwner, "priya")->role, Role::kViewer);
  EXPECT_TRUE(people_->tokens(kOwner).empty());
}

TEST_F(PeopleTest, WhatADaemonlessProcessDoesIsRecordedLater) {
  {
    auto offline = People::open(file(), {}, {});
    ASSERT_TRUE(offline);
    ASSERT_TRUE((*offline)->add(kOwner, {"priya", Role::kViewer, {}, {}}));
  }
  open();
  EXPECT_TRUE(recorded_.empty());
  ASSERT_TRUE(people_->record_what_is_due());
  EXPECT_THAT(recorded_, ElementsAre(HasSubstr("\"user-added\"")));
  open();
  ASSERT_TRUE(people_->record_what_is_due());
  EXPECT_EQ(recorded_.size(), 1u) << "once";
}

TEST_F(PeopleTest, SessionsEnd) {
  add("priya", Role::kViewer, {}, kPassword);
  open({.idle_s = 0, .whole_s = 3'600});
  auto in = sign_in("priya");
  ASSERT_TRUE(in);
  EXPECT_FALSE(people_->session(in->secret)) << "idle";
  open({.idle_s = 3'600, .whole_s = 0});
  in = sign_in("priya");
  EXPECT_FALSE(people_->session(in->secret)) << "at the latest";
  open();
  in = sign_in("priya");
  EXPECT_TRUE(people_->session(in->secret));
  EXPECT_FALSE(people_->session(in->secret + "x"));
  EXPECT_FALSE(people_->session(""));
  ASSERT_TRUE(people_->sign_out(in->secret));
  EXPECT_FALSE(people_->session(in->secret));
}

TEST_F(PeopleTest, ManyWhoSignInAtOnceWait) {
  std::atomic<int> wrong = 0, told_to_wait = 0;
  std::vector<std::thread> all;
  all.reserve(16);
  for (int i = 0; i < 16; ++i) {
    all.emplace_back([&, network = "network" + std::to_string(i)] {
      const auto tried = people_->sign_in("nobody" + network, "wrong", network, network);
      if (tried && !*tried) ++(tried->error().wait_s == 0 ? wrong : told_to_wait);
    });
  }
  for (auto& each : all) each.join();
  EXPECT_EQ(wrong + told_to_wait, 16);
  EXPECT_GE(wrong, 1);
  EXPECT_GE(told_to_wait, 1);
  EXPECT_FALSE(*people_->sign_in("later", "wrong", "n", "n"));
  EXPECT_EQ(people_->sign_in("even later", "wrong", "m", "m")->error().wait_s, 0) << "places are given back";
}

TEST_F(PeopleTest, AreListedWhileTheyChange) {
  for (int i = 0; i < 50; ++i) add("user" + std::to_string(i), Role::kViewer);
  std::atomic<bool> done = false;
  std::thread listing([&] {
    while (!done) {
      EXPECT_EQ(people_->users(kOwner).size(), 50U);
      for (const ApiToken& token : people_->tokens(kOwner)) EXPECT_EQ(token.name, "a token with a name of some length");
    }
  });
  for (int i = 0; i < 50; ++i)
    EXPECT_TRUE(people_->create_token(kOwner, {"a token with a name of some length", Role::kViewer, {}, 3'600}));
  done = true;
  listing.join();
}

TEST_F(PeopleTest, OnlySoManySessionsOfOneUser) {
  add("priya", Role::kViewer);
  std::vector<std::string> secrets;
  for (int i = 0; i < 25; ++i) {
    const auto link = people_->make_link(kOwner, "priya");
    auto in = people_->sign_in_by_link(*link, "n", "a");
    ASSERT_TRUE(in && *in);
    secrets.push_back((*in)->secret);
  }
  EXPECT_FALSE(people_->session(secrets.front()));
  EXPECT_TRUE(people_->session(secrets.back()));
}

TEST_F(PeopleTest, TokensAndLinksExpire) {
  add("priya", Role::kViewer);
  const auto token = people_->create_token(kOwner, {"t", Role::kViewer, {}, 3'600});
  const auto link = people_->make_link(kOwner, "priya");
  auto data = read_people(file());
  ASSERT_TRUE(data);
  for (auto& [hash, each] : data->tokens) each.expires_at = Timestamp{Timestamp::now().us - 1};
  for (auto& [hash, each] : data->links) each.expires_at = Timestamp{Timestamp::now().us - 1};
  ASSERT_TRUE(write_people(file(), *data));
  open();
  EXPECT_FALSE(people_->token(token->second));
  EXPECT_FALSE(*people_->sign_in_by_link(*link, "n", "a"));
}

TEST_F(PeopleTest, TheFirstAdministratorIsInvitedUntilSomebodyHasComeIn) {
  const auto first = people_->first_link();
  ASSERT_TRUE(first);
  EXPECT_FALSE(first->empty());
  open();
  const auto again = people_->first_link();
  EXPECT_NE(*again, *first);
  EXPECT_FALSE(*people_->sign_in_by_link(*first, "n", "a")) << "the older one is void";
  EXPECT_TRUE(*people_->sign_in_by_link(*again, "n", "a"));
  EXPECT_EQ(*people_->first_link(), "");
}

TEST_F(PeopleTest, NobodyIsInvitedWhereSomebodyWasAdded) {
  add("priya", Role::kAdmin);
  EXPECT_EQ(*people_->first_link(), "");
}

TEST_F(PeopleTest, ChangesOfAccessTakeEffectAtOnce) {
  add("priya", Role::kViewer, {}, kPassword);
  const auto in = sign_in("priya");
  ASSERT_TRUE(people_->change(kOwner, "priya", {.role = Role::kAuditor}, {}));
  EXPECT_EQ(people_->session(in->secret)->principal.role, Role::kAuditor);
  ASSERT_TRUE(people_->change(kOwner, "priya", {.password = "another long password"}, {}));
  EXPECT_FALSE(people_->session(in->secret));
  EXPECT_FALSE(sign_in("priya"));
  const auto again = sign_in("priya", "another long password");
  ASSERT_TRUE(again);
  ASSERT_TRUE(people_->change(kOwner, "priya", {.disabled = true}, {}));
  EXPECT_FALSE(people_->session(again->secret));
  EXPECT_FALSE(sign_in("priya", "another long password"));
  EXPECT_EQ(people_->make_link(kOwner, "priya").error().code, ErrorCode::kConflict);
}

TEST_F(PeopleTest, FailuresAreRecordedButDoNotFillTheLog) {
  EXPECT_FALSE(sign_in("nobody", "wrong"));
  for (int i = 0; i < 500; ++i) {
    const std::string network = "network" + std::to_string(i);
    EXPECT_FALSE(*people_->sign_in_by_link("wrong", network, network));
  }
  EXPECT_GE(recorded_.size(), 60u);
  EXPECT_LE(recorded_.size(), 120u);  // the minute may end meanwhile
  for (const std::string& each : recorded_) EXPECT_THAT(each, Not(HasSubstr("nobody"))) << "may be anything";
}

TEST_F(PeopleTest, AnAdministratorGivesNothingBeyondHisTenant) {
  const Principal admin{.kind = Principal::Kind::kUser, .id = "user:a", .role = Role::kAdmin, .tenant = "1"};
  const Principal viewer{.kind = Principal::Kind::kUser, .id = "user:v", .role = Role::kViewer, .tenant = "1"};
  EXPECT_EQ(people_->add(admin, {"x", Role::kViewer, "2", {}}).error().code, ErrorCode::kPermission);
  EXPECT_FALSE(people_->add(admin, {"x", Role::kOperator, "1", {}}));
  EXPECT_FALSE(people_->add(admin, {"x", Role::kOperator, {}, {}}));
  EXPECT_FALSE(people_->add(kOwner, {"x", Role::kOwner, {}, {}}));
  EXPECT_EQ(people_->add(viewer, {"x", Role::kViewer, "1", {}}).error().code, ErrorCode::kPermission);
  EXPECT_EQ(people_->add(admin, {"x", Role::kAuditor, {}, {}})->tenant, "1");
  add("everywhere", Role::kViewer);
  EXPECT_EQ(people_->change(admin, "everywhere", {.disabled = true}, {}).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(people_->users(admin).size(), 1u);
}

TEST(PeopleFile, DamageIsSaidAndNothingIsGuessed) {
  PeopleData data;
  data.users["priya"] = {.name = "priya", .role = Role::kEditor, .tenant = "1", .created_at = Timestamp{5}};
  data.tokens[sha256("t")] = {.id = 3, .name = "n", .created_by = "uid:0", .expires_at = Timestamp{7}};
  data.sessions[sha256("s")] = {"priya", Timestamp{1}, Timestamp{2}, true};
  data.links[sha256("l")] = {"priya", Timestamp{9}};
  data.unrecorded = {"{}"};
  const std::string text = format_people(data);
  const auto again = parse_people(text, "people.json");
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(format_people(*again), text);
  for (size_t at = 0; at + 2 < text.size(); at += 7) {
    const auto cut = parse_people(text.substr(0, at), "people.json");
    ASSERT_FALSE(cut) << at;
    EXPECT_EQ(cut.error().code, ErrorCode::kCorrupt);
    EXPECT_THAT(cut.error().message, HasSubstr("people.json"));
  }
}

TEST_F(PeopleTest, AFileThatOthersMayReadIsRefused) {
  add("priya", Role::kViewer);
  ASSERT_EQ(::chmod(file().c_str(), 0640), 0);
  EXPECT_THAT(People::open(file(), {}, {}).error().message, HasSubstr("chmod 600"));
}

}  // namespace
}  // namespace rowledger::people
