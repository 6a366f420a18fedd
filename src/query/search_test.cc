#include "query/search.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "query/query_testing.h"
#include "query/search_ast.h"
#include "store/terms.h"

namespace rowledger::query {
namespace {

using record::EntryKind;
using record::Trust;
using record::Value;
using record::ValueForm;
using record::Via;
using testing::at;
using testing::EntryBuilder;

const Timestamp kMoment = at("2026-11-23T12:00:00Z");

// A tree in the form that the tests below are written in.
std::string shown(const SearchNode& node);

std::string shown(const SearchTerm& term) {
  std::string out = term.key == SearchKey::kText ? "" : std::string(to_string(term.key));
  for (const std::string& part : term.path) out += "/" + part;
  if (!out.empty()) out += ":";
  for (const SearchValue& value : term.values) {
    if (&value != &term.values.front()) out += "|";
    switch (value.op) {
      case SearchValue::Op::kEqual: out += value.text; break;
      case SearchValue::Op::kPrefix: out += value.text + "*"; break;
      case SearchValue::Op::kAny: out += "*"; break;
      case SearchValue::Op::kLess: out += "<" + value.text; break;
      case SearchValue::Op::kLessEqual: out += "<=" + value.text; break;
      case SearchValue::Op::kGreater: out += ">" + value.text; break;
      case SearchValue::Op::kGreaterEqual: out += ">=" + value.text; break;
      case SearchValue::Op::kRange: out += value.text + ".." + value.upper; break;
    }
  }
  return out;
}

std::string shown(const SearchNode& node) {
  switch (node.type) {
    case SearchNode::Type::kAll: return "all";
    case SearchNode::Type::kTerm: return shown(node.term);
    case SearchNode::Type::kNot: return "!" + shown(node.children.front());
    default: break;
  }
  std::string out = "(";
  for (const SearchNode& child : node.children) {
    if (&child != &node.children.front()) out += node.type == SearchNode::Type::kAnd ? " & " : " | ";
    out += shown(child);
  }
  return out + ")";
}

struct Grammar {
  const char *text, *tree;
};

TEST(SearchGrammar, Trees) {
  for (const Grammar& c : std::initializer_list<Grammar>{
           {"", "all"},
           {"  \t\n", "all"},
           {"asha", "asha"},
           {"asha phone", "(asha & phone)"},
           {"asha asha", "(asha & asha)"},
           {"\"asha kumar\"", "asha kumar"},
           {R"("say \"hi\" \\ \n")", R"(say "hi" \ \n)"},
           {"+91-98123-45678", "+91-98123-45678"},
           {"a,b", "a,b"},
           {"10:30", "10:30"},
           {"9198*", "9198*"},
           {"*", "*"},
           {"field:phone", "field:phone"},
           {"FIELD:phone", "field:phone"},
           {"tenant:1", "org:1"},
           {"field:name,phone", "field:name|phone"},
           {"field:\"a,b\",c", "field:a,b|c"},
           {"actor:\"Priya Sharma\" via:sql", "(actor:Priya Sharma & via:sql)"},
           {"op:Create", "op:create"},
           // NOT over AND over OR.
           {"a b OR c d", "((a & b) | (c & d))"},
           {"a AND b OR c", "((a & b) | c)"},
           {"a OR b AND c", "(a | (b & c))"},
           {"(a OR b) c", "((a | b) & c)"},
           {"a (b OR c) OR d", "((a & (b | c)) | d)"},
           {"NOT a b", "(!a & b)"},
           {"NOT a OR b", "(!a | b)"},
           {"-a b", "(!a & b)"},
           {"-(a OR b) c", "(!(a | b) & c)"},
           {"NOT (a b)", "!(a & b)"},
           {"NOT NOT a", "a"},
           {"NOT -a", "a"},
           {"--a", "a"},
           {"-via:flow", "!via:flow"},
           {"-op:create,remove", "!op:create|remove"},
           {"((a))", "a"},
           {"or and not", "(or & and & not)"},
           {"ORDER ANDY NOTE", "(ORDER & ANDY & NOTE)"},
           {"\"OR\"", "OR"},
           // One key twice means either; different keys mean both.
           {"actor:a actor:b", "(actor:a | actor:b)"},
           {"actor:a via:sql actor:b", "((actor:a | actor:b) & via:sql)"},
           {"actor:a AND actor:b", "(actor:a & actor:b)"},
           {"new.phone:1 new.phone:2 new.name:3", "((new/phone:1 | new/phone:2) & new/name:3)"},
           {"-actor:a -actor:b", "(!actor:a & !actor:b)"},
           {"op:create -op:create", "(op:create & !op:create)"},
           {"created:>=2026-01-01 created:<2026-02-01", "(created:>=2026-01-01 & created:<2026-02-01)"},
           {"key:1 key:2 key:>5", "((key:1 | key:2) & key:>5)"},
           // Paths.
           {"old:x new:y value:z", "(old:x & new:y & value:z)"},
           {"new.fields.age_group.value:\"19 or above\"", "new/fields/age_group/value:19 or above"},
           // Comparisons, ranges, stars.
           {"key:>100", "key:>100"},
           {"key:>=1,<=-5", "key:>=1|<=-5"},
           {"key:5..10", "key:5..10"},
           {"key:5..*", "key:5.."},
           {"key:*..10", "key:..10"},
           {"key:\"5\"..\"10\"", "key:5..10"},
           {"new.score:1.5..2.5", "new/score:1.5..2.5"},
           {"new.phone:9198*", "new/phone:9198*"},
           {"new.name:\"a*\"", "new/name:a*"},
           {"actor:*", "actor:*"},
           {"changes:>3", "changes:>3"},
           {"tx:8812", "tx:8812"},
           {"tx:0/16B3748..0/16B3800", "tx:0/16B3748..0/16B3800"},
           {"created:2026-08-01T10:00+05:30", "created:2026-08-01T10:00+05:30"},
           {"created:now-2d..now-1d", "created:now-2d..now-1d"},
           {"created:>now-15m", "created:>now-15m"},
           {"is:undone", "is:undone"},
           {"alert:mass-update", "alert:mass-update"},
       }) {
    const auto parsed = parse_search(c.text, kMoment, true);
    ASSERT_TRUE(parsed) << c.text << ": " << parsed.error().message;
    EXPECT_EQ(shown(*parsed), c.tree) << c.text;
  }
}

TEST(SearchGrammar, HousekeepingIsLeftOutUnlessNamed) {
  for (const Grammar& c :
       std::initializer_list<Grammar>{{"", "!is:housekeeping"},
                                      {"a", "(a & !is:housekeeping)"},
                                      {"a b", "(a & b & !is:housekeeping)"},
                                      {"a OR b", "((a | b) & !is:housekeeping)"},
                                      {"is:housekeeping", "is:housekeeping"},
                                      {"-is:housekeeping a", "(!is:housekeeping & a)"},
                                      {"a OR (b is:bulk,housekeeping)", "(a | (b & is:bulk|housekeeping))"},
                                      {"\"is:housekeeping\"", "(is:housekeeping & !is:housekeeping)"}})
    EXPECT_EQ(shown(*parse_search(c.text, kMoment, false)), c.tree) << c.text;
}

struct Mistake {
  const char* text;
  size_t position, length;
  const char *says, *suggests;
};

TEST(SearchGrammar, MistakesTellTheirPlaceAndWhatWasMeant) {
  for (const Mistake& c : std::initializer_list<Mistake>{
           {"field:phone tennant:1", 12, 7, "unknown key", "tenant"},
           {"filed:phone", 0, 5, "unknown key", "field"},
           {"actr:priya", 0, 4, "unknown key", "actor"},
           {"create:2026", 0, 6, "unknown key", "created"},
           {"zzzzzz:1", 0, 6, "unknown key", ""},
           {"http://example.org", 0, 4, "a text with a colon needs quotes", ""},
           {"op:craete", 3, 6, "is no operation", "create"},
           {"op:create,delte", 10, 5, "is no operation", "delete"},
           {"op:drop", 3, 4, "known are create, modify", ""},
           {"kind:basline", 5, 7, "is no kind", "baseline"},
           {"via:api", 4, 3, "is no way in", "app"},
           {"trust:verifed", 6, 7, "is no level of trust", "verified"},
           {"is:housekeping", 3, 11, "is no property", "housekeeping"},
           {"is:*", 3, 1, "needs a name", ""},
           {"is:bul*", 3, 4, "is no property", "bulk"},
           {"created:yesterday", 8, 9, "this is no date", ""},
           {"created:2026-13-01", 8, 10, "this is no date", ""},
           {"created:now-2y", 8, 6, "this is no date", ""},
           {"created:now-", 8, 4, "this is no date", ""},
           {"created:2026-08-01..soon", 8, 16, "this is no date", ""},
           {"changes:many", 8, 4, "takes a count", ""},
           {"changes:>-1", 8, 3, "takes a count", ""},
           {"tx:abc", 3, 3, "takes a transaction's number", ""},
           {"tx:>8812", 3, 5, "compared by LSN", ""},
           {"key:>abc", 4, 4, "compared as whole numbers", ""},
           {"new.name:>asha", 9, 5, "compared as numbers or as dates", ""},
           {"field:a..b", 6, 4, "cannot be compared", ""},
           {"actor:>7", 6, 2, "cannot be compared", ""},
           {"field.x:1", 0, 7, "only old, new and value take a field", ""},
           {"new.:1", 4, 1, "name is missing beside the dot", ""},
           {"new.a..b:1", 6, 1, "name is missing beside the dot", ""},
           {"a:1", 0, 1, "unknown key", ""},
           {"field:", 6, 0, "a value is missing", ""},
           {"field: phone", 6, 1, "a value is missing", ""},
           {"field:a,", 8, 0, "a value is missing", ""},
           {"field:,a", 6, 1, "a value is missing", ""},
           {"key:>", 5, 0, "a value is missing", ""},
           {"key:1..", 7, 0, "a value is missing", ""},
           {"key:..5", 4, 1, "a value is missing", ""},
           {"key:1..2..3", 7, 1, "two ends only", ""},
           {"key:*..*", 4, 4, "a value at one end", ""},
           {"key:>1..2", 6, 2, "a range takes no < or >", ""},
           {"key:>*", 5, 1, "takes no star", ""},
           {"new.phone:91*98", 12, 1, "a star stands only at the end", ""},
           {"91*98", 2, 1, "a star stands only at the end", ""},
           {"field:(a b)", 6, 1, "written with commas", ""},
           {"field:a(b)", 7, 1, "written with commas", ""},
           {"\"open", 0, 1, "this quote is never closed", ""},
           {"actor:\"open", 6, 1, "this quote is never closed", ""},
           {"\"\"", 0, 2, "nothing between the quotes", ""},
           {"\"a\"b", 3, 1, "a space is missing", ""},
           {"\"a\",\"b\"", 3, 1, "a space is missing", ""},
           {"(a", 0, 1, "this \"(\" is never closed", ""},
           {"a)", 1, 1, "closes nothing", ""},
           {"()", 1, 1, "missing before \")\"", ""},
           {"a OR", 4, 0, "missing at the end", ""},
           {"OR a", 0, 2, "missing before OR", ""},
           {"a AND AND b", 6, 3, "missing before AND", ""},
           {"a OR AND b", 5, 3, "missing before AND", ""},
           {"NOT", 0, 3, "must follow directly", ""},
           {"a -", 2, 1, "must follow directly", ""},
           {"- a", 0, 1, "must follow directly", ""},
       }) {
    const auto parsed = parse_search(c.text, kMoment, true);
    ASSERT_FALSE(parsed) << c.text;
    EXPECT_EQ(parsed.error().position, c.position) << c.text;
    EXPECT_EQ(parsed.error().length, c.length) << c.text;
    EXPECT_NE(parsed.error().message.find(c.says), std::string::npos) << c.text << ": " << parsed.error().message;
    EXPECT_EQ(parsed.error().suggestion, c.suggests) << c.text;
  }
}

TEST(SearchGrammar, AMistakeIsShownUnderTheText) {
  const std::string text = "नाम field:phone tennant:1";
  const auto parsed = parse_search(text, kMoment, true);
  ASSERT_FALSE(parsed);
  EXPECT_EQ(to_string(parsed.error(), text),
            "position 22: unknown key \"tennant\"; a text with a colon needs quotes - did you mean \"tenant\"?\n"
            "  नाम field:phone tennant:1\n"
            "                  ^^^^^^^");
}

TEST(SearchGrammar, Limits) {
  EXPECT_FALSE(parse_search(std::string(20'000, 'a'), kMoment, true));
  EXPECT_TRUE(parse_search(std::string(60, '(') + "a" + std::string(60, ')'), kMoment, true));
  EXPECT_FALSE(parse_search(std::string(70, '(') + "a" + std::string(70, ')'), kMoment, true));
  std::string many = "key:1";
  for (int i = 0; i < 1'100; ++i) many += ",1";
  EXPECT_FALSE(parse_search(many, kMoment, true));
}

TEST(SearchGrammar, NestedTooDeeplyPointsToTheParenthesis) {
  const std::string text(65, '(');
  const auto search = Search::parse(text, kMoment);
  ASSERT_FALSE(search);
  EXPECT_EQ(search.error().position, 64u);
  EXPECT_EQ(search.error().length, 1u);
}

TEST(SearchTree, AsJson) {
  const auto search = Search::parse("new.phone:9198* created:2026-08-01 -is:bulk", kMoment);
  ASSERT_TRUE(search);
  EXPECT_EQ(
      search->to_json(),
      R"({"and":[{"key":"new","path":["phone"],"values":[{"op":"prefix","text":"9198"}],"position":0,"length":15},)"
      R"({"key":"created","values":[{"op":"=","text":"2026-08-01","from":"2026-08-01T00:00:00.000000Z",)"
      R"("to":"2026-08-01T23:59:59.999999Z"}],"position":16,"length":18},)"
      R"({"not":{"key":"is","values":[{"op":"=","text":"bulk"}],"position":36,"length":7}},)"
      R"({"not":{"key":"is","values":[{"op":"=","text":"housekeeping"}],"implied":true}}]})");
}

struct Bounds {
  const char *text, *from, *to;
};

TEST(SearchTime, DatesAreAsLongAsTheirLastPart) {
  for (const Bounds& c : std::initializer_list<Bounds>{
           {"created:2026-08-01", "2026-08-01T00:00:00.000000Z", "2026-08-01T23:59:59.999999Z"},
           {"created:2026-12", "2026-12-01T00:00:00.000000Z", "2026-12-31T23:59:59.999999Z"},
           {"created:2026-08-01T10:00", "2026-08-01T10:00:00.000000Z", "2026-08-01T10:00:59.999999Z"},
           {"created:\"2026-08-01 10:00:05\"", "2026-08-01T10:00:05.000000Z", "2026-08-01T10:00:05.999999Z"},
           {"created:2026-08-01T10:00:05.25", "2026-08-01T10:00:05.250000Z", "2026-08-01T10:00:05.250000Z"},
           {"created:2026-08-01T10:00+05:30", "2026-08-01T04:30:00.000000Z", "2026-08-01T04:30:59.999999Z"},
           {"created:>2026-08-01", "2026-08-02T00:00:00.000000Z", ""},
           {"created:>=2026-08-01", "2026-08-01T00:00:00.000000Z", ""},
           {"created:<2026-08-01", "", "2026-07-31T23:59:59.999999Z"},
           {"created:<=2026-08-01", "", "2026-08-01T23:59:59.999999Z"},
           {"created:2026-08-01..2026-08-03", "2026-08-01T00:00:00.000000Z", "2026-08-03T23:59:59.999999Z"},
           {"created:*..2026-08", "", "2026-08-31T23:59:59.999999Z"},
           {"created:now-2d", "2026-11-21T12:00:00.000000Z", "2026-11-23T12:00:00.000000Z"},
           {"created:>=now-3h", "2026-11-23T09:00:00.000000Z", ""},
           {"created:now-1w..now-15m", "2026-11-16T12:00:00.000000Z", "2026-11-23T11:45:00.000000Z"},
           {"created:<now-30s", "", "2026-11-23T11:59:29.999999Z"},
           {"created:>=2026-08-01 created:<2026-08-02", "2026-08-01T00:00:00.000000Z", "2026-08-01T23:59:59.999999Z"},
           {"created:2026-08-01,2026-08-05", "2026-08-01T00:00:00.000000Z", "2026-08-05T23:59:59.999999Z"},
           {"created:2026-08-01 OR created:2026-08-05", "2026-08-01T00:00:00.000000Z", "2026-08-05T23:59:59.999999Z"},
           {"created:2026-08-01 OR field:phone", "", ""},
           {"-created:2026-08-01", "", ""},
           {"created:*", "", ""},
           {"field:phone", "", ""},
       }) {
    const auto search = Search::parse(c.text, kMoment);
    ASSERT_TRUE(search) << c.text << ": " << search.error().message;
    EXPECT_EQ(search->from() ? search->from()->to_string() : "", c.from) << c.text;
    EXPECT_EQ(search->to() ? search->to()->to_string() : "", c.to) << c.text;
  }
}

// ---- what matches -----------------------------------------------------------------------------

EntryBuilder update() {
  EntryBuilder builder(EntryKind::kUpdate);
  builder.row("public.contacts", "42").tenant("1").tx(8812, 0x16B3748);
  builder.changed("phone", "919812345678", "+91 98987 65432").changed("name", "Asha Kumar", "Asha Sharma");
  builder.changed("score", "30", "7.5", ValueForm::kNumber);
  builder.change("optin_time", Value::null(), Value::of("2026-08-01 10:00:00"));
  builder.changed("fields", R"({"age_group": {"value": "18 or below"}, "city": "Pune", "tags": ["a", "bb"]})",
                  R"({"age_group": {"value": "19 or above"}, "city": "Pune", "tags": ["a", "cc"]})", ValueForm::kJson);
  builder.who("7", "Priya R. Sharma", Trust::kClaimed, Via::kApp).db("glific", "glific_web", "10.0.0.7");
  builder.context(R"({"request_id":"F1a2","reason":"caller asked for it"})");
  return builder;
}

bool finds(std::string_view text, const record::Entry& entry) {
  const auto search = Search::parse(text, kMoment);
  EXPECT_TRUE(search) << text << ": " << (search ? "" : search.error().message);
  return search && search->matches(entry);
}

TEST(SearchMatch, AnUpdate) {
  EntryBuilder builder = update();
  // clang-format off
  for (const char* yes : {
           "", "*", "table:contacts", "table:public.contacts", "table:public.c*", "table:con*", "table:*", "key:42", "key:>41",
           "key:>=42", "key:<100", "key:40..45", "key:4*", "field:phone", "field:fields", "field:fields.age_group",
           "field:fields.age_group.value", "field:fields.tags.1", "field:ph*", "op:modify", "op:update", "op:*", "kind:update",
           "actor:7", "actor:priya", "actor:PRIYA", "actor:sharma", "actor:\"Priya R. Sharma\"", "actor:\"priya sharma\"",
           "actor:pri*", "actor:*", "via:app", "trust:claimed", "role:glific", "org:1", "tenant:1", "old:919812345678",
           "old:kumar", "new:sharma", "new:\"asha sharma\"", "value:kumar", "new.phone:919898765432", "new.phone:\"+91 98987 65432\"",
           "new.phone:9198987*", "new.name:asha", "new.name:sha*", "old.score:30", "new.score:<10", "old.score:>7.5", "new.score:7..8",
           "new.optin_time:>2026-07-31", "new.optin_time:2026-08-01..2026-08-02", "new.optin_time:*",
           "new.fields.age_group.value:\"19 or above\"", "old.fields.age_group.value:\"18 or below\"", "new.fields.age_group.value:above",
           "new.fields.tags.1:cc", "new.fields:above", "new:\"19 or above\"", "created:2026-11-23", "created:>2026-11-22",
           "tx:8812", "tx:0/16B3748", "tx:>=0/16B3748", "tx:*", "request:F1a2", "request:F1*", "request:*", "reason:caller",
           "reason:\"asked it\"", "reason:\"caller asked for it\"", "reason:*", "changes:5", "changes:>3", "is:bulk,housekeeping OR op:modify",
           "919812345678", "+91-98123-45678", "kumar", "42", "priya", "F1a2", "asked", "9198*", "-via:sql", "-field:status"})
    // clang-format on
    EXPECT_TRUE(finds(yes, builder.entry)) << yes;
  // clang-format off
  for (const char* no : {
           "-*", "table:profiles", "table:contact", "key:4", "key:>42", "field:status", "field:fields.city", "field:fields.tags.0",
           "field:phon", "op:create", "kind:insert", "actor:8", "actor:riya", "actor:\"priya kumar\"", "via:sql", "trust:verified", "role:postgres",
           "org:2", "old:sharma", "new:kumar", "new.name:919898765432", "new.score:>7.5", "new.score:8..9", "old.optin_time:*",
           "old.optin_time:>2026-01-01", "new.fields.city:pune", "new.fields.tags.0:a", "new.fields.age_group.value:\"18 or below\"",
           "new.fields:pune", "old.phone.x:1", "created:2026-11-22", "created:<2026-11-23", "tx:881", "tx:<0/16B3748", "request:f1a2",
           "request:2*", "reason:nobody", "changes:4", "changes:<5", "is:bulk", "is:housekeeping", "is:forged", "is:undone",
           "is:alerted", "is:first-time", "is:unattributed", "alert:anything", "nobody", "9812345678", "-field:phone"})
    // clang-format on
    EXPECT_FALSE(finds(no, builder.entry)) << no;
}

TEST(SearchMatch, InsertsDeletesAndBaselinesHaveNoChangedFields) {
  for (const EntryKind kind : {EntryKind::kInsert, EntryKind::kBaseline}) {
    EntryBuilder builder(kind);
    builder.row("public.contacts", "42").change("phone", {}, Value::of("919812345678"));
    EXPECT_FALSE(finds("field:phone", builder.entry));
    EXPECT_TRUE(finds("new.phone:919812345678", builder.entry));
    EXPECT_TRUE(finds("919812345678", builder.entry));
    EXPECT_FALSE(finds("old:919812345678", builder.entry));
  }
  EntryBuilder removed(EntryKind::kDelete);
  removed.change("phone", Value::of("919812345678"), {});
  EXPECT_TRUE(finds("op:remove old.phone:919812345678", removed.entry));
  EXPECT_FALSE(finds("field:phone", removed.entry));
}

TEST(SearchMatch, HousekeepingIsHiddenButControlEntriesAreShown) {
  EntryBuilder quiet(EntryKind::kUpdate);
  quiet.flag(record::kHousekeeping).changed("last_message_at", "a", "b");
  EXPECT_FALSE(finds("", quiet.entry));
  EXPECT_FALSE(finds("field:last_message_at", quiet.entry));
  EXPECT_TRUE(finds("is:housekeeping", quiet.entry));
  const auto all = Search::parse("", kMoment, true);
  ASSERT_TRUE(all);
  EXPECT_TRUE(all->matches(quiet.entry));
  for (const EntryKind kind : {EntryKind::kGap, EntryKind::kSchema, EntryKind::kControl, EntryKind::kTruncate})
    EXPECT_TRUE(finds("", EntryBuilder(kind).entry));
}

TEST(SearchMatch, FlagsAndTrust) {
  EntryBuilder builder(EntryKind::kUpdate);
  builder.flag(record::kBulk).flag(record::kForged);
  EXPECT_TRUE(finds("is:bulk", builder.entry));
  EXPECT_TRUE(finds("is:forged", builder.entry));
  EXPECT_TRUE(finds("is:unattributed", builder.entry));
  EXPECT_TRUE(finds("trust:unknown via:unknown", builder.entry));
  EXPECT_FALSE(finds("via:*", builder.entry));
  builder.entry.header.trust = Trust::kDatabase;
  EXPECT_TRUE(finds("is:unattributed", builder.entry));
  builder.entry.header.kind = EntryKind::kGap;
  EXPECT_FALSE(finds("is:unattributed", builder.entry));
}

TEST(SearchMatch, MovedRowsAreFoundByBothKeys) {
  EntryBuilder builder(EntryKind::kUpdate);
  builder.row("public.contacts", "43").moved_from("42");
  EXPECT_TRUE(finds("key:42", builder.entry));
  EXPECT_TRUE(finds("key:43", builder.entry));
  EXPECT_FALSE(finds("key:44", builder.entry));
}

TEST(SearchMatch, KeysOfSeveralColumns) {
  EntryBuilder builder(EntryKind::kUpdate);
  builder.entry.body.key = {{"a", "x,y"}, {"b", "5"}};
  EXPECT_TRUE(finds("key:\"x%2Cy,5\"", builder.entry));
  EXPECT_FALSE(finds("key:5", builder.entry));
  EXPECT_FALSE(finds("key:>4", builder.entry));
  builder.entry.body.key = {{"a", "x,y"}};
  EXPECT_TRUE(finds("key:\"x,y\"", builder.entry));
  EXPECT_TRUE(finds("key:\"x%2Cy\"", builder.entry));
}

TEST(SearchMatch, BigNumbersAreComparedExactly) {
  EntryBuilder builder(EntryKind::kUpdate);
  builder.row("public.contacts", "9007199254740993");
  EXPECT_TRUE(finds("key:>9007199254740992", builder.entry));
  EXPECT_FALSE(finds("key:>9007199254740993", builder.entry));
}

// ---- the index's answer is a superset ---------------------------------------------------------

// What the index of this one entry answers.
bool admits(const store::Filter& filter, const std::vector<store::Term>& terms) {
  using Op = store::Filter::Op;
  const auto each = [&](const store::Filter& child) { return admits(child, terms); };
  switch (filter.op) {
    case Op::kAll: return true;
    case Op::kNone: return false;
    case Op::kTerm: return std::ranges::count(terms, filter.term) > 0;
    case Op::kAnd: return std::ranges::all_of(filter.children, each);
    case Op::kOr: return std::ranges::any_of(filter.children, each);
    case Op::kNot: return !admits(filter.children.front(), terms);
  }
  return false;
}

class Randomly {
 public:
  explicit Randomly(uint64_t seed) : random_(seed) {}
  size_t pick(size_t n) { return std::uniform_int_distribution<size_t>(0, n - 1)(random_); }
  template <size_t N>
  std::string of(const char* const (&choices)[N]) {
    return choices[pick(N)];
  }

  std::string value() {
    return of({"Asha", "asha kumar", "Kumar-Rao", "919812345678", "+91 98123 45678", "19 or above", "x", "",
               "2026-08-01 10:00:00", "42", "7.5", "नमस्ते दुनिया", "a,b", "100%", "9,8", "it's \"so\"", "ÉCOLE école"});
  }
  std::string json() {
    return of({R"({"age_group": {"value": "19 or above"}})", R"({"age_group": {"value": "x"}, "n": [1, "asha"]})",
               R"({"age_group": "asha kumar"})", "[]", "null", "\"asha\"", "{}", R"({"\u0061": "\u0041sha"})",
               "{broken"});
  }
  Value side(bool json_form) {
    switch (pick(6)) {
      case 0: return Value::null();
      case 1: return Value::unknown();
      case 2: return {};
      default: return Value::of(kept_.emplace_back(json_form ? json() : value()));
    }
  }

  EntryBuilder entry() {
    EntryBuilder builder(static_cast<EntryKind>(1 + pick(12)));
    if (pick(4) != 0) builder.row(of({"public.contacts", "crm.contacts", "public.notes"}), value());
    if (pick(4) == 0) builder.moved_from(value());
    if (pick(4) != 0) builder.tx(static_cast<uint32_t>(40 + pick(3)), 0x2A + pick(3));
    if (pick(3) != 0) builder.tenant(of({"1", "2", "42"}));
    builder.who(of({"", "7", "42", "asha"}), of({"", "Asha", "Priya Asha", "asha kumar"}), static_cast<Trust>(pick(4)),
                static_cast<Via>(pick(8)));
    builder.db(of({"", "glific", "asha"}), "", "");
    if (pick(2) == 0)
      builder.context(
          of({R"({"request_id":"42"})", R"({"reason":"asha asked"})", R"({"reason":"x","request_id":"asha"})",
              R"({"reason":7})", "{", R"({"inner":{"reason":"asha"}})"}));
    for (size_t i = pick(4); i > 0; --i) {
      const bool json_form = pick(2) == 0;
      builder.change(of({"phone", "name", "fields", "fields.age_group"}), side(json_form), side(json_form),
                     json_form ? ValueForm::kJson : ValueForm::kText);
    }
    for (const record::Flag flag : {record::kHousekeeping, record::kForged, record::kBulk})
      if (pick(3) == 0) builder.flag(flag);
    return builder;
  }

  std::string term() {
    const auto quoted = [](std::string_view text) {
      std::string out = "\"";
      for (const char c : text) out += (c == '"' || c == '\\' ? "\\" : "") + std::string(1, c);
      return out + "\"";
    };
    std::string some = value();
    some = some.empty() || pick(8) == 0 ? of({"ash*", "*", "42", "asha"}) : quoted(some);
    switch (pick(12)) {
      case 0: return some;
      case 1: return "key:" + some;
      case 2: return of({"old:", "new:", "value:"}) + some;
      case 3:
        return of({"new.phone:", "old.name:", "new.fields.age_group.value:", "value.fields.age_group:",
                   "new.fields.n.1:"}) +
               some;
      case 4: return "actor:" + some;
      case 5: return "reason:" + some;
      case 6: return "request:" + some;
      case 7:
        return of({"field:phone", "field:fields.age_group", "field:fields.age_group.value", "field:fields", "field:*"});
      case 8:
        return of({"table:contacts", "table:crm.contacts", "op:create", "op:modify", "op:remove", "op:truncate",
                   "kind:gap", "op:*"});
      case 9:
        return of({"is:bulk", "is:forged", "is:unattributed", "is:undone", "is:housekeeping", "alert:x", "role:asha"});
      case 10: return of({"via:app", "via:*", "trust:claimed", "trust:*", "org:42", "tx:42", "tx:0/2A", "tx:>0/2A"});
      default:
        return of({"changes:>1", "key:>40", "new.score:>1", "created:2026-11-23", "created:<2026-11-23", "key:1,42"});
    }
  }
  std::string query(int depth = 0) {
    switch (depth > 3 ? 0 : pick(6)) {
      case 1: return query(depth + 1) + " " + query(depth + 1);
      case 2: return query(depth + 1) + " OR " + query(depth + 1);
      case 3: return "-(" + query(depth + 1) + ")";
      case 4: return "NOT " + term();
      case 5: return "(" + query(depth + 1) + ") AND " + term();
      default: return term();
    }
  }

 private:
  std::mt19937_64 random_;
  std::deque<std::string> kept_;
};

TEST(SearchFilter, NeverLosesAMatch) {
  Randomly randomly(20261123);
  size_t matching = 0, refused = 0;
  for (int round = 0; round < 400; ++round) {
    EntryBuilder builder = randomly.entry();
    std::vector<store::Term> terms;
    store::for_each_term(builder.entry, [&](store::Dimension dimension, std::string_view value) {
      terms.push_back({dimension, std::string(value)});
    });
    std::vector<KnownActor> actors{{"nobody"}, {"asha das"}};
    for (const store::Term& term : terms)
      if (term.dimension == store::Dimension::kActor) actors.push_back({term.value});
    for (int i = 0; i < 100; ++i) {
      const std::string text = randomly.query();
      const auto search = Search::parse(text, kMoment, randomly.pick(2) == 0);
      ASSERT_TRUE(search) << text << ": " << search.error().message;
      const bool matches = search->matches(builder.entry);
      const bool wide = admits(search->filter(), terms), narrow = admits(search->filter(actors), terms);
      matching += matches;
      refused += !narrow;
      ASSERT_TRUE(wide || !matches) << text;
      ASSERT_TRUE(narrow || !matches) << text;
      ASSERT_TRUE(wide || !narrow) << text;
      const Timestamp time = time_of(builder.entry.header);
      ASSERT_TRUE(!matches ||
                  ((!search->from() || time >= *search->from()) && (!search->to() || time <= *search->to())))
          << text;
    }
  }
  // Both answers must have been put to the test.
  EXPECT_GT(matching, 5'000u);
  EXPECT_GT(refused, 5'000u);
}

TEST(Search, WhoReadTheLogIsShownOnlyWhenAskedFor) {
  EntryBuilder access(record::EntryKind::kAccess);
  access.who("user:priya", "Priya", record::Trust::kVerified, record::Via::kUnknown);
  for (const bool all : {false, true}) {
    for (const char* text : {"", "priya", "actor:priya", "kind:control,gap", "-kind:update", "\"kind:access\""})
      EXPECT_FALSE(Search::parse(text, kMoment, all)->matches(access.entry)) << text;
    for (const char* text : {"kind:access", "kind:access actor:priya", "kind:gap,access", "op:create OR kind:access"})
      EXPECT_TRUE(Search::parse(text, kMoment, all)->matches(access.entry)) << text;
    EXPECT_FALSE(Search::parse("-kind:access", kMoment, all)->matches(access.entry));
  }
}

TEST(Search, ValuesCanBeReplacedAndNothingElseIs) {
  const auto replaced = [](std::string_view text) {
    return with_values_replaced(text, [](std::string_view value) { return "<" + std::string(value) + ">"; });
  };
  const std::pair<std::string_view, std::string_view> kCases[] = {
      {"", ""},
      {"field:phone  actor:\"Priya Das\" created:now-2d..now org:1 -is:bulk tx:8812 changes:>5",
       "field:phone  actor:\"Priya Das\" created:now-2d..now org:1 -is:bulk tx:8812 changes:>5"},
      {"new:919812345678", "new:<919812345678>"},
      {"Asha \"19 or \\\"above\\\"\" via:sql", "<Asha> <19 or \"above\"> via:sql"},
      {"(old:a,b OR -new.fields.age.value:\"x y\") AND NOT key:\"7,3\"",
       "(old:<a>,<b> OR -new.fields.age.value:<x y>) AND NOT key:<7,3>"},
      {"value:Ash* new:* old:5..10 old.x:*..9 new:>=7 new:<3",
       "value:<Ash>* new:* old:<5>..<10> old.x:*..<9> new:>=<7> new:<<3>"},
      {"new:a field:phone new:b old:c", "new:<a> field:phone new:<b> old:<c>"},
      {"request:F1a2 reason:caller", "request:<F1a2> reason:<caller>"}};
  for (const auto& [text, wanted] : kCases) EXPECT_EQ(replaced(text).value_or("none"), wanted);
  EXPECT_FALSE(replaced("tennant:1")) << "no search";
}

TEST(SearchFilter, WhatTheIndexKnowsIsAskedOfIt) {
  using Op = store::Filter::Op;
  for (const char* text : {"table:contacts", "key:42", "field:phone", "op:create", "via:app", "role:glific", "org:1",
                           "new.phone:919812345678", "tx:8812", "request:F1", "reason:caller", "is:bulk", "-via:flow",
                           "-(via:flow OR op:create)", "field:ph*"})
    EXPECT_NE(Search::parse(text, kMoment, true)->filter().op, Op::kAll) << text;
  for (const char* text : {"is:undone", "alert:x", "via:app is:undone"})
    EXPECT_EQ(Search::parse(text, kMoment, true)->filter().op, Op::kNone) << text;
  const auto person = Search::parse("priya kind:access", kMoment, true);
  EXPECT_TRUE(person->names_actors());
  EXPECT_EQ(person->filter().op, Op::kTerm);  // the kind's
  EXPECT_EQ(person->filter({{"7"}, {"priya das"}, {"ravi"}}).op, Op::kAnd);
  EXPECT_FALSE(Search::parse("field:phone", kMoment, true)->names_actors());
}

}  // namespace
}  // namespace rowledger::query
