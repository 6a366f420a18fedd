// Holds and what they keep, over a log that is sealed, while years pass.
#include "api/persons_rights.h"

#include <gtest/gtest.h>

#include "base/day.h"
#include "capture/capture_testing.h"
#include "capture/entry_writer.h"
#include "capture/erasures.h"
#include "capture/state_view.h"
#include "store/rocksdb_store.h"
#include "store/store_testing.h"

namespace rowledger::api {
namespace {

constexpr uint32_t kFirstDay = 20'000;
constexpr char kContacts[] = "public.contacts", kProfiles[] = "public.profiles";
const store::RetentionRules kRules{.erase_after_days = 100};

// What orders, holds and retention need of capture; rows come from the test.
class Appender final : public capture::IdleCapture {
 public:
  Appender(const capture::Settings& settings, store::Store& store)
      : writer_(settings, store), state_(store, writer_, 1 << 20), erasures_(store, writer_, state_) {}

  Result<Seq> append_with(const record::Entry& entry, const std::function<Meta(Seq)>& also) override {
    const auto lock = writer_.lock();
    record::Entry copy = entry;
    const Seq seq = writer_.add(copy);
    for (const auto& [name, value] : also(seq)) writer_.batch().set_meta(name, value);
    RL_TRY(writer_.flush_and_wait());
    return seq;
  }
  Result<Seq> erase(const record::Entry& entry) override { return erasures_.carry_out(entry); }
  Result<uint64_t> expire(const store::RetentionRules& rules, uint32_t today, const Held& held) override {
    const std::atomic<bool> stop = false;
    return erasures_.expire(rules, today, held, stop);
  }

  capture::EntryWriter writer_;
  capture::StateView state_;
  capture::Erasures erasures_;
};

class PersonsRightsTest : public ::testing::Test {
 protected:
  PersonsRightsTest() {
    settings_.source_name = "test";
    settings_.ref_key = "a key";
    settings_.tables = {{.table = kContacts, .tenant_column = "organization_id", .subject = "self"},
                        {.table = kProfiles, .subject = kContacts, .subject_column = "contact_id"}};
    open();
    for (const auto& [id, table] : {std::pair{0u, kContacts}, std::pair{1u, kProfiles}}) {
      record::TableSchema schema;
      schema.id = {id};
      schema.table_id = {id};
      schema.table = table;
      schema.columns = {{"id", 20, -1, record::ValueForm::kText, true}, {"name"}};
      const auto lock = capture_->writer_.lock();
      capture_->writer_.batch().set_schema(schema);
      capture_->writer_.add_control(record::EntryKind::kSchema, table, "{}");
      EXPECT_TRUE(capture_->writer_.flush_and_wait());
    }
  }

  void open() {
    rights_.reset();
    capture_.reset();
    store_.reset();
    keys_.reset();
    keys_ = store::testing::open_keys(directory_.path());
    store_ = store::open_rocksdb_store({.directory = directory_.path() / "store",
                                        .salt_key = "salt",
                                        .keys = keys_.get(),
                                        .now = [this] { return Timestamp{int64_t{day_} * kMicrosecondsPerDay}; }})
                 .value();
    capture_.emplace(settings_, *store_);
    rights_.emplace(*store_, *capture_, nullptr, settings_.tables, kRules);
  }

  struct Change {
    const char* table = kContacts;
    std::string key, old_key, tenant, subject;
  };
  // An update of a row that has been known since the log began.
  Seq change(const Change& what) {
    const TableId table{what.table == kContacts ? 0u : 1u};
    const auto place = [](const std::string& key) { return key + '\0'; };
    const std::string& from = what.old_key.empty() ? what.key : what.old_key;
    record::Entry entry;
    entry.header.kind = record::EntryKind::kUpdate;
    entry.header.table = what.table;
    entry.header.tenant = what.tenant;
    if (const auto before = store_->row(table, place(from)).value()) entry.header.prev = before->newest;
    const auto there = store_->row(table, place(what.key)).value();
    if (there && !what.old_key.empty()) entry.header.prev_at_key = there->newest;
    entry.body.subject = what.subject;
    entry.body.key = {{"id", what.key}};
    if (!what.old_key.empty()) entry.body.old_key = {{"id", what.old_key}};
    entry.body.changes = {{"name", record::ValueForm::kText, {}, record::Value::of("a name")}};
    const auto lock = capture_->writer_.lock();
    const Seq seq = capture_->writer_.add(entry, place(what.key));
    std::string image;
    for (const char* value : {what.key.c_str(), "a name"}) record::append_value(image, record::Value::of(value));
    capture_->state_.put(table, place(what.key), {seq, false, {table.value}, image});
    if (!what.old_key.empty()) capture_->state_.put(table, place(what.old_key), {seq, true, {table.value}, {}});
    EXPECT_TRUE(capture_->writer_.flush_and_wait());
    return seq;
  }

  void expire(uint32_t days_later) {
    day_ += days_later;
    const auto done = capture_->expire(kRules, day_, rights_->held());
    EXPECT_TRUE(done) << done.error().message;
  }
  bool is_erased(Seq seq) const { return (*store_->read(seq))->values() == record::Values::kErased; }

