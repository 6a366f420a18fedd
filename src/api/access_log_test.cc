#include "api/access_log.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>

#include "api/json_view.h"
#include "api/offline_line.h"
#include "capture/capture_testing.h"

namespace rowledger::api {
namespace {

// Keeps what is appended, or refuses it.
class FakeCapture final : public capture::IdleCapture {
 public:
  Status append(std::span<const record::Entry> entries, int) override {
    if (disk_full) return fail(ErrorCode::kUnavailable, "disk full");
    ++writes;
    for (const record::Entry& entry : entries) {
      EXPECT_EQ(entry.header.kind, expected);
      details.emplace_back(entry.body.detail);
      actors.emplace_back(entry.body.attribution.actor_id);
    }
    return {};
  }

  record::EntryKind expected = record::EntryKind::kAccess;
  bool disk_full = false;
  int writes = 0;
  std::vector<std::string> details, actors;
};

const SearchedValues kValues("token key");

people::Principal priya() {
  people::Principal out;
  out.kind = people::Principal::Kind::kUser;
  out.id = "user:priya";
  out.name = "Priya";
  out.role = people::Role::kAuditor;
  out.tenant = "1";
  return out;
}

class Directory {
 public:
  Directory() {
    char name[] = "/tmp/rowledger-access-XXXXXX";
    path_ = ::mkdtemp(name);
  }
  ~Directory() { std::filesystem::remove_all(path_); }
  std::filesystem::path file() const { return path_ / "offline-access"; }

