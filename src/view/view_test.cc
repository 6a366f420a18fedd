#include "view/view.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "view/accesses.h"
#include "view/insights.h"
#include "view/name_book.h"
#include "view/view_testing.h"

namespace rowledger::view {
namespace {

using namespace testing;
using people::Role;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

Row contact(std::string id, std::string tenant, std::string phone, std::string name = "Asha Kumar") {
  return {{"id", id},
          {"name", name},
          {"phone", phone},
          {"status", "valid"},
          {"born", "1990-04-01"},
          {"note", "likes tea, call 9876543210"},
          {"fields", R"({"age": {"label": "Age", "value": "19 or above"}})"},
          {"organization_id", tenant}};
}

std::string key(std::string_view text) { return record::encode_key({text}); }

class ViewTest : public ::testing::Test {
 protected:
  ViewTest() {
    define_tables(log_);
    log_.insert(kUsers, {{"id", "7"}, {"name", "Priya Das"}, {"organization_id", "1"}});
    log_.insert(kUsers, {{"id", "8"}, {"name", "Ravi Rao"}, {"organization_id", "2"}});
    log_.set_actor("7", "", R"({"request_id":"F1a2","reason":"caller 919812345678 asked","secret":"x"})");
    mine_ = log_.insert(kContacts, contact("42", "1", "919812345678"));
    log_.set_actor("8");
    theirs_ = log_.insert(kContacts, contact("43", "2", "919811111111", "Meera Iyer"));
  }

  View view(Role role, std::optional<std::string> tenant = "1") const {
    return View(reader(role, std::move(tenant)), policy_, log_.store());
  }

  std::vector<uint64_t> found(const View& view, std::string_view q) const {
    const auto search = query::Search::parse(q, Timestamp::now(), true);
    EXPECT_TRUE(search.has_value()) << q;
    std::vector<uint64_t> out;
    const Status status = view.search(*search, query::Order::kOldestFirst, std::nullopt, [&](const Shown& shown) {
      out.push_back(shown.seq().value);
      return true;
    });
    EXPECT_TRUE(status.has_value()) << status.error().message;
    return out;
  }

  std::string json(const View& view, Seq seq) const {
    const auto shown = view.entry(seq);
    EXPECT_TRUE(shown.has_value());
    return shown && *shown ? view.json(**shown) : "none";
  }

