#include "api/export_format.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "api/json_view.h"
#include "base/json_text.h"

namespace rowledger::api {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;

constexpr std::string_view kUpdate =
    R"({"seq":1207,"kind":"update","source":"glific","table":"public.contacts","key":{"id":"42"},"tenant":"1",)"
    R"("tenant_seq":7,"subject":"public.contacts/42","changes":[)"
    R"({"field":"name","old":"रुखसाना बेगम","new":"Rukhsana \"R\" Begum"},)"
    R"({"field":"fields","path":"/age/value","new":19},{"field":"note","old":null,"new":""}],)"
    R"("actor":{"id":"7","name":"Priya","trust":"claimed"},"via":"app",)"
    R"("db":{"role":"glific","application":"web","client":"10.0.0.7"},"context":{"reason":"caller asked","request_id":"r1"},)"
    R"("tx":{"xid":"900","lsn":"0/16B3748","ordinal":0,"committed_at":"2026-11-20T09:30:01.123456Z"},)"
    R"("received_at":"2026-11-20T09:30:02.000000Z","housekeeping":false,"bulk":true})";
constexpr std::string_view kGap =
    R"({"seq":9,"kind":"gap","source":"glific","received_at":"2026-11-20T09:30:02.000000Z",)"
    R"("detail":{"reason":"slot-missing"}})";

std::string exported(ExportFormat format, std::string_view entry) {
  std::string out;
  append_export_entry(format, entry, out);
  return out;
}

std::string csv_text(std::string_view text) {
  std::string out;
  append_csv_text(out, text);
  return out;
}

TEST(ExportCsv, IsOneLineAFieldWithTheNamesInFront) {
  std::string head;
  append_export_head(ExportFormat::kCsv, head);
  EXPECT_THAT(head, StartsWith("\xEF\xBB\xBFseq,time,actor,"));
  EXPECT_THAT(head, EndsWith("\r\n"));
  const std::string who =
      "1207,2026-11-20T09:30:01.123456Z,\"Priya\",\"7\",\"claimed\",\"app\",\"update\",\"public.contacts\",\"42\","
      "\"1\",";
  const std::string rest =
      "\"bulk\",\"caller asked\",\"r1\",\"glific\",\"web\",\"10.0.0.7\",\"900\",\"public.contacts/42\",\"glific\",\r\n";
  EXPECT_EQ(exported(ExportFormat::kCsv, kUpdate),
            who + "\"name\",,\"रुखसाना बेगम\",\"Rukhsana \"\"R\"\" Begum\"," + rest +  //
                who + "\"fields\",\"/age/value\",,19," + rest +                      //
                who + "\"note\",,,\"\"," + rest);  // NULL is nothing, an empty text is ""
}

TEST(ExportCsv, OfAControlEntryIsOneLine) {
  EXPECT_EQ(exported(ExportFormat::kCsv, kGap),
            "9,2026-11-20T09:30:02.000000Z,,,,,\"gap\",,,,,,,,,,,,,,,,\"glific\",\"{\"\"reason\"\":\"\"slot-"
            "missing\"\"}\"\r\n");
}

TEST(ExportCsv, EveryLineHasAsManyFieldsAsTheHead) {
  std::string head;
  append_export_head(ExportFormat::kCsv, head);
  const auto fields = [](std::string_view line) {
    bool quoted = false;
    size_t count = 1;
    for (const char c : line) {
      quoted ^= c == '"';
      count += c == ',' && !quoted;
    }
    return count;
  };
  EXPECT_EQ(fields(exported(ExportFormat::kCsv, kGap)), fields(head));
  const std::string lines = exported(ExportFormat::kCsv, kUpdate);
  EXPECT_EQ(fields(lines.substr(0, lines.find("\r\n"))), fields(head));
}

// What a spreadsheet would take for a formula, or a command to start a program.
TEST(ExportCsv, TakesTheHarmOutOfFormulas) {
  EXPECT_EQ(csv_text("=1+1"), "\"'=1+1\"");
  EXPECT_EQ(csv_text("+919845550142"), "\"'+919845550142\"");
  EXPECT_EQ(csv_text("-2+3+cmd|' /C calc'!A0"), "\"'-2+3+cmd|' /C calc'!A0\"");
  EXPECT_EQ(csv_text("@SUM(A1)"), "\"'@SUM(A1)\"");
  EXPECT_EQ(csv_text("\t=1"), "\"'\t=1\"");
  EXPECT_EQ(csv_text("\r=1"), "\"'\r=1\"");
  EXPECT_EQ(csv_text("＝1"), "\"'＝1\"");
  EXPECT_EQ(csv_text("a=1"), "\"a=1\"");
  EXPECT_EQ(csv_text("two\r\nlines, \"quoted\""), "\"two\r\nlines, \"\"quoted\"\"\"");
}

