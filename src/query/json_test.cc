#include "query/json.h"

#include <gtest/gtest.h>

#include "query/json_diff.h"
#include "query/json_scan.h"
#include "query/query_testing.h"

namespace rowledger::query {
namespace {

using record::EntryKind;
using record::Value;
using record::ValueForm;
using testing::EntryBuilder;

// The "changes" array of an update with this one change.
std::string changes_of(EntryBuilder& builder) {
  const std::string json = to_json(builder.entry);
  const size_t begin = json.find("\"changes\":") + 10;
  return json.substr(begin, json.find(",\"actor\"") - begin);
}

std::string change_of(Value before, Value after, ValueForm form) {
  EntryBuilder builder(EntryKind::kUpdate);
  builder.change("f", before, after, form);
  return changes_of(builder);
}

TEST(Json, TheWholeShape) {
  EntryBuilder builder(EntryKind::kUpdate);
  builder.row("public.contacts", "42").tenant("1", 311).tx(8812, 0x16B3748);
  builder.changed("phone", "919812345678", "919898765432");
  builder.changed("fields", R"({"age_group": {"type": "string", "value": "18 or below"}})",
                  R"({"age_group": {"type": "string", "value": "19 or above"}})", ValueForm::kJson);
  builder.who("7", "Priya", record::Trust::kClaimed, record::Via::kApp).db("glific", "glific_web", "10.0.0.7");
  builder.context(R"({"request_id":"F1a2","reason":"caller asked"})");
  builder.entry.header.seq = Seq{1207};
  builder.entry.header.prev = Seq{17};
  builder.entry.body.subject = "public.contacts/42";
  EXPECT_EQ(to_json(builder.entry),
            R"({"seq":1207,"kind":"update","source":"glific","table":"public.contacts","key":{"id":"42"},)"
            R"("tenant":"1","tenant_seq":311,"subject":"public.contacts/42",)"
            R"("changes":[{"field":"phone","old":"919812345678","new":"919898765432"},)"
            R"({"field":"fields","path":"/age_group/value","old":"18 or below","new":"19 or above"}],)"
            R"("actor":{"id":"7","name":"Priya","trust":"claimed"},"via":"app",)"
            R"("db":{"role":"glific","application":"glific_web","client":"10.0.0.7"},)"
            R"("context":{"request_id":"F1a2","reason":"caller asked"},)"
            R"("tx":{"xid":"8812","lsn":"0/16B3748","ordinal":0,"committed_at":"2026-11-23T09:30:01.123456Z"},)"
            R"("received_at":"2026-11-23T09:30:01.125011Z","housekeeping":false,"prev":17})");
}

TEST(Json, AControlEntryHasOnlyWhatIsKnown) {
  EntryBuilder builder(EntryKind::kGap);
  builder.entry.body.detail = R"({"reason":"slot-recreated"})";
  EXPECT_EQ(to_json(builder.entry),
            R"({"seq":0,"kind":"gap","source":"glific",)"
            R"("received_at":"2026-11-23T09:30:01.125011Z","detail":{"reason":"slot-recreated"}})");
}

TEST(Json, AnUnattributedChangeSaysSo) {
  EntryBuilder builder(EntryKind::kUpdate);
  const std::string json = to_json(builder.entry);
  EXPECT_NE(json.find(R"("changes":[],"actor":{"trust":"unknown"},"via":"unknown",)"), std::string::npos) << json;
  EXPECT_EQ(json.find("\"db\""), std::string::npos);
  EXPECT_EQ(json.find("\"context"), std::string::npos);
}

TEST(Json, MovedForgedBulkAndColumnActor) {
  EntryBuilder builder(EntryKind::kUpdate);
  builder.row("public.contacts", "43").moved_from("42").flag(record::kForged).flag(record::kBulk);
  builder.flag(record::kHousekeeping).flag(record::kActorFromColumn);
  const std::string json = to_json(builder.entry);
  EXPECT_NE(json.find(R"("key":{"id":"43"},"old_key":{"id":"42"})"), std::string::npos) << json;
  EXPECT_NE(json.find(R"("housekeeping":true,"forged":true,"bulk":true)"), std::string::npos) << json;
  EXPECT_NE(json.find(R"("trust":"unknown","from_column":true)"), std::string::npos) << json;
}

TEST(Json, AContextThatIsNoObjectIsShownRaw) {
  for (const char* context : {"{\"reason\":", "[1]", "7"}) {
    EntryBuilder builder(EntryKind::kUpdate);
    builder.context(context);
    EXPECT_NE(to_json(builder.entry).find("\"context_raw\":\""), std::string::npos) << context;
  }
  EntryBuilder marked(EntryKind::kUpdate);
  marked.context("{}").flag(record::kContextMalformed);
  EXPECT_NE(to_json(marked.entry).find(R"("context_raw":"{}")"), std::string::npos);
}

TEST(Json, ValuesByForm) {
  struct Case {
    ValueForm form;
    const char* text;
    const char* json;
  };
  for (const Case& c : std::initializer_list<Case>{
           {ValueForm::kBool, "t", "true"},
           {ValueForm::kBool, "f", "false"},
           {ValueForm::kBool, "x", "\"x\""},
           {ValueForm::kNumber, "42", "42"},
           {ValueForm::kNumber, "-0.5", "-0.5"},
           {ValueForm::kNumber, "1.5e+20", "1.5e+20"},
           {ValueForm::kNumber, "1e-07", "1e-07"},
           {ValueForm::kNumber, "NaN", "\"NaN\""},
           {ValueForm::kNumber, "-Infinity", "\"-Infinity\""},
           {ValueForm::kNumber, "007", "\"007\""},
           {ValueForm::kNumber, " 7", "\" 7\""},
           {ValueForm::kNumber, "", "\"\""},
           {ValueForm::kText, "12345678901234567890", "\"12345678901234567890\""},
           {ValueForm::kText, "say \"hi\"\n", R"("say \"hi\"\n")"},
           {ValueForm::kJson, "{\"a\": 1.10, \"b\": 123456789012345678901234567890}",
            "{\"a\": 1.10, \"b\": 123456789012345678901234567890}"},
           {ValueForm::kJson, "[1,\n  2]", "[1,   2]"},
           {ValueForm::kJson, "null", "null"},
           {ValueForm::kJson, "{broken", "\"{broken\""},
       }) {
    EXPECT_EQ(change_of({}, Value::of(c.text), c.form), std::string(R"([{"field":"f","new":)") + c.json + "}]")
        << c.text;
  }
}

TEST(Json, OneSideNullUnknownAbsent) {
  EXPECT_EQ(change_of(Value::null(), Value::of("x"), ValueForm::kText), R"([{"field":"f","old":null,"new":"x"}])");
  EXPECT_EQ(change_of(Value::unknown(), Value::of("x"), ValueForm::kText),
            R"([{"field":"f","unknown":true,"new":"x"}])");
  EXPECT_EQ(change_of(Value::of("x"), {}, ValueForm::kText), R"([{"field":"f","old":"x"}])");
  EXPECT_EQ(change_of(Value::unknown(), {}, ValueForm::kText), R"([{"field":"f","unknown":true}])");
  EXPECT_EQ(change_of(Value::of("x"), Value::unknown(), ValueForm::kText),
            R"([{"field":"f","old":"x","new_unknown":true}])");
  EXPECT_EQ(change_of(Value::null(), Value::of("{}"), ValueForm::kJson), R"([{"field":"f","old":null,"new":{}}])");
}

TEST(Json, InvalidUtf8HasItsBytesBesideIt) {
  EXPECT_EQ(change_of(Value::of("caf\xe9"), Value::of("ok"), ValueForm::kText),
            "[{\"field\":\"f\",\"old\":\"caf\xef\xbf\xbd\",\"old_hex\":\"636166e9\",\"new\":\"ok\"}]");
  EXPECT_EQ(change_of(Value::of("\"\xe9\""), Value::of("1"), ValueForm::kJson),
            "[{\"field\":\"f\",\"old\":\"\\\"\xef\xbf\xbd\\\"\",\"old_hex\":\"22e922\",\"new\":1}]");
}

TEST(Json, JsonByPath) {
  struct Case {
    const char *before, *after, *changes;
  };
  for (const Case& c : std::initializer_list<Case>{
           {R"({"a": 1, "b": 2})", R"({"a": 1, "b": 3})", R"([{"field":"f","path":"/b","old":2,"new":3}])"},
           {R"({"a": 1.10})", R"({"a": 1.1})", R"([{"field":"f","path":"/a","old":1.10,"new":1.1}])"},
           {R"({"a": 123456789012345678901})", R"({"a": 123456789012345678902})",
            R"([{"field":"f","path":"/a","old":123456789012345678901,"new":123456789012345678902}])"},
           {R"({"a": {"x": 1}})", R"({"b": null})",
            R"([{"field":"f","path":"/a","old":{"x": 1}},{"field":"f","path":"/b","new":null}])"},
           {R"({"a/b": {"c~d": [1, 2]}})", R"({"a/b": {"c~d": [1, 3, 4]}})",
            R"([{"field":"f","path":"/a~1b/c~0d/1","old":2,"new":3},{"field":"f","path":"/a~1b/c~0d/2","new":4}])"},
           {R"([1, 2, 3])", R"([1])", R"([{"field":"f","path":"/1","old":2},{"field":"f","path":"/2","old":3}])"},
           {R"({"a": [1]})", R"({"a": {"0": 1}})", R"([{"field":"f","path":"/a","old":[1],"new":{"0": 1}}])"},
           {R"({"": 1})", R"({"": 2})", R"([{"field":"f","path":"/","old":1,"new":2}])"},
           {R"({"\u00e9\"": 1})", "{\"\xc3\xa9\\\"\": 2}",
            "[{\"field\":\"f\",\"path\":\"/\xc3\xa9\\\"\",\"old\":1,\"new\":2}]"},
           // Shown whole: other kinds, order or space alone, a name given twice.
           {R"({"a": 1})", R"([1])", R"([{"field":"f","old":{"a": 1},"new":[1]}])"},
           {"7", R"({"a": 1})", R"([{"field":"f","old":7,"new":{"a": 1}}])"},
           {R"({"a":1})", R"({"a": 1})", R"([{"field":"f","old":{"a":1},"new":{"a": 1}}])"},
           {R"({"a":1,"b":2})", R"({"b":2,"a":1})", R"([{"field":"f","old":{"a":1,"b":2},"new":{"b":2,"a":1}}])"},
           {R"({"a":1,"a":2})", R"({"a":1,"a":3})", R"([{"field":"f","old":{"a":1,"a":2},"new":{"a":1,"a":3}}])"},
           {R"({"x":{"a":1,"a":2}})", R"({"x":{"a":3}})",
            R"([{"field":"f","path":"/x","old":{"a":1,"a":2},"new":{"a":3}}])"},
       }) {
    EXPECT_EQ(change_of(Value::of(c.before), Value::of(c.after), ValueForm::kJson), c.changes) << c.before;
  }
}

TEST(Json, DeepAndWideDifferencesAreBounded) {
  const auto nested = [](int depth, const char* leaf) {
    std::string out;
    for (int i = 0; i < depth; ++i) out += "{\"a\":";
    return out + leaf + std::string(static_cast<size_t>(depth), '}');
  };
  const std::string one = nested(100, "1"), two = nested(100, "2");  // the differences point into them
  const auto differences = json_differences(one, two);
  ASSERT_TRUE(differences);
  ASSERT_EQ(differences->size(), 1u);
  EXPECT_EQ(differences->front().path.size(), 2u * kMaxDiffDepth);
  EXPECT_EQ(differences->front().before, nested(100 - kMaxDiffDepth, "1"));

  const auto wide = [](size_t count, char leaf) {
    std::string out = "[";
    for (size_t i = 0; i < count; ++i) out.append(i > 0 ? "," : "").push_back(leaf);
    return out + "]";
  };
  EXPECT_EQ(json_differences(wide(1'000, '1'), wide(1'000, '2'))->size(), 1'000u);
  EXPECT_FALSE(json_differences(wide(1'001, '1'), wide(1'001, '2')));
}

TEST(Json, ABigDepthIsNoRecursion) {
  const std::string deep = std::string(2'000'000, '[') + std::string(2'000'000, ']');
  EXPECT_TRUE(is_json(deep));
  EXPECT_FALSE(is_json(deep.substr(1)));
  EXPECT_EQ(change_of({}, Value::of(deep), ValueForm::kJson).size(), deep.size() + 22);
}

TEST(Json, WhatIsJson) {
  for (const char* yes : {"0", "-0", "10", "1.5", "1E5", "1e+5", "\"\"", "\"\\u00e9\"", " [ ] ", "{}", "true",
                          R"({"a":[1,{"b":null}],"c":"\\"})"})
    EXPECT_TRUE(is_json(yes)) << yes;
  for (const char* no : {"",     " ",    "01",      "1.",       ".5",       "+1",          "1e",
                         "--1",  "nul",  "tru",     "\"",       "\"\\x\"",  "\"\\u00g0\"", "\"\\u-001\"",
                         "[1,]", "[,1]", "{\"a\"}", "{\"a\":}", "{a:1}",    "{\"a\":1,}",  "[1 2]",
                         "[1]]", "[}",   "{]",      "1 2",      "\"a\nb\"", "[1",          "{\"a\":1"})
    EXPECT_FALSE(is_json(no)) << no;
}

TEST(Json, LooksInsideJson) {
  const std::string_view json = R"({"a.b": {"c": [10, {"d": "x\u0041\ud83d\ude00"}]}, "a": {"q": 1}, "n": null})";
  const auto text = [&](const std::vector<std::string>& path) {
    const auto value = json_at(json, path);
    return value ? std::optional<std::string>(*value) : std::nullopt;
  };
  EXPECT_EQ(text({"a", "b", "c", "0"}), "10");
  EXPECT_EQ(text({"a", "q"}), "1");
  EXPECT_EQ(text({"a", "b", "c", "2"}), std::nullopt);
  EXPECT_EQ(text({"a", "b", "c", "x"}), std::nullopt);
  EXPECT_EQ(text({"n", "x"}), std::nullopt);
  EXPECT_EQ(json_scalar_text(*json_at(json, {"a", "b", "c", "1", "d"})), "xA\xf0\x9f\x98\x80");
  EXPECT_EQ(json_scalar_text(*json_at(json, {"n"})), std::nullopt);
  EXPECT_EQ(json_scalar_text("\"\\ud800x\""), "\xef\xbf\xbdx");
}

TEST(Json, ARowByColumn) {
  RowImage row;
  row.fields = {{"id", ValueForm::kText, record::Presence::kValue, "42"},
                {"active", ValueForm::kBool, record::Presence::kValue, "t"},
                {"name", ValueForm::kText, record::Presence::kNull, ""},
                {"notes", ValueForm::kText, record::Presence::kUnknown, ""},
                {"gone", ValueForm::kText, record::Presence::kAbsent, ""},
                {"fields", ValueForm::kJson, record::Presence::kValue, "{\"a\": 1.10}"}};
  EXPECT_EQ(to_json(row), R"({"id":"42","active":true,"name":null,"notes":{"unknown":true},"fields":{"a": 1.10}})");
  Images images;
  images.before = row;
  images.after.emplace();
  EntryBuilder builder(EntryKind::kUpdate);
  EXPECT_NE(to_json(builder.entry, &images).find(R"(,"before":{"id":"42",)"), std::string::npos);
  EXPECT_NE(to_json(builder.entry, &images).find(R"(,"after":{}})"), std::string::npos);
}

}  // namespace
}  // namespace rowledger::query