  const Policy policy_ = test_policy();
  TestLog log_;
  Seq mine_, theirs_;
};

TEST_F(ViewTest, HasNoEntriesOfOtherTenants) {
  const View viewer = view(Role::kViewer);
  EXPECT_EQ(json(viewer, theirs_), "none");
  EXPECT_THAT(found(viewer, "table:contacts op:insert"), ElementsAre(mine_.value));
  EXPECT_THAT(found(viewer, "919811111111"), IsEmpty());
  EXPECT_THAT(found(viewer, "org:2"), IsEmpty());
  EXPECT_THAT(found(view(Role::kOwner, std::nullopt), "919811111111"), ElementsAre(theirs_.value));
  const auto foreign = viewer.history(kContacts, "43", std::nullopt, 10),
             none = viewer.history(kContacts, "99", std::nullopt, 10);
  ASSERT_TRUE(foreign && none);
  EXPECT_TRUE(foreign->entries.empty() && none->entries.empty());
  const auto past = viewer.at(kContacts, "43", {viewer.scope().end()});
  ASSERT_TRUE(past.has_value());
  EXPECT_FALSE(past->known);
  EXPECT_THAT(viewer.scope().values_of(store::Dimension::kTenant, 10).value(), ElementsAre("1"));
  EXPECT_THAT(viewer.scope().values_of(store::Dimension::kActor, 10).value(), ElementsAre("7"));
}

TEST_F(ViewTest, MasksByColumnPlaceAndMember) {
  const std::string shown = json(view(Role::kViewer), mine_);
  for (const char* part :
       {R"("key":{"id":"42"})", R"("new":"9198******78","masked":true)", R"("new":"A. K.","masked":true)",
        R"("new":"valid"})", R"("new":"1990-••-••","masked":true)", R"("new":"likes tea, call ••••","masked":true)",
        R"("label": "Age")", R"("value": "••••")", R"("reason": "caller •••• asked")", R"("request_id": "F1a2")"})
    EXPECT_THAT(shown, HasSubstr(part));
  for (const char* part : {"919812345678", "Kumar", "04-01", "9876543210", "19 or above", "\"x\"", "secret"})
    EXPECT_THAT(shown, Not(HasSubstr(part)));
  EXPECT_THAT(json(view(Role::kOwner, std::nullopt), mine_), HasSubstr("919812345678"));
}

TEST_F(ViewTest, HidesWhatNobodyClassifiedAndKeysThatArePersonal) {
  log_.set_actor("7");
  const Seq number =
      log_.insert(kNumbers, {{"number", "919812345678"}, {"remark", "old friend"}, {"organization_id", "1"}});
  const Seq other = log_.insert(kUnclassified, {{"id", "asha"}, {"value", "ripe mango"}, {"organization_id", "1"}});
  const View viewer = view(Role::kViewer);
  EXPECT_THAT(json(viewer, number), HasSubstr(R"("key":{"number":"9198******78"})"));
  EXPECT_THAT(json(viewer, other), HasSubstr(R"("key":{"id":"••••"})"));
  EXPECT_THAT(json(viewer, other), Not(HasSubstr("mango")));
  EXPECT_THAT(found(viewer, "key:919812345678"), ElementsAre(number.value)) << "the whole key finds its row";
  EXPECT_THAT(found(viewer, "key:9198*"), IsEmpty());
  EXPECT_THAT(found(viewer, "key:>919812345600 table:numbers"), IsEmpty());
}

TEST_F(ViewTest, ComparesHiddenValuesWithWholeOnesOnly) {
  const View viewer = view(Role::kViewer), owner = view(Role::kOwner, std::nullopt);
  for (const char* whole : {"919812345678", "new.phone:919812345678", "\"asha kumar\"", "new.name:\"Asha Kumar\"",
                            "\"19 or above\"", "value:1990-04-01", "new.fields.age.value:\"19 or above\"",
                            "reason:\"caller 919812345678 asked\"", "new:valid", "reason:caller"}) {
    EXPECT_THAT(found(viewer, whole), ::testing::Contains(mine_.value)) << whole;
  }
  for (const char* part : {"9198*", "new.phone:9198*", "new.phone:>919812345600", "kumar", "new.name:asha", "asha*",
                           "new.phone:919812345000..919812345999", "above", "new.fields.age.value:19*", "tea",
                           "value:>1990-01-01", "reason:919812345678", "new.note:9876543210"}) {
    EXPECT_THAT(found(viewer, part), Not(::testing::Contains(mine_.value))) << part;
    EXPECT_THAT(found(owner, part), ::testing::Contains(mine_.value)) << part << ": or the test says nothing";
  }
}

TEST_F(ViewTest, RefusesToTryManyValues) {
  std::string q = "new.phone:1";
  for (int i = 0; i < 100; ++i) q += "," + std::to_string(i);
  const auto search = query::Search::parse(q, Timestamp::now(), true);
  ASSERT_TRUE(search.has_value());
  const auto visit = [](const Shown&) { return true; };
  EXPECT_FALSE(view(Role::kViewer).search(*search, query::Order::kNewestFirst, std::nullopt, visit).has_value());
  EXPECT_TRUE(view(Role::kOwner, {}).search(*search, query::Order::kNewestFirst, std::nullopt, visit).has_value());
}

TEST_F(ViewTest, ShowsPathsOnlyAsFarAsTheyAreClassified) {
  log_.set_actor("7");
  const Seq change = log_.update(
      kContacts, key("42"), {{"fields", R"({"age": {"label": "Age", "value": "20", "zip": {"deep": 1}}, "x": [1]})"}});
  const std::string shown = json(view(Role::kViewer), change);
  EXPECT_THAT(shown, HasSubstr(R"("path":"/age/value","old":"••••","new":"••••","masked":true)"));
  EXPECT_THAT(shown, Not(HasSubstr("zip")));
  EXPECT_THAT(shown, Not(HasSubstr("deep")));
  EXPECT_THAT(found(view(Role::kViewer), "field:fields.age"), ElementsAre(change.value));
}

TEST_F(ViewTest, ComparesRowsBeforeItMasksThem) {
  const uint64_t before = log_.end();
  log_.update(kContacts, key("42"), {{"phone", "919899999978"}});
  const auto difference = view(Role::kViewer).difference("contacts", "42", {Seq{before}}, {Seq{log_.end()}});
  ASSERT_TRUE(difference.has_value());
  ASSERT_EQ(difference->changes.size(), 1u) << "both are shown as 9198******78";
  EXPECT_EQ(difference->changes[0].before.text, difference->changes[0].after.text);
  EXPECT_TRUE(difference->changes[0].masked);
}

TEST_F(ViewTest, KeepsFromANewTenantWhatARowHadBefore) {
  const Seq move = log_.update(kContacts, key("42"), {{"organization_id", "2"}, {"phone", "919822222222"}});
  const View new_one = view(Role::kOwner, "2");
  const std::string shown = json(new_one, move);
  EXPECT_THAT(shown, HasSubstr("919822222222"));
  EXPECT_THAT(shown, Not(HasSubstr("919812345678")));
  EXPECT_THAT(shown, Not(HasSubstr("\"prev\"")));
  const auto history = new_one.history(kContacts, "42", std::nullopt, 10);
  ASSERT_TRUE(history.has_value()) << history.error().message;
  EXPECT_EQ(history->entries.size(), 1u);
  const auto past = new_one.at(kContacts, "42", {Seq{mine_.value + 1}});
  ASSERT_TRUE(past.has_value());
  EXPECT_FALSE(past->known);
  EXPECT_EQ(json(view(Role::kViewer), move), "none");
}

TEST_F(ViewTest, ShowsEveryTenantWhatBearsOnCompleteness) {
  const Seq gap = append_control(log_, record::EntryKind::kGap, R"({"reason":"slot-lost"})");
  const Seq control = append_control(log_, record::EntryKind::kControl, R"({"event":"start"})");
  const View viewer = view(Role::kViewer);
  EXPECT_THAT(found(viewer, "kind:gap,control"), ElementsAre(gap.value));
  EXPECT_EQ(json(viewer, control), "none");
  EXPECT_THAT(found(view(Role::kViewer, std::nullopt), "kind:gap,control"), ElementsAre(gap.value, control.value));
}

TEST_F(ViewTest, TellsOfReadingOnlyWhoMayKnow) {
  const Seq access = append_control(
      log_, record::EntryKind::kAccess,
      R"({"reader":{"id":"user:x","name":"X"},"route":"row","query":"919812345678","table":"public.contacts","key":"42"})",
      "1", {}, "X");
  append_control(log_, record::EntryKind::kAccess,
                 R"({"reader":{"id":"user:y","name":"Y"},"route":"row","table":"public.contacts","key":"43"})", "1", {},
                 "Y");
  EXPECT_THAT(found(view(Role::kViewer), "kind:access"), IsEmpty());
  EXPECT_EQ(json(view(Role::kViewer), access), "none");
  const View auditor = view(Role::kAuditor);
  EXPECT_THAT(json(auditor, access), HasSubstr(R"("key": "42")"));
  EXPECT_THAT(json(auditor, access), Not(HasSubstr("919812345678")));
  const auto seen = [&](const View& who, const AccessQuestion& question) {
    size_t count = 0;
    EXPECT_TRUE(find_accesses(who, question, std::nullopt, [&](const Shown&) { return ++count < 100; }));
    return count;
  };
  EXPECT_EQ(seen(auditor, {.table = "contacts", .key = "42"}), 1u);
  EXPECT_EQ(seen(auditor, {.table = "contacts", .key = "4"}), 0u);
  EXPECT_EQ(seen(auditor, {.reader = "X"}), 1u);
  EXPECT_EQ(seen(auditor, {.table = "contacts"}), 2u);
  EXPECT_EQ(seen(auditor, {}), 2u);
  // The index knows the row: who looked at all the others is not read.
  using store::Filter;
  const Filter indexed{Filter::Op::kAnd,
                       {},
                       {{Filter::Op::kTerm, {store::Dimension::kKind, "access"}, {}},
                        {Filter::Op::kTerm, {store::Dimension::kKey, "42"}, {}}}};
  EXPECT_THAT(log_.store().candidates(0, indexed).value(), ElementsAre(access));
  EXPECT_EQ(seen(view(Role::kAuditor, "2"), {.table = "contacts", .key = "42"}), 0u);
}

TEST_F(ViewTest, UnmasksForWhoMay) {
  EXPECT_FALSE(view(Role::kViewer).unmasking({"phone"}).has_value());
  const auto auditor = view(Role::kAuditor).unmasking({"phone"});
  ASSERT_TRUE(auditor.has_value());
  EXPECT_THAT(json(*auditor, mine_), HasSubstr("919812345678\"}"));
  EXPECT_THAT(json(*auditor, mine_), Not(HasSubstr("Kumar")));
  EXPECT_EQ(json(*auditor, theirs_), "none");
}

TEST_F(ViewTest, NamesActorsAsTheyWereCalledThen) {
  log_.update(kUsers, key("7"), {{"name", "Priya Rao"}});
  log_.set_actor("7");
  const Seq later = log_.update(kContacts, key("42"), {{"status", "blocked"}});
  const View viewer = view(Role::kViewer);
  EXPECT_THAT(json(viewer, mine_), HasSubstr(R"("name":"Priya Das","name_from":"public.users")"));
  EXPECT_THAT(json(viewer, later), HasSubstr(R"("name":"Priya Rao")"));
  EXPECT_THAT(found(viewer, "actor:das"), ElementsAre(mine_.value));
  EXPECT_THAT(found(viewer, "actor:priya table:contacts"), ElementsAre(mine_.value, later.value));
  EXPECT_THAT(json(view(Role::kViewer, "2"), theirs_), HasSubstr("Ravi Rao"));
}

TEST(NameBook, DoesNotNameWhoWasErasedMeanwhile) {
  TestLog log(kUsers);
  define_tables(log);
  const auto add = [&](const char* id, const char* name) {
    log.insert(kUsers, {{"id", id}, {"name", name}, {"organization_id", "1"}});
  };
  add("7", "Priya Das");
  const Policy policy = test_policy();
  NameBook book(policy.names, log.store());
  const auto name_now = [&] { return book.name_at("7", log.store().end()).value(); };
  EXPECT_EQ(name_now(), "Priya Das");
  log.erase_person("1", log.key_of(kUsers, {{"id", "7"}}));
  add("9", "another");
  EXPECT_EQ(name_now(), std::nullopt);
  log.update(kUsers, log.key_of(kUsers, {{"id", "7"}}), {{"name", "Priya Rao"}});
  EXPECT_EQ(name_now(), "Priya Rao");
}

TEST_F(ViewTest, DoesNotNameAnotherTenantsPeople) {
  log_.set_actor("8");
  const Seq change = log_.update(kContacts, key("42"), {{"status", "blocked"}});
  EXPECT_THAT(json(view(Role::kViewer), change), Not(HasSubstr("Ravi")));
}

std::vector<Insight> counted(const View& view, std::string_view q, const std::vector<InsightRequest>& requests) {
  const auto search = query::Search::parse(q, Timestamp::now(), true);
  EXPECT_TRUE(search.has_value());
  auto out = count_changes(view, *search, {}, requests);
  EXPECT_TRUE(out.has_value()) << out.error().message;
  return out ? std::move(*out) : std::vector<Insight>(requests.size());
}

Insight counted(const View& view, std::string_view q, const InsightRequest& request) {
  return counted(view, q, std::vector{request}).front();
}

TEST_F(ViewTest, CountsAlikeByIndexAndByReading) {
  log_.set_actor("7");
  for (int i = 0; i < 300; ++i)
    log_.update(kContacts, key(i % 3 == 0 ? "42" : "43"),
                {{"phone", std::to_string(919800000000 + i)}, {"status", i % 2 == 0 ? "a" : "b"}});
  const View viewer = view(Role::kViewer);
  EXPECT_EQ(counted(viewer, "", {.by = By::kDay}).total, 102u) << "100 changes, the insert, and the user's";
  for (const By by : {By::kDay, By::kHourOfWeek, By::kField, By::kActor, By::kVia, By::kOp, By::kTable, By::kRow}) {
    for (const std::optional<By> split :
         {std::optional<By>(), std::optional(By::kOp), std::optional(By::kActor), std::optional(By::kField)}) {
      if (by == By::kField && split == By::kField) continue;
      // created: at a depth where it is no bound makes the search one that has to be read.
      const InsightRequest request{.by = by, .split = split};
      const Insight fast = counted(viewer, "table:contacts", request);
      const Insight slow = counted(viewer, "table:contacts (created:>=2000-01-01 OR via:sql)", request);
      EXPECT_GT(fast.total, 0u);
      EXPECT_EQ(fast.total, slow.total) << to_string(by);
      ASSERT_EQ(fast.buckets.size(), slow.buckets.size()) << to_string(by);
      uint64_t sum = 0;
      for (size_t i = 0; i < fast.buckets.size(); ++i) {
        EXPECT_EQ(fast.buckets[i].key, slow.buckets[i].key) << to_string(by);
        EXPECT_EQ(fast.buckets[i].count, slow.buckets[i].count) << to_string(by);
        EXPECT_EQ(fast.buckets[i].parts, slow.buckets[i].parts) << to_string(by);
        sum += fast.buckets[i].count;
      }
      if (by != By::kField) {
        EXPECT_EQ(sum, fast.total) << to_string(by);
      }
    }
  }
  const Insight rows = counted(viewer, "", {.by = By::kRow});
  EXPECT_EQ(rows.buckets.front().key, "public.contacts/42");
  EXPECT_EQ(rows.buckets.front().query, "table:public.contacts key:42");
  EXPECT_EQ(counted(viewer, "", {.by = By::kActor}).buckets.front().label, "Priya Das");
}

TEST_F(ViewTest, CountsInSeveralWaysAtOnceAsInEachAlone) {
  log_.set_actor("7");
  for (int i = 0; i < 30; ++i)
    log_.update(kContacts, key("42"),
                {{"phone", std::to_string(919800000000 + i)}, {"status", i % 2 == 0 ? "a" : "b"}});
  log_.set_actor("");
  log_.update(kContacts, key("42"), {{"status", "c"}});
  const View viewer = view(Role::kViewer);
  std::vector<InsightRequest> requests;
  for (const By by : {By::kDay, By::kHourOfWeek, By::kField, By::kActor, By::kVia, By::kRow})
    requests.push_back({.by = by});
  requests.push_back({.by = By::kDay, .split = By::kActor});
  requests.push_back({.by = By::kDay, .split = By::kField});
  requests.push_back({.by = By::kRow, .table = "contacts"});
  for (const char* q : {"", "created:>=2000-01-01 OR via:sql"}) {
    const auto together = counted(viewer, q, requests);
    for (size_t i = 0; i < requests.size(); ++i) {
      const Insight alone = counted(viewer, q, requests[i]);
      EXPECT_EQ(together[i].total, alone.total) << i;
      ASSERT_EQ(together[i].buckets.size(), alone.buckets.size()) << i;
      for (size_t b = 0; b < alone.buckets.size(); ++b) {
        EXPECT_EQ(together[i].buckets[b].key, alone.buckets[b].key) << i;
        EXPECT_EQ(together[i].buckets[b].count, alone.buckets[b].count) << i;
        EXPECT_EQ(together[i].buckets[b].parts, alone.buckets[b].parts) << i;
      }
    }
    // A person is a part by his id; whoever is not known is "".
    uint64_t by_priya = 0, by_nobody = 0;
    for (const Bucket& day : together[6].buckets) {
      by_priya += day.parts.contains("7") ? day.parts.at("7") : 0;
      by_nobody += day.parts.contains("") ? day.parts.at("") : 0;
    }
    EXPECT_EQ(by_priya, 31u) << "and the insert";
    EXPECT_GE(by_nobody, 1u);
    uint64_t of_status = 0;
    for (const Bucket& day : together[7].buckets)
      of_status += day.parts.contains("status") ? day.parts.at("status") : 0;
    EXPECT_EQ(of_status, 31u);
    for (const Bucket& row : together[8].buckets) EXPECT_TRUE(row.key.starts_with("public.contacts/")) << row.key;
    EXPECT_LT(together[8].total, together[5].total) << "the user's row is of another table";
  }
  const std::vector<InsightRequest> wrong{{.by = By::kField, .split = By::kField}};
  EXPECT_FALSE(count_changes(viewer, *query::Search::parse("", Timestamp::now(), true), {}, wrong).has_value());
}

TEST_F(ViewTest, PagesThroughATableAsItWas) {
  log_.set_actor("7");
  for (int i = 100; i < 130; ++i)
    log_.insert(kContacts, contact(std::to_string(i), i % 2 == 0 ? "1" : "2", "9198" + std::to_string(10000000 + i)));
  const Seq then{log_.end()};
  log_.remove(kContacts, key("100"));
  log_.update(kContacts, key("102"), {{"status", "blocked"}});
  log_.insert(kContacts, contact("200", "1", "919800000200"));
  const View viewer = view(Role::kViewer);
  const auto all = query::Search::parse("", Timestamp::now(), true);
  std::vector<std::string> keys;
  std::optional<std::string> from;
  do {
    const auto page = viewer.table_at("contacts", {then}, *all, from, 4);
    ASSERT_TRUE(page.has_value()) << page.error().message;
    for (const TableRow& row : page->rows) {
      keys.push_back(row.key);
      for (const auto& field : row.past.row.fields) {
        if (field.name == "status") {
          EXPECT_EQ(field.text, "valid");
        }
        if (field.name == "phone") {
          EXPECT_TRUE(field.masked);
        }
      }
    }
    from = page->next;
  } while (from);
  EXPECT_THAT(keys, ElementsAre("100", "102", "104", "106", "108", "110", "112", "114", "116", "118", "120", "122",
                                "124", "126", "128", "42"));
  const auto one = query::Search::parse("919810000104", Timestamp::now(), true);
  const auto page = viewer.table_at("contacts", {then}, *one, std::nullopt, 10);
  ASSERT_TRUE(page.has_value());
  ASSERT_EQ(page->rows.size(), 1u);
  EXPECT_EQ(page->rows[0].key, "104");
}

TEST_F(ViewTest, TellsEachTenantItsOwnLabelOnly) {
  PolicySettings settings;
  settings.tenant_columns = {{kContacts, "organization_id"}};
  settings.labels = {"language_id/1=English", "language_id/2=हिन्दी", "organization_id/1=Shiksha",
                     "organization_id/2=A=B/C"};
  const auto policy = Policy::make(settings);
  ASSERT_TRUE(policy.has_value()) << policy.error().message;
  EXPECT_EQ(policy->labels_for(std::nullopt).at("organization_id").at("2"), "A=B/C");
  const Labels own = policy->labels_for("1");
  EXPECT_EQ(own.at("language_id").size(), 2u);
  EXPECT_THAT(own.at("organization_id"), ElementsAre(::testing::Pair("1", "Shiksha")));
  EXPECT_FALSE(policy->labels_for("7").contains("organization_id"));
  for (const char* wrong : {"", "x", "a/=b", "/1=b", "a/1=", "a/1"}) {
    settings.labels = {wrong};
    EXPECT_FALSE(Policy::make(settings).has_value()) << wrong;
  }
}

TEST_F(ViewTest, LabelsComeFromATableAsItWasThen) {
  PolicySettings settings;
  settings.tenant_columns = {{kContacts, "organization_id"}};
  // Organisations stand in the table of people here: a table of ids and names.
  settings.labels = {"language_id=languages.label", "language_id/2=Hindi", "language_id/9=Tamil",
                     "organization_id=users.name"};
  const auto policy = Policy::make(settings);
  ASSERT_TRUE(policy.has_value()) << policy.error().message;
  log_.insert(kLanguages, {{"id", "1"}, {"label", "Anglais"}});
  log_.insert(kLanguages, {{"id", "2"}, {"label", "हिन्दी"}});
  log_.insert(kLanguages, {{"id", "3"}, {"label", "Marathi"}});
  const Seq renamed = log_.update(kLanguages, key("1"), {{"label", "English"}});
  const Seq gone = log_.remove(kLanguages, key("3"));
  const auto labels = [&](Role role, std::optional<std::string> tenant) {
    auto out = View(reader(role, std::move(tenant)), *policy, log_.store()).labels();
    EXPECT_TRUE(out.has_value()) << out.error().message;
    return out ? std::move(*out) : KnownLabels();
  };
  const KnownLabels all = labels(Role::kAuditor, std::nullopt);
  const auto& language = all.at("language_id");
  EXPECT_EQ(language.at("1").now, "English");
  ASSERT_EQ(language.at("1").before.size(), 1u);
  EXPECT_EQ(language.at("1").before[0].until, renamed);
  EXPECT_EQ(language.at("1").before[0].label, "Anglais");
  EXPECT_EQ(language.at("2").now, "हिन्दी") << "the table counts before the list";
  EXPECT_THAT(language.at("2").before, IsEmpty());
  EXPECT_EQ(language.at("3").now, "");
  ASSERT_EQ(language.at("3").before.size(), 1u);
  EXPECT_EQ(language.at("3").before[0].until, gone);
  EXPECT_EQ(language.at("9").now, "Tamil") << "what only the list knows";
  EXPECT_EQ(all.at("organization_id").size(), 2u);
  // Names, which a viewer sees masked, are in clear: the configuration gives them away. Of his tenant alone.
  const KnownLabels own = labels(Role::kViewer, "8");
  EXPECT_EQ(own.at("language_id").at("1").now, "English");
  ASSERT_EQ(own.at("organization_id").size(), 1u);
  EXPECT_EQ(own.at("organization_id").at("8").now, "Ravi Rao");
  for (const char* wrong : {"a=b", "a=.b", "a=b.", "=b.c", "a="}) {
    settings.labels = {wrong};
    EXPECT_FALSE(Policy::make(settings).has_value()) << wrong;
  }
}

TEST_F(ViewTest, ShowsAnOperatorNothing) {
  const View nobody = view(Role::kOperator, std::nullopt);
  EXPECT_THAT(found(nobody, ""), IsEmpty());
  EXPECT_EQ(json(nobody, mine_), "none");
}

}  // namespace
}  // namespace rowledger::view
