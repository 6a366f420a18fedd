#include "query/reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "query/query_testing.h"

namespace rowledger::query {
namespace {

using record::EntryKind;
using record::Presence;
using record::Value;
using record::ValueForm;
using testing::at;
using ::testing::ElementsAre;
using testing::EntryBuilder;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::Row;
using testing::TestLog;

constexpr char kContacts[] = "public.contacts";
const Timestamp kNow = at("2026-11-23T12:00:00Z");

std::string key(std::string_view id) { return record::encode_key({id}); }

class ReaderTest : public ::testing::Test {
 protected:
  void define_contacts() {
    log_.define(kContacts, {{"id", true}, {"name"}, {"phone"}, {"fields", false, ValueForm::kJson}});
  }

  std::vector<uint64_t> search(std::string_view text, Order order = Order::kNewestFirst, std::optional<Seq> from = {},
                               size_t limit = SIZE_MAX) {
    const auto search = Search::parse(text, kNow);
    EXPECT_TRUE(search) << text;
    std::vector<uint64_t> out;
    const Status status = reader_.search(*search, order, from, [&](const record::OwnedEntry& entry) {
      out.push_back(entry.header().seq.value);
      return out.size() < limit;
    });
    EXPECT_TRUE(status) << status.error().message;
    return out;
  }

  std::vector<uint64_t> history(std::string_view id, size_t page = 1'000) {
    std::vector<uint64_t> out;
    std::optional<Seq> before;
    do {
      const auto found = reader_.history("contacts", id, before, page);
      EXPECT_TRUE(found) << found.error().message;
      if (!found) return out;
      EXPECT_LE(found->entries.size(), page);
      for (const auto& entry : found->entries) out.push_back(entry.header().seq.value);
      before = found->next;
    } while (before);
    return out;
  }

  // "absent", "not known", or the row as JSON.
  std::string past(std::string_view id, uint64_t before, std::string_view table = "contacts") {
    const auto row = reader_.at(table, id, Moment{Seq{before}});
    if (!row) return row.error().message;
    if (!row->known) return "not known";
    return row->exists ? to_json(row->row) : "absent";
  }

  std::string images(Seq seq) {
    const auto entry = log_.store().read(seq);
    const auto both = reader_.images((*entry)->entry());
    EXPECT_TRUE(both);
    return (both->before ? to_json(*both->before) : "-") + " > " + (both->after ? to_json(*both->after) : "-");
  }

  uint64_t moment(std::string_view when) {
    const auto found = reader_.moment(when, kNow);
    EXPECT_TRUE(found) << when << ": " << (found ? "" : found.error().message);
    return found ? found->before.value : UINT64_MAX;
  }

