#pragma once
// The forms in which entries leave as files (docs/format/export.md). Each is made from an entry's JSON, the one shape
// that everybody sees, so that an export shows exactly what its reader may see. Pure functions.
//
//   ndjson       the entries themselves, one a line: nothing is lost
//   csv          one line per changed field, for spreadsheets (RFC 4180, UTF-8 with a byte order mark)
//   cloudevents  CloudEvents 1.0, one structured event a line
//   ocsf         OCSF 1.3 class 6005, Datastore Activity, one event a line
#include <optional>
#include <string>
#include <string_view>

namespace rowledger::api {

enum class ExportFormat { kNdjson, kCsv, kCloudEvents, kOcsf };
std::string_view to_string(ExportFormat format);  // "ndjson"
std::optional<ExportFormat> parse_export_format(std::string_view text);
std::string_view content_type(ExportFormat format);
std::string_view file_ending(ExportFormat format);  // ".csv"

// What stands before the first entry: CSV's byte order mark and names of columns.
void append_export_head(ExportFormat format, std::string& out);
// entry_json: one entry as query::to_json writes it.
void append_export_entry(ExportFormat format, std::string_view entry_json, std::string& out);

// One field of a line of CSV, quoted, harmless in a spreadsheet: text that a program would take for a formula
// (it begins with = + - @, a tab or a line end; OWASP "CSV Injection") gets an apostrophe in front.
void append_csv_text(std::string& out, std::string_view text);

}  // namespace rowledger::api