  const store::testing::TempDirectory directory_;
  uint32_t day_ = kFirstDay;
  capture::Settings settings_;
  std::unique_ptr<privacy::KeyRing> keys_;
  std::unique_ptr<store::Store> store_;
  std::optional<Appender> capture_;
  std::optional<PersonsRights> rights_;
  const people::Principal officer_{.id = "user:officer"};
};

TEST_F(PersonsRightsTest, AHoldFollowsThePerson) {
  std::vector<Seq> his = {change({.key = "42", .tenant = "1", .subject = "public.contacts/42"})};
  const Seq others = change({.key = "44", .tenant = "1", .subject = "public.contacts/44"});
  ASSERT_TRUE(rights_->hold(officer_, "contacts", "42", "case 7"));
  his.push_back(change({.table = kProfiles, .key = "5", .subject = "public.contacts/42"}));
  his.push_back(change({.key = "42", .tenant = "2", .subject = "public.contacts/42"}));
  his.push_back(change({.key = "43", .old_key = "42", .tenant = "2", .subject = "public.contacts/43"}));
  his.push_back(change({.table = kProfiles, .key = "6", .subject = "public.contacts/43"}));
  // To where he is followed, although another has come to the key that he left.
  his.push_back(change({.key = "45", .old_key = "43", .tenant = "2", .subject = "public.contacts/45"}));
  change({.key = "43", .old_key = "7", .tenant = "2", .subject = "public.contacts/43"});

  expire(400);
  for (const Seq seq : his) EXPECT_FALSE(is_erased(seq)) << seq.value;
  EXPECT_TRUE(is_erased(others));
  EXPECT_EQ(rights_->erase(officer_, "contacts", "45", "asked", "Art. 17").error().code, ErrorCode::kConflict);

  const auto holds = rights_->holds(officer_);
  ASSERT_EQ(holds->size(), 1U);
  ASSERT_TRUE(rights_->lift(officer_, holds->front().id, "closed"));
  expire(1);
  for (const Seq seq : his) EXPECT_TRUE(is_erased(seq)) << seq.value;
}

// A hold whose entry cannot be read: it is sealed for organisation 1, whose key is lost. The person is in organisation
// 2 by now, whose keys are there.
class LostHoldTest : public PersonsRightsTest {
 protected:
  LostHoldTest() {
    change({.key = "42", .tenant = "1", .subject = "public.contacts/42"});
    his_ = change({.key = "42", .tenant = "2", .subject = "public.contacts/42"});
    others_ = change({.key = "44", .tenant = "2", .subject = "public.contacts/44"});
    const auto held = rights_->hold(officer_, "contacts", "42", "case 7");
    EXPECT_TRUE(held && held->tenant == "1");
    id_ = held->id;
    EXPECT_TRUE(keys_->destroy(*keys_->find_tenant("1")));
    open();
  }
  // Nothing when it is done.
  std::optional<ErrorCode> erase(const std::string& key) {
    const auto erased = rights_->erase(officer_, "contacts", key, "asked", "Art. 17");
    if (erased) return std::nullopt;
    return erased.error().code;
  }

  Seq his_, others_, id_;
};

TEST_F(LostHoldTest, KeepsItsPersonAndNobodyElse) {
  const auto holds = rights_->holds(officer_);
  ASSERT_TRUE(holds && holds->size() == 1);
  EXPECT_EQ(holds->front().id, id_);
  EXPECT_FALSE(holds->front().is_readable());
  EXPECT_EQ(erase("42"), ErrorCode::kConflict);
  EXPECT_EQ(erase("44"), std::nullopt);
  EXPECT_TRUE(is_erased(others_));
  const Seq later = change({.key = "45", .tenant = "2", .subject = "public.contacts/45"});
  expire(400);
  EXPECT_TRUE(is_erased(later));
  EXPECT_FALSE(is_erased(his_));

  ASSERT_TRUE(rights_->lift(officer_, id_, "its key is lost"));
  EXPECT_TRUE(rights_->holds(officer_)->empty());
  EXPECT_EQ(erase("42"), std::nullopt);
  EXPECT_TRUE(is_erased(his_));
}

// As logs from before have it.
TEST_F(LostHoldTest, WithoutNamesItKeepsEverybodyUntilItIsLifted) {
  const std::string without_names = std::to_string(id_.value) + "\n";
  record::Entry entry;
  entry.header.kind = record::EntryKind::kControl;
  const auto noted = capture_->append_with(entry, [&](Seq) -> capture::Capture::Meta {
    return {{"privacy.holds", without_names}};
  });
  ASSERT_TRUE(noted);
  EXPECT_EQ(erase("44"), ErrorCode::kConflict);
  const auto expired = capture_->expire(kRules, day_ + 400, rights_->held());
  ASSERT_FALSE(expired);
  EXPECT_NE(expired.error().message.find("rowledger hold --lift " + std::to_string(id_.value)), std::string::npos);
  ASSERT_TRUE(rights_->lift(officer_, id_, "its key is lost"));
  EXPECT_EQ(erase("44"), std::nullopt);
}

}  // namespace
}  // namespace rowledger::api
