#include "base/log.h"

#include <gtest/gtest.h>

namespace rowledger::log {
namespace {

const Timestamp kTime = *Timestamp::parse("2026-11-20T09:30:01.123456Z");

TEST(Log, IsTextOnATerminal) {
  EXPECT_EQ(
      format_line(Level::kWarning, "a request failed", {{"route", "/v1/entries"}, {"status", "503"}}, kTime, true),
      "09:30:01.123 warning a request failed route=/v1/entries status=503");
}

TEST(Log, IsOneJsonObjectALineOtherwise) {
  EXPECT_EQ(
      format_line(Level::kError, "cannot open \"a\nb\"", {{"route", "\x01"}}, kTime, false),
      R"({"time":"2026-11-20T09:30:01.123456Z","level":"error","message":"cannot open \"a\nb\"","route":"\u0001"})");
  // Bytes that are no UTF-8 would make the line unreadable for whoever collects it.
  EXPECT_EQ(format_line(Level::kInfo, "\xff", {}, kTime, false),
            "{\"time\":\"2026-11-20T09:30:01.123456Z\",\"level\":\"info\",\"message\":\"\xEF\xBF\xBD\"}");
}

}  // namespace
}  // namespace rowledger::log