// Also where the text is not a changed value: an actor, a reason, a column and a table have any name.
TEST(ExportCsv, TakesTheHarmOutOfEveryText) {
  const std::string line = exported(
      ExportFormat::kCsv,
      R"({"seq":1,"kind":"update","source":"=s","table":"=t","key":{"id":"=k"},"tenant":"=n","subject":"=u",)"
      R"("changes":[{"field":"=f","path":"=p","old":"=o","new":"=w"}],"actor":{"id":"=i","name":"=a","trust":"claimed"},)"
      R"("via":"app","db":{"role":"=r","application":"=l","client":"=c"},"context":{"reason":"=e","request_id":"=q"},)"
      R"("received_at":"2026-11-20T09:30:02.000000Z","detail":"=d"})");
  EXPECT_EQ(line.find(",="), std::string::npos) << line;
  EXPECT_EQ(line.find("\"="), std::string::npos) << line;
}

TEST(ExportNdjson, IsTheEntryItself) {
  EXPECT_EQ(exported(ExportFormat::kNdjson, kUpdate), std::string(kUpdate) + "\n");
}

TEST(ExportCloudEvents, HasTheRequiredAttributesAndTheEntry) {
  const std::string line = exported(ExportFormat::kCloudEvents, kUpdate);
  ASSERT_THAT(line, EndsWith("}\n"));
  const JsonView event(line);
  EXPECT_EQ(event["specversion"].text(), "1.0");
  EXPECT_EQ(event["id"].raw(), "\"1207\"");
  EXPECT_EQ(event["source"].text(), "/rowledger/glific");
  EXPECT_EQ(event["type"].text(), "org.rowledger.change.update.v1");
  EXPECT_EQ(event["time"].text(), "2026-11-20T09:30:01.123456Z");
  EXPECT_EQ(event["subject"].text(), "public.contacts/42");
  EXPECT_EQ(event["datacontenttype"].text(), "application/json");
  EXPECT_EQ(event["data"].raw(), kUpdate);
  const std::string gap = exported(ExportFormat::kCloudEvents, kGap);
  EXPECT_EQ(JsonView(gap)["type"].text(), "org.rowledger.control.gap.v1");
  EXPECT_FALSE(JsonView(gap)["subject"]);
}

// https://schema.ocsf.io/1.3.0/classes/datastore_activity: what is required, and the constraints of its objects.
void expect_valid_ocsf(const JsonView& event) {
  for (const std::string_view number : {"activity_id", "category_uid", "class_uid", "severity_id", "time", "type_uid"})
    EXPECT_EQ(event[number].kind(), JsonView::Kind::kNumber) << number;
  EXPECT_EQ(event["class_uid"].raw(), "6005");
  EXPECT_EQ(event["category_uid"].raw(), "6");
  EXPECT_EQ(std::stoi(std::string(event["type_uid"].raw())),
            600500 + std::stoi(std::string(event["activity_id"].raw())));
  EXPECT_FALSE(event["metadata"]["version"].text().empty());
  EXPECT_FALSE(event["metadata"]["product"]["vendor_name"].text().empty());
  const JsonView user = event["actor"]["user"];
  EXPECT_TRUE(user["name"] || user["uid"]);
  const JsonView endpoint = event["src_endpoint"];
  EXPECT_TRUE(endpoint["ip"] || endpoint["name"]);
  EXPECT_TRUE(event["database"]["name"] && event["database"]["type_id"]);
}

TEST(ExportOcsf, IsDatastoreActivity) {
  const std::string line = exported(ExportFormat::kOcsf, kUpdate);
  ASSERT_THAT(line, EndsWith("}\n"));
  const JsonView event(line);
  expect_valid_ocsf(event);
  EXPECT_EQ(event["activity_id"].raw(), "2");
  EXPECT_EQ(event["time"].raw(), "1795167001123");
  EXPECT_EQ(event["actor"]["user"]["uid"].text(), "7");
  EXPECT_EQ(event["src_endpoint"]["ip"].text(), "10.0.0.7");
  EXPECT_EQ(event["table"]["name"].text(), "public.contacts");
  EXPECT_EQ(event["unmapped"]["entry"].raw(), kUpdate);

  const std::string gap = exported(ExportFormat::kOcsf, kGap);
  expect_valid_ocsf(JsonView(gap));
  EXPECT_EQ(JsonView(gap)["activity_id"].raw(), "99");
  EXPECT_EQ(JsonView(gap)["activity_name"].text(), "gap");
  EXPECT_EQ(JsonView(gap)["severity_id"].raw(), "4");

  const std::string access = exported(
      ExportFormat::kOcsf, R"({"seq":3,"kind":"access","source":"s","received_at":"2026-11-20T09:30:02.000000Z",)"
                           R"("detail":{"reader":{"id":"user:priya","name":"Priya"},"route":"entries"}})");
  expect_valid_ocsf(JsonView(access));
  EXPECT_EQ(JsonView(access)["activity_id"].raw(), "1");
  EXPECT_EQ(JsonView(access)["actor"]["user"]["uid"].text(), "user:priya");
}

}  // namespace
}  // namespace rowledger::api