  TestLog log_;
  const Reader reader_{log_.store()};
};

TEST_F(ReaderTest, AnEmptyLog) {
  EXPECT_THAT(search(""), IsEmpty());
  EXPECT_EQ(moment("now"), 0u);
  EXPECT_EQ(moment("2026-01-01"), 0u);
  EXPECT_EQ(moment("lsn:0/1"), 0u);
  EXPECT_EQ(reader_.moment("seq:0", kNow).error().code, ErrorCode::kNotFound);
  const auto none = reader_.history("contacts", "1", std::nullopt, 10);
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code, ErrorCode::kNotFound);
}

TEST_F(ReaderTest, ARowsLife) {
  define_contacts();                                                                                         // 0
  log_.insert(kContacts, {{"id", "42"}, {"name", "Asha"}, {"phone", "9198"}, {"fields", "{\"a\": 1.10}"}});  // 1
  log_.insert(kContacts, {{"id", "7"}, {"name", "Ravi"}, {"phone", "1"}, {"fields", "{}"}});                 // 2
  const Seq update = log_.update(kContacts, key("42"), {{"name", std::nullopt}, {"phone", "9199"}});         // 3
  log_.update(kContacts, key("42"), {{"fields", "{\"a\": 1.1}"}});                                           // 4
  const Seq removed = log_.remove(kContacts, key("42"));                                                     // 5
  log_.insert(kContacts, {{"id", "42"}, {"name", "New"}});                                                   // 6

  EXPECT_THAT(history("42"), ElementsAre(6, 5, 4, 3, 1));
  for (const size_t page : {1, 2, 3, 4, 5}) EXPECT_THAT(history("42", page), ElementsAre(6, 5, 4, 3, 1)) << page;
  EXPECT_THAT(history("7"), ElementsAre(2));
  EXPECT_THAT(history("8"), IsEmpty());

  EXPECT_EQ(past("42", 0), "not known");
  EXPECT_EQ(past("42", 1), "absent");
  EXPECT_EQ(past("42", 2), R"({"id":"42","name":"Asha","phone":"9198","fields":{"a": 1.10}})");
  EXPECT_EQ(past("42", 3), past("42", 2));
  EXPECT_EQ(past("42", 4), R"({"id":"42","name":null,"phone":"9199","fields":{"a": 1.10}})");
  EXPECT_EQ(past("42", 5), R"({"id":"42","name":null,"phone":"9199","fields":{"a": 1.1}})");
  EXPECT_EQ(past("42", 6), "absent");
  EXPECT_EQ(past("42", 7), R"({"id":"42","name":"New","phone":null,"fields":null})");
  EXPECT_EQ(past("42", 99), past("42", 7));
  EXPECT_EQ(past("8", 7), "not known");

  EXPECT_EQ(images(Seq{1}), "- > " + past("42", 2));
  EXPECT_EQ(images(update), past("42", 2) + " > " + past("42", 4));
  EXPECT_EQ(images(removed), past("42", 5) + " > -");
  EXPECT_EQ(images(Seq{0}), "- > -");
}

TEST_F(ReaderTest, ABaselineSaysNothingOfTheTimeBeforeIt) {
  define_contacts();
  log_.insert(kContacts, {{"id", "1"}, {"name", "Asha"}}, EntryKind::kBaseline);
  EXPECT_EQ(past("1", 1), "not known");
  EXPECT_EQ(past("1", 2), R"({"id":"1","name":"Asha","phone":null,"fields":null})");
  EXPECT_EQ(images(Seq{1}), "- > " + past("1", 2));
}

TEST_F(ReaderTest, NamesAndKeysThatDoNotFit) {
  define_contacts();
  log_.define("crm.stock", {{"warehouse", true}, {"item", true}, {"amount", false, ValueForm::kNumber}});
  log_.insert("crm.stock", {{"warehouse", "a,b%"}, {"item", "2"}, {"amount", "10"}});
  EXPECT_EQ(past("a%2Cb%25,2", 3, "crm.stock"), R"({"warehouse":"a,b%","item":"2","amount":10})");
  EXPECT_THAT(past("a,b,2", 3, "crm.stock"), HasSubstr("has 2 columns, separated by commas: warehouse,item"));
  EXPECT_THAT(past("a%2", 3, "crm.stock"), HasSubstr("two hexadecimal digits"));
  EXPECT_THAT(past("1", 3, "stock"), HasSubstr("never captured; the log has public.contacts, crm.stock"));
  // The key of a single column is taken as it stands.
  log_.insert(kContacts, {{"id", "50%,x"}, {"name", "Odd"}});
  EXPECT_THAT(past("50%,x", 99), HasSubstr("Odd"));
}

TEST_F(ReaderTest, RowsThatMoveFromKeyToKey) {
  define_contacts();                                                                     // 0
  log_.insert(kContacts, {{"id", "1"}, {"name", "one"}});                                // 1
  log_.insert(kContacts, {{"id", "2"}, {"name", "two"}});                                // 2
  log_.update(kContacts, key("1"), {{"name", "one again"}});                             // 3
  log_.remove(kContacts, key("2"));                                                      // 4
  const Seq moved = log_.update(kContacts, key("1"), {{"id", "2"}, {"name", "moved"}});  // 5
  log_.update(kContacts, key("2"), {{"name", "at two"}});                                // 6
  log_.insert(kContacts, {{"id", "1"}, {"name", "new one"}});                            // 7
  const Seq back = log_.update(kContacts, key("2"), {{"id", "3"}});                      // 8

  const auto row = [](const std::string& id, const std::string& name) {
    return "{\"id\":\"" + id + "\",\"name\":\"" + name + "\",\"phone\":null,\"fields\":null}";
  };
  EXPECT_EQ(past("1", 3), row("1", "one"));
  EXPECT_EQ(past("1", 4), row("1", "one again"));
  EXPECT_EQ(past("1", 6), "absent");
  EXPECT_EQ(past("1", 8), row("1", "new one"));
  EXPECT_EQ(past("2", 2), "absent");
  EXPECT_EQ(past("2", 3), row("2", "two"));
  EXPECT_EQ(past("2", 5), "absent");
  EXPECT_EQ(past("2", 6), row("2", "moved"));
  EXPECT_EQ(past("2", 7), row("2", "at two"));
  EXPECT_EQ(past("2", 9), "absent");
  EXPECT_EQ(past("3", 8), "absent");
  EXPECT_EQ(past("3", 9), row("3", "at two"));
  EXPECT_EQ(images(moved), row("1", "one again") + " > " + row("2", "moved"));
  EXPECT_EQ(images(back), row("2", "at two") + " > " + row("3", "at two"));

  // The row's life under its former keys belongs to it, and so does what stood at the key before it came.
  for (const size_t page : {1, 2, 3, 100}) {
    EXPECT_THAT(history("1", page), ElementsAre(7, 5, 3, 1)) << page;
    EXPECT_THAT(history("2", page), ElementsAre(8, 6, 5, 4, 3, 2, 1)) << page;
    EXPECT_THAT(history("3", page), ElementsAre(8, 6, 5, 3, 1)) << page;
  }
}

TEST_F(ReaderTest, ARowThatWentAndCameBackHasEachEntryOnce) {
  define_contacts();
  log_.insert(kContacts, {{"id", "1"}, {"name", "one"}});  // 1
  log_.update(kContacts, key("1"), {{"id", "2"}});         // 2
  log_.update(kContacts, key("2"), {{"id", "1"}});         // 3
  log_.update(kContacts, key("1"), {{"id", "2"}});         // 4
  for (const size_t page : {1, 2, 100}) {
    EXPECT_THAT(history("1", page), ElementsAre(4, 3, 2, 1));
    EXPECT_THAT(history("2", page), ElementsAre(4, 3, 2, 1));
  }
  EXPECT_EQ(past("1", 4), R"({"id":"1","name":"one","phone":null,"fields":null})");
  EXPECT_EQ(past("2", 4), "absent");
  EXPECT_EQ(past("2", 5), R"({"id":"2","name":"one","phone":null,"fields":null})");
}

TEST_F(ReaderTest, MissedChangesAreSaidNotGuessed) {
  define_contacts();                                                       // 0
  log_.insert(kContacts, {{"id", "1"}, {"name", "one"}, {"phone", "1"}});  // 1
  // The state was found to differ: the gap entry has no link, it stands directly before the update.
  EntryBuilder gap(EntryKind::kGap);
  gap.row(kContacts, "1").tx(9, 0x2000).changed("phone", "1", "2");
  log_.append(gap.entry);  // 2
  log_.forget(kContacts, key("1"), {{"id", "1"}, {"name", "one"}, {"phone", "2"}, {"fields", std::nullopt}});
  const Seq update = log_.update(kContacts, key("1"), {{"name", "two"}}, EntryKind::kUpdate, 1);  // 3
  for (const size_t page : {1, 2, 100}) EXPECT_THAT(history("1", page), ElementsAre(3, 2, 1)) << page;
  EXPECT_EQ(past("1", 2), R"({"id":"1","name":"one","phone":"1","fields":null})");
  EXPECT_EQ(past("1", 3), R"({"id":"1","name":"one","phone":"2","fields":null})");
  EXPECT_EQ(past("1", 4), R"({"id":"1","name":"two","phone":"2","fields":null})");
  EXPECT_EQ(images(Seq{2}), past("1", 2) + " > " + past("1", 3));
  EXPECT_EQ(images(update), past("1", 3) + " > " + past("1", 4));
}

TEST_F(ReaderTest, ADeleteThatWasMissed) {
  define_contacts();                                                    // 0
  log_.insert(kContacts, {{"id", "1"}, {"name", "one"}});               // 1
  log_.update(kContacts, key("1"), {{"name", "two"}, {"phone", "5"}});  // 2
  log_.insert(kContacts, {{"id", "1"}, {"name", "new"}});               // 3: its delete was missed
  EXPECT_EQ(past("1", 3), R"({"id":"1","name":"two","phone":"5","fields":null})");
  EXPECT_EQ(past("1", 2), R"({"id":"1","name":"one","phone":null,"fields":null})");
  EXPECT_EQ(past("1", 4), R"({"id":"1","name":"new","phone":null,"fields":null})");
}

TEST_F(ReaderTest, WhatAComparisonFoundCountsAsChange) {
  define_contacts();                                                              // 0
  log_.insert(kContacts, {{"id", "1"}, {"name", "one"}});                         // 1
  log_.update(kContacts, key("1"), {{"name", "found"}}, EntryKind::kGap);         // 2
  log_.remove(kContacts, key("1"), EntryKind::kGap);                              // 3
  log_.insert(kContacts, {{"id", "1"}, {"name", "found new"}}, EntryKind::kGap);  // 4
  log_.insert(kContacts, {{"id", "9"}, {"name", "surprise"}}, EntryKind::kGap);   // 5
  EXPECT_THAT(history("1"), ElementsAre(4, 3, 2, 1));
  EXPECT_THAT(past("1", 2), HasSubstr("\"one\""));
  EXPECT_THAT(past("1", 3), HasSubstr("\"found\""));
  EXPECT_EQ(past("1", 4), "absent");
  EXPECT_THAT(past("1", 5), HasSubstr("\"found new\""));
  EXPECT_EQ(past("9", 5), "not known");
  EXPECT_EQ(images(Seq{2}), past("1", 2) + " > " + past("1", 3));
}

TEST_F(ReaderTest, AnUnknownOldValueStaysUnknown) {
  define_contacts();
  log_.insert(kContacts, {{"id", "1"}, {"name", "a"}}, EntryKind::kBaseline);  // 1
  // As capture writes the update of a row that it did not know.
  store::Batch batch;
  EntryBuilder update(EntryKind::kUpdate);
  update.row(kContacts, "5").tx(9, 0x3000).change("name", Value::unknown(), Value::of("b"));
  log_.append(update.entry);
  EXPECT_EQ(images(Seq{2}), "- > -");  // there is no state of it: nothing can be said
}

TEST_F(ReaderTest, ColumnsAsTheyWereThen) {
  define_contacts();                                                                // 0
  log_.insert(kContacts, {{"id", "1"}, {"name", "one"}, {"phone", "5"}});           // 1
  log_.insert(kContacts, {{"id", "2"}, {"name", "two"}, {"phone", "6"}});           // 2
  log_.define(kContacts, {{"id", true, ValueForm::kNumber}, {"phone"}, {"city"}});  // 3: name, fields gone
  EXPECT_EQ(past("1", 4), R"({"id":"1","name":"one","phone":"5","fields":null})");
  const Seq first = log_.update(kContacts, key("1"), {{"phone", "55"}});  // 4
  log_.update(kContacts, key("1"), {{"city", "Pune"}});                   // 5
  log_.remove(kContacts, key("1"));                                       // 6
  log_.define(kContacts, {{"id", true}, {"phone"}});                      // 7
  log_.update(kContacts, key("2"), {{"phone", "66"}});                    // 8
  EXPECT_EQ(past("1", 4), R"({"id":"1","name":"one","phone":"5","fields":null})");
  EXPECT_EQ(past("1", 5), R"({"id":1,"phone":"55","city":null})");
  EXPECT_EQ(past("1", 6), R"({"id":1,"phone":"55","city":"Pune"})");
  EXPECT_EQ(past("1", 7), "absent");
  EXPECT_EQ(past("2", 8), R"({"id":"2","name":"two","phone":"6","fields":null})");
  EXPECT_EQ(past("2", 9), R"({"id":"2","phone":"66"})");
  EXPECT_EQ(images(first), R"({"id":1,"phone":"5","city":null} > {"id":1,"phone":"55","city":null})");
}

TEST_F(ReaderTest, Moments) {
  log_.set_time(at("2026-11-20T00:00:00Z"));  // each change is a second later
  define_contacts();                          // 0: no transaction, received 2026-11-23
  log_.insert(kContacts, {{"id", "1"}});      // 1 at 00:00:01, LSN 0/1100
  log_.insert(kContacts, {{"id", "2"}});      // 2 at 00:00:02, LSN 0/1200
  EntryBuilder control(EntryKind::kControl);
  control.entry.header.received_at = at("2026-11-20T00:00:02.5Z");
  log_.append(control.entry);                 // 3
  log_.set_time(at("2026-11-19T23:59:59Z"));  // the server's clock was set back
  log_.insert(kContacts, {{"id", "3"}});      // 4 at 00:00:00, LSN 0/1300
  log_.set_time(at("2026-11-21T00:00:00Z"));
  log_.insert(kContacts, {{"id", "4"}});  // 5 at 11-21T00:00:01, LSN 0/1400
  EXPECT_EQ(moment("now"), 6u);
  EXPECT_EQ(moment("seq:0"), 1u);
  EXPECT_EQ(moment("seq:5"), 6u);
  EXPECT_EQ(moment("lsn:0/10FF"), 0u);
  EXPECT_EQ(moment("lsn:0/1100"), 2u);
  EXPECT_EQ(moment("lsn:0/12FF"), 3u);
  EXPECT_EQ(moment("lsn:0/1300"), 5u);
  EXPECT_EQ(moment("lsn:FF/0"), 6u);
  EXPECT_EQ(moment("2026-11-19"), 0u);
  EXPECT_EQ(moment("2026-11-20T00:00:00"), 5u);  // just after the last entry of that time or before
  EXPECT_EQ(moment("2026-11-20T05:30:01+05:30"), 5u);
  EXPECT_EQ(moment("2026-11-21"), 5u);
  EXPECT_EQ(moment("2026-11-21T00:00:01"), 6u);
  EXPECT_EQ(moment("now-3d"), 5u);
  EXPECT_EQ(moment("2030-01-01"), 6u);
  EXPECT_EQ(reader_.moment("seq:6", kNow).error().code, ErrorCode::kNotFound);
  for (const char* wrong :
       {"", "yesterday", "seq:", "seq:-1", "seq:99999999999999999999", "lsn:1", "now-", "now-2y", "2026-02-30"})
    EXPECT_EQ(reader_.moment(wrong, kNow).error().code, ErrorCode::kInvalid) << wrong;
}

TEST_F(ReaderTest, SearchByOrderStartAndTime) {
  define_contacts();
  for (int i = 1; i <= 9; ++i) {
    log_.set_time(at("2026-11-10T00:00:00Z"));
    log_.set_time({at("2026-11-10T00:00:00Z").us + i * 86'400'000'000});
    log_.insert(kContacts, {{"id", std::to_string(i)}, {"name", i % 2 == 0 ? "even" : "odd"}});
  }
  EXPECT_THAT(search("new.name:even"), ElementsAre(8, 6, 4, 2));
  EXPECT_THAT(search("new.name:even", Order::kOldestFirst), ElementsAre(2, 4, 6, 8));
  EXPECT_THAT(search("new.name:even", Order::kNewestFirst, Seq{6}), ElementsAre(6, 4, 2));
  EXPECT_THAT(search("new.name:even", Order::kNewestFirst, Seq{UINT64_MAX}), ElementsAre(8, 6, 4, 2));
  EXPECT_THAT(search("new.name:even", Order::kOldestFirst, Seq{5}), ElementsAre(6, 8));
  EXPECT_THAT(search("new.name:even", Order::kOldestFirst, Seq{99}), IsEmpty());
  EXPECT_THAT(search("new.name:even", Order::kNewestFirst, {}, 2), ElementsAre(8, 6));
  EXPECT_THAT(search("created:2026-11-12..2026-11-14 op:create"), ElementsAre(4, 3, 2));
  EXPECT_THAT(search("created:2026-11-12"), ElementsAre(2));
  EXPECT_THAT(search("kind:schema"), ElementsAre(0));
  EXPECT_THAT(search("alert:any"), IsEmpty());
}

TEST_F(ReaderTest, ActorsAreFoundByAWordOfTheirName) {
  define_contacts();
  const auto by = [&](const char* id, const char* name) {
    EntryBuilder entry(EntryKind::kUpdate);
    entry.row(kContacts, "1").tx(1, 0x9000).who(id, name, record::Trust::kClaimed, record::Via::kApp);
    return log_.append(entry.entry).value;
  };
  const uint64_t sharma = by("7", "Priya Sharma"), rao = by("8", "Priya Rao");
  by("9", "Ravi");
  EXPECT_THAT(search("actor:priya"), ElementsAre(rao, sharma));
  EXPECT_THAT(search("priya"), ElementsAre(rao, sharma));
  EXPECT_THAT(search("actor:7"), ElementsAre(sharma));
  EXPECT_THAT(search("actor:\"sharma priya\""), ElementsAre(sharma));
  EXPECT_THAT(search("actor:ra*"), ElementsAre(sharma + 2, rao));
  EXPECT_THAT(search("actor:nobody"), IsEmpty());
}

// Random rows come, change, move and go; at every moment every row must be what the model says, and a
// history must hold just the entries that touched the key.
TEST_F(ReaderTest, EveryRowAtEveryMoment) {
  std::mt19937_64 random(2026);
  const auto pick = [&](size_t n) { return std::uniform_int_distribution<size_t>(0, n - 1)(random); };
  constexpr size_t kKeys = 6;
  define_contacts();
  std::vector<std::map<std::pair<std::string, std::string>, Row>> models{{}};
  models.resize(log_.end() + 1);
  const auto text = [&]() -> std::optional<std::string> {
    return pick(4) == 0 ? std::nullopt : std::optional<std::string>(std::to_string(pick(3)));
  };
  for (int step = 0; step < 600; ++step) {
    const std::string id = std::to_string(pick(kKeys)), other = std::to_string(pick(kKeys));
    const bool exists = log_.rows().contains({kContacts, key(id)});
    const bool other_exists = log_.rows().contains({kContacts, key(other)});
    if (!exists) {
      log_.insert(kContacts, {{"id", id}, {"name", text()}, {"phone", text()}});
    } else if (pick(6) == 0) {
      log_.remove(kContacts, key(id));
    } else if (pick(4) == 0 && !other_exists) {
      log_.update(kContacts, key(id), {{"id", other}, {"name", text()}});
    } else {
      log_.update(kContacts, key(id), {{"name", text()}, {"phone", text()}},
                  pick(9) == 0 ? EntryKind::kGap : EntryKind::kUpdate);
    }
    models.push_back(log_.rows());
  }
  const auto shown = [](const Row& row) {
    RowImage image;
    for (const char* name : {"id", "name", "phone", "fields"}) {
      const auto& value = row.at(name);
      image.fields.push_back({name, ValueForm::kText, value ? Presence::kValue : Presence::kNull, value.value_or("")});
    }
    return to_json(image);
  };
  for (uint64_t before = 1; before <= log_.end(); before += 1 + pick(4)) {
    for (size_t i = 0; i < kKeys; ++i) {
      const std::string id = std::to_string(i);
      const auto found = models[before].find({kContacts, key(id)});
      const std::string expected = found == models[before].end() ? "absent" : shown(found->second);
      ASSERT_EQ(past(id, before), expected) << "key " << id << " before " << before;
    }
  }
  for (size_t i = 0; i < kKeys; ++i) {
    const std::string id = std::to_string(i);
    const std::vector<uint64_t> all = history(id);
    std::vector<uint64_t> at_key = search("key:" + id);
    ASSERT_TRUE(std::ranges::is_sorted(all, std::ranges::greater_equal())) << "once each, newest first";
    ASSERT_TRUE(std::ranges::includes(all, at_key, std::ranges::greater()));
    ASSERT_EQ(history(id, 7), all);
  }
}

// Candidates that are not matches, many index ranges, pages that start anywhere.
TEST_F(ReaderTest, SearchFindsWhatAScanFinds) {
  store::testing::TempDirectory directory;
  store::StoreOptions options;
  options.directory = directory.path() / "log";
  auto opened = store::open_rocksdb_store(options);
  ASSERT_TRUE(opened);
  store::testing::Workload workload(5, {.max_entries = 100});
  workload.keep_entries = false;
  store::Batch batch;
  while (workload.seq < 20'000) {
    workload.next(batch);
    ASSERT_TRUE((*opened)->append(batch));
    batch.clear();
  }
  const Reader reader(**opened);
  for (const char* text :
       {"table:contacts op:create", "new.name:\"asha kumar\"", "name:x OR key:17", "key:17",
        "field:phone -op:modify kind:gap", "old:mumbai -new:pune", "new.fields.city.value:Mumbai key:>400",
        "tx:7003,7011", "kumar patel", "reason:caller key:3", "created:1970-01-01", "request:F1a7005",
        "op:remove org:2 -table:profiles", "new.phone:919*"}) {
    const auto search = Search::parse(text, kNow, true);
    if (!search) continue;
    std::vector<uint64_t> scanned, found;
    ASSERT_TRUE((*opened)->scan({{0}, (*opened)->end()}, [&](const record::OwnedEntry& entry) {
      if (search->matches(entry.entry())) scanned.push_back(entry.header().seq.value);
      return true;
    }));
    const auto collect = [&](const record::OwnedEntry& entry) {
      found.push_back(entry.header().seq.value);
      return true;
    };
    ASSERT_TRUE(reader.search(*search, Order::kOldestFirst, std::nullopt, collect));
    EXPECT_EQ(found, scanned) << text;
    found.clear();
    ASSERT_TRUE(reader.search(*search, Order::kNewestFirst, std::nullopt, collect));
    std::ranges::reverse(found);
    EXPECT_EQ(found, scanned) << text;
  }
}

}  // namespace
}  // namespace rowledger::query
