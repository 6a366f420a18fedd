#include "api/export_format.h"

#include <fmt/format.h>

#include "api/export_lines.h"
#include "api/json_writer.h"
#include "http/http.h"

namespace rowledger::api {
namespace {

struct FormatInfo {
  ExportFormat format;
  std::string_view name, content_type, ending;
};
constexpr FormatInfo kFormats[] = {
    {ExportFormat::kNdjson, "ndjson", "application/x-ndjson", ".ndjson"},
    {ExportFormat::kCsv, "csv", "text/csv; charset=utf-8; header=present", ".csv"},
    {ExportFormat::kCloudEvents, "cloudevents", "application/x-ndjson", ".cloudevents.ndjson"},
    {ExportFormat::kOcsf, "ocsf", "application/x-ndjson", ".ocsf.ndjson"},
};

const FormatInfo& info(ExportFormat format) { return kFormats[static_cast<size_t>(format)]; }

}  // namespace

std::string_view to_string(ExportFormat format) { return info(format).name; }
std::string_view content_type(ExportFormat format) { return info(format).content_type; }
std::string_view file_ending(ExportFormat format) { return info(format).ending; }

std::optional<ExportFormat> parse_export_format(std::string_view text) {
  for (const FormatInfo& each : kFormats)
    if (each.name == text) return each.format;
  return std::nullopt;
}

void append_export_head(ExportFormat format, std::string& out) {
  if (format == ExportFormat::kCsv) append_csv_head(out);
}

void append_export_entry(ExportFormat format, std::string_view entry_json, std::string& out) {
  switch (format) {
    case ExportFormat::kNdjson: out.append(entry_json).push_back('\n'); return;
    case ExportFormat::kCsv: return append_csv_lines(ExportEntry(entry_json), out);
    case ExportFormat::kCloudEvents: return append_cloud_event(ExportEntry(entry_json), out);
    case ExportFormat::kOcsf: return append_ocsf_event(ExportEntry(entry_json), out);
  }
}

// https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/formats/json-format.md
void append_cloud_event(const ExportEntry& entry, std::string& out) {
  const std::string kind = entry.kind.text();
  const std::string_view family = entry.family();
  JsonWriter json;
  json.text("specversion", "1.0")
      .text("id", entry.seq.raw())
      .text("source", "/rowledger/" + http::percent_encode(entry.source.text()))
      .text("type",
            family == "baseline" ? "org.rowledger.baseline.v1" : fmt::format("org.rowledger.{}.{}.v1", family, kind))
      .text("time", entry.time());
  if (entry.table) json.text("subject", entry.table.text() + (entry.key ? "/" + entry.key_text() : std::string()));
  out += json.text("datacontenttype", "application/json").raw("data", entry.json).finish();
  out += '\n';
}

}  // namespace rowledger::api
