#include "app/render.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace rowledger::app {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class Render : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(set_time_zone("UTC")); }
};

std::string entry(std::string_view json, bool whole = false) {
  std::string out = render_entry(api::JsonView(json), {.whole = whole});
  EXPECT_TRUE(out.ends_with('\n')) << out;
  return out;
}

constexpr char kUpdate[] =
    R"({"seq":1207,"kind":"update","source":"glific","table":"public.contacts","key":{"id":"42"},"tenant":"1","tenant_seq":311,)"
    R"("changes":[{"field":"phone","old":"919812345678","new":"919898765432"},)"
    R"({"field":"fields","path":"/age_group/value","old":"18 or below","new":null},)"
    R"({"field":"note","unknown":true,"new":""},{"field":"score","old":1.10}],)"
    R"("actor":{"id":"7","name":"Priya","trust":"claimed"},"via":"app",)"
    R"("db":{"role":"glific","application":"glific_web","client":"10.0.0.7"},"context":{"request_id":"F1a2","reason":"caller asked"},)"
    R"("tx":{"xid":"8812","lsn":"0/16B3748","ordinal":0,"committed_at":"2026-11-23T09:30:01.123456Z"},)"
    R"("received_at":"2026-11-23T09:30:01.125011Z","housekeeping":true})";

TEST_F(Render, AnUpdate) {
  EXPECT_EQ(entry(kUpdate),
            "#1207  23 Nov 2026 09:30:01 +00:00  Priya (claimed) via app  changed contacts 42 [org 1] [housekeeping]\n"
            "       reason: caller asked\n"
            "         phone                     919812345678 → 919898765432\n"
            "         fields /age_group/value   18 or below → NULL\n"
            "         note                      (unknown) → (empty)\n"
            "         score                     1.10 → (absent)\n");
}

TEST_F(Render, AnUpdateWhole) {
  EXPECT_THAT(entry(kUpdate, true),
              AllOf(HasSubstr("       request_id: F1a2\n"), HasSubstr("transaction 8812 at 0/16B3748, change 0\n"),
                    HasSubstr("database role glific application glific_web client 10.0.0.7\n")));
}

TEST_F(Render, TimesInTheChosenZone) {
  ASSERT_TRUE(set_time_zone("Asia/Kolkata"));
  EXPECT_THAT(entry(kUpdate), HasSubstr("23 Nov 2026 15:00:01 +05:30"));
  EXPECT_FALSE(set_time_zone("No/Where"));
  EXPECT_FALSE(set_time_zone("../../etc/passwd"));
  EXPECT_EQ(show_time({0}), "01 Jan 1970 00:00:00 +00:00") << "what is not known is UTC";
  EXPECT_EQ(show_time({-1}), "31 Dec 1969 23:59:59 +00:00");
}

TEST_F(Render, InsertAndDeleteLeaveOutNulls) {
  EXPECT_EQ(
      entry(
          R"({"seq":1,"kind":"insert","table":"crm.people","key":{"a":"1","b":"x"},"received_at":"2026-11-23T09:30:01Z",)"
          R"("changes":[{"field":"a","new":"1"},{"field":"n","new":null}]})"),
      "#1     23 Nov 2026 09:30:01 +00:00  somebody unknown  added crm.people 1,x\n"
      "         a   1\n");
  EXPECT_EQ(
      entry(
          R"({"seq":2,"kind":"delete","table":"public.t","key":{"id":"1"},"via":"unknown","db":{"role":"r","application":"psql"},)"
          R"("changes":[{"field":"a","old":"1"},{"field":"n","old":null}]})"),
      "#2       database role r in psql  removed t 1\n"
      "         a   1\n");
}

TEST_F(Render, AMovedRow) {
  EXPECT_THAT(
      entry(R"({"seq":1,"kind":"update","table":"public.t","key":{"id":"2"},"old_key":{"id":"1"},"actor":{"id":"7"}})"),
      HasSubstr("7  changed t 2 (was 1)\n"));
}