 private:
  std::filesystem::path path_;
};

TEST(AccessLog, TellsWhoAskedWhat) {
  FakeCapture capture;
  const auto log = make_access_log(capture, kValues);
  ASSERT_TRUE(log->record(priya(), {.route = "unmask",
                                    .search = "field:\"phone\"",
                                    .query = "when=now",
                                    .table = "public.contacts",
                                    .key = "42",
                                    .entries = 25,
                                    .unmasked = {"phone"},
                                    .reason = "caller asked"}));
  ASSERT_EQ(capture.details.size(), 1u);
  EXPECT_EQ(capture.details[0],
            R"({"reader":{"kind":"user","id":"user:priya","name":"Priya","role":"auditor","tenant":"1"},)"
            R"("route":"unmask","query":"field:\"phone\" when=now","table":"public.contacts","key":"42","entries":25,)"
            R"("unmasked":["phone"],"reason":"caller asked"})");
  EXPECT_EQ(capture.actors[0], "user:priya");
  ASSERT_TRUE(log->record(priya(), {.route = "entries", .entries = 0}));
  EXPECT_EQ(JsonView(capture.details[1])["entries"].text(), "0");
  EXPECT_FALSE(JsonView(capture.details[1])["query"]);
}

TEST(AccessLog, KeepsNoValueThatWasLookedFor) {
  FakeCapture capture;
  const auto log = make_access_log(capture, kValues);
  const std::string phone = kValues.token("919812345678"), name = kValues.token("asha kulkarni");
  EXPECT_EQ(phone.size(), 7u);
  EXPECT_EQ(kValues.token("+91 98123-45678"), phone) << "as it is found";
  EXPECT_NE(SearchedValues("another key").token("919812345678"), phone);
  const auto query_of = [&](const Access& access) {
    EXPECT_TRUE(log->record(priya(), access));
    return JsonView(capture.details.back())["query"].text();
  };
  EXPECT_EQ(query_of({.route = "entries", .search = "field:phone new:919812345678 \"Asha Kulkarni\""}),
            "field:phone new:" + phone + " " + name);
  EXPECT_EQ(query_of({.route = "entries", .search = "(unclosed 919812345678"}).find("9198"), std::string::npos);
  ASSERT_TRUE(log->record(priya(), {.route = "row", .table = "public.contacts", .key = "9198", .is_known = false}));
  EXPECT_EQ(JsonView(capture.details.back())["key"].text(), kValues.token("9198"));
  const auto found_by = kValues.tokens_of("+91 98123-45678");
  EXPECT_EQ(std::ranges::count(found_by, phone), 1);
  EXPECT_EQ(std::ranges::count(found_by, kValues.token("9198") + "*"), 1);
  EXPECT_EQ(std::ranges::count(found_by, kValues.token("9198")), 0);
}

TEST(AccessLog, RefusesWhenItCannotBeWritten) {
  FakeCapture capture;
  capture.disk_full = true;
  const Status recorded = make_access_log(capture, kValues)->record(priya(), {.route = "entries"});
  ASSERT_FALSE(recorded);
  EXPECT_EQ(recorded.error().code, ErrorCode::kUnavailable);
}

TEST(OfflineAccess, IsTakenOverOnce) {
  const Directory directory;
  FakeCapture capture;
  const auto log = make_offline_access_log(directory.file(), kValues);
  for (int i = 0; i < 1'201; ++i)
    ASSERT_TRUE(log->record(priya(), {.route = "row", .table = "public.contacts", .key = std::to_string(i)}));
  struct stat info {};
  ASSERT_EQ(::stat(directory.file().c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);

  capture.disk_full = true;
  EXPECT_FALSE(take_over_offline_access(directory.file(), capture, -1));
  EXPECT_TRUE(std::filesystem::exists(directory.file()));
  capture.disk_full = false;
  ASSERT_TRUE(take_over_offline_access(directory.file(), capture, -1));
  EXPECT_FALSE(std::filesystem::exists(directory.file()));
  ASSERT_EQ(capture.details.size(), 1'201u);
  EXPECT_LT(capture.writes, 5);
  for (int i = 0; i < 1'201; ++i) {
    EXPECT_EQ(JsonView(capture.details[i])["key"].text(), std::to_string(i));
    EXPECT_FALSE(JsonView(capture.details[i])["at"].text().empty());
  }
  ASSERT_TRUE(take_over_offline_access(directory.file(), capture, -1));
  EXPECT_EQ(capture.details.size(), 1'201u);
}

TEST(OfflineAccess, KeepsThatSomethingUnreadableStoodThere) {
  const Directory directory;
  FakeCapture capture;
  ASSERT_TRUE(make_offline_access_log(directory.file(), kValues)->record(priya(), {.route = "open"}));
  std::ofstream(directory.file(), std::ios::app) << "{\"at\":\"2026\",\"reader\":{\"id\":\"uid:1\"},\"rou\n\n"
                                                 << std::string(200'000, 'x');
  ASSERT_TRUE(take_over_offline_access(directory.file(), capture, -1));
  ASSERT_GE(capture.details.size(), 3u);
  EXPECT_EQ(capture.actors[0], "user:priya");
  uint64_t bytes = 0;
  for (size_t i = 1; i < capture.details.size(); ++i) {
    EXPECT_EQ(JsonView(capture.details[i])["route"].text(), "unreadable");
    bytes += std::stoull(JsonView(capture.details[i])["bytes"].text());
  }
  EXPECT_EQ(bytes, 200'000u + 41);
}

TEST(OfflineAccess, WhatWasDoneBecomesAControlEntry) {
  const Directory directory;
  FakeCapture capture;
  capture.expected = record::EntryKind::kControl;
  const std::string detail = R"({"at":"2026-11-23T09:30:01Z","event":"keys-restored","by":{"id":"uid:0"},"text":"x"})";
  ASSERT_TRUE(note_offline_event(directory.file(), detail));
  ASSERT_TRUE(take_over_offline_access(directory.file(), capture, -1));
  EXPECT_EQ(capture.details, std::vector{detail});
  EXPECT_EQ(capture.actors, std::vector<std::string>{"uid:0"});
}

TEST(OfflineAccess, FollowsNoLinkAndRefusesWhereItCannotWrite) {
  const Directory directory;
  const std::filesystem::path elsewhere = directory.file().parent_path() / "elsewhere";
  std::filesystem::create_symlink(elsewhere, directory.file());
  EXPECT_FALSE(make_offline_access_log(directory.file(), kValues)->record(priya(), {.route = "open"}));
  EXPECT_FALSE(std::filesystem::exists(elsewhere));
  EXPECT_FALSE(make_offline_access_log(directory.file() / "none", kValues)->record(priya(), {.route = "open"}));
  EXPECT_FALSE(make_offline_access_log(elsewhere, kValues)
                   ->record(priya(), {.route = "open", .query = std::string(70'000, 'q')}));
}

}  // namespace
}  // namespace rowledger::api