TEST_F(Render, BaselineTruncateAndControl) {
  EXPECT_EQ(
      entry(R"({"seq":0,"kind":"baseline","table":"public.t","key":{"id":"1"},"changes":[{"field":"a","new":"1"}]})"),
      "#0       recorded as it was: t 1\n");
  EXPECT_THAT(entry(R"({"seq":3,"kind":"truncate","table":"public.t"})"), HasSubstr("emptied t\n"));
  EXPECT_EQ(entry(R"({"seq":4,"kind":"schema","table":"public.t","detail":{"columns":["a", "b"],"x":null}})"),
            "#4       schema t\n"
            "         columns: [\"a\", \"b\"]\n"
            "         x: NULL\n");
}

TEST_F(Render, AGapIsAlarming) {
  const char* gap = R"({"seq":5,"kind":"gap","table":"public.t","key":{"id":"1"},"detail":{"reason":"slot lost"}})";
  EXPECT_EQ(entry(gap),
            "#5       GAP: changes may be missing here t 1\n"
            "         reason: slot lost\n");
  EXPECT_THAT(render_entry(api::JsonView(gap), {.colour = true}), HasSubstr("\x1b[1;7;31mGAP"));
}

// A value comes from anybody who may write into the database; the reader's terminal must not obey it.
TEST_F(Render, ValuesCannotMoveTheCursor) {
  const std::string out =
      entry(R"({"seq":1,"kind":"update","table":"public.t","key":{"id":"\u001b[2J"},"actor":{"name":"\u202eevil\nx"},)"
            R"("changes":[{"field":"a\r","old":"\u0007","new":"\u009b1m"}],"context":{"reason":"\u001b]0;x"}})");
  EXPECT_THAT(out, AllOf(HasSubstr("\\x1b[2J"), HasSubstr("\\u202eevil\\nx"), HasSubstr("a\\r"), HasSubstr("\\x9b1m")));
  for (const char c : out) EXPECT_TRUE(static_cast<unsigned char>(c) >= 0x20 || c == '\n') << out;
}

TEST_F(Render, LongValuesAndListsAreCutUnlessWhole) {
  std::string json = R"({"seq":1,"kind":"update","table":"public.t","key":{"id":"1"},"changes":[)";
  for (int i = 0; i < 15; ++i)
    json += (i > 0 ? "," : "") + std::string(R"({"field":"f)") + std::to_string(i) + R"(","old":"","new":")" +
            std::string(500, 'x') + "\"}";
  json += "]}";
  EXPECT_THAT(entry(json),
              AllOf(HasSubstr("xxx… (500 characters)"), HasSubstr("and 3 more fields"), Not(HasSubstr("f12"))));
  EXPECT_THAT(entry(json, true),
              AllOf(HasSubstr(std::string(500, 'x')), HasSubstr("f14"), Not(HasSubstr("more fields"))));
}

TEST_F(Render, OddAnswersAreShownAsFarAsPossible) {
  for (const char* json :
       {"", "null", "[]", "{}", R"({"kind":"update"})", R"({"seq":{},"kind":"gap","changes":7,"detail":[]})",
        R"({"kind":"insert","changes":[1,null,{}]})", "{\"kind\":\"update\",\"tx\":{\"committed_at\":\"x"}) {
    render_entry(api::JsonView(json), {});
    render_status(api::JsonView(json), {});
    render_row(api::JsonView(json), {});
    render_diff(api::JsonView(json), {});
  }
}

TEST_F(Render, ARow) {
  EXPECT_EQ(render_row(api::JsonView(R"({"table":"public.t","key":"1","when":"seq:7","exists":true,"seq":5,)"
                                     R"("row":{"id":"1","name":null,"note":{"unknown":true}}})"),
                       {}),
            "t 1 at seq:7, as entry #5 left it:\n"
            "  id     1\n"
            "  name   NULL\n"
            "  note   (unknown)\n");
  EXPECT_EQ(render_row(api::JsonView(R"({"table":"public.t","key":"1","when":"seq:7","exists":false})"), {}),
            "t 1 was not there at seq:7.\n");
}

TEST_F(Render, ADifference) {
  const std::string head =
      R"({"table":"public.t","key":"1","from":{"when":"seq:1","known":true,"exists":true,"seq":1},)"
      R"("to":{"when":"seq:9","known":true,"exists":false,"seq":8},"changes":[)";
  EXPECT_EQ(render_diff(api::JsonView(head + R"({"field":"a","old":"1"}]})"), {}),
            "t 1\n"
            "  from seq:1: there, since entry #1\n"
            "  to   seq:9: not there, since entry #8\n"
            "         a   1 → (absent)\n");
  EXPECT_THAT(render_diff(api::JsonView(head + "]}"), {}), HasSubstr("  no difference\n"));
}

TEST_F(Render, Status) {
  const std::string out = render_status(
      api::JsonView(
          R"({"source":"glific","daemon":true,"phase":"streaming","problem":"disk full","warnings":["w1"],)"
          R"("captured_lsn":"0/1","lag_bytes":1500,"lag_seconds":0.25,"entries":1207,"gaps":1,"disk_bytes":5000000,)"
          R"("slot":{"exists":true,"name":"rowledger","active":true,"retained_bytes":100,"wal_status":"reserved","safe_bytes":null},)"
          R"("coverage":{"changes":1000,"verified":0.5,"claimed":0.25,"database":0.25,"unknown":0},)"
          R"("tables":["public.a","public.b"],"http":{"url":"http://localhost:1"}})"),
      {});
  for (const char* part :
       {"Source glific: streaming\n", "PROBLEM disk full\n", "warning w1\n", "0/1, 1.5 kB and 0.2 s behind",
        "1,207 entries, 1 gap, 5.0 MB on disk", "rowledger in use, keeps 100 bytes of WAL (reserved)",
        "50.0 % verified, 25.0 % claimed", "(of 1,000 changes)", "public.a, public.b", "http://localhost:1"})
    EXPECT_THAT(out, HasSubstr(part));
  EXPECT_THAT(render_status(api::JsonView(R"({"source":"s","slot":{"exists":false}})"), {}),
              AllOf(HasSubstr("the daemon is not running"), HasSubstr("nothing yet"), HasSubstr("does not exist"),
                    HasSubstr("no changes yet"), HasSubstr("0 gaps")));
}

TEST(Terminal, Numbers) {
  EXPECT_EQ(show_number(0), "0");
  EXPECT_EQ(show_number(999), "999");
  EXPECT_EQ(show_number(1'000), "1,000");
  EXPECT_EQ(show_number(1'234'567), "1,234,567");
  EXPECT_EQ(show_bytes(999), "999 bytes");
  EXPECT_EQ(show_bytes(12'345'678), "12.3 MB");
  EXPECT_EQ(show_bytes(1e18), "1000.0 PB");
}

TEST(Terminal, TextThatIsNoUtf8) {
  EXPECT_EQ(displayable("a\xff"
                        "b",
                        0),
            "a\xef\xbf\xbd"
            "b");
  EXPECT_EQ(displayable("\xe2\x82", 0), "\xef\xbf\xbd\xef\xbf\xbd");
  EXPECT_EQ(displayable("नमस्ते", 0), "नमस्ते");
}

TEST(Terminal, CutTextSaysHowLongItIs) {
  EXPECT_EQ(displayable(std::string(80, 'x'), 80), std::string(80, 'x'));
  EXPECT_EQ(displayable(std::string(81, 'x'), 80), std::string(56, 'x') + "… (81 characters)");
}

}  // namespace
}  // namespace rowledger::app
