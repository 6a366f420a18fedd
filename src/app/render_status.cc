#include <fmt/format.h>

#include <charconv>

#include "app/render.h"

namespace rowledger::app {
namespace {

using api::JsonView;

double number(JsonView value) {
  const std::string text = value.text();
  double out = 0;
  std::from_chars(text.data(), text.data() + text.size(), out);
  return out;
}

std::string count(JsonView value) { return show_number(static_cast<uint64_t>(number(value))); }

std::string slot_text(JsonView slot) {
  if (!slot["exists"].is_true()) return "does not exist";
  std::string out =
      fmt::format("{}{}, keeps {} of WAL", slot["name"].text(), slot["active"].is_true() ? " in use" : " not in use",
                  show_bytes(number(slot["retained_bytes"])));
  const std::string wal_status = slot["wal_status"].text();
  if (!wal_status.empty()) out += fmt::format(" ({})", wal_status);
  if (slot["safe_bytes"].kind() == JsonView::Kind::kNumber)
    out += fmt::format(", {} before PostgreSQL drops it", show_bytes(number(slot["safe_bytes"])));
  return out;
}

std::string coverage_text(JsonView coverage) {
  if (number(coverage["changes"]) == 0) return "no changes yet";
  const auto percent = [&](std::string_view trust) {
    const double share = 100 * number(coverage[trust]);
    // Few is not none.
    return share > 0 && share < 0.1 ? fmt::format("under 0.1 % {}", trust) : fmt::format("{:.1f} % {}", share, trust);
  };
  return fmt::format("{}, {}, {}, {} (of {} changes)", percent("verified"), percent("claimed"), percent("database"),
                     percent("unknown"), count(coverage["changes"]));
}

}  // namespace

std::string render_status(JsonView status, const RenderOptions& options) {
  const Style style(options.colour);
  std::string out = fmt::format("Source {}: {}\n", style.bold(displayable(status["source"].text(), 0)),
                                status["daemon"].is_true() ? status["phase"].text() : "the daemon is not running");
  const std::string problem = status["problem"].text();
  if (!problem.empty()) out += fmt::format("  {} {}\n", style.alarm("PROBLEM"), displayable(problem, 0));
  status["warnings"].for_each_item([&](JsonView warning) {
    out += fmt::format("  {} {}\n", style.red("warning"), displayable(warning.text(), 0));
    return true;
  });
  const auto line = [&](std::string_view name, std::string_view text) {
    out += fmt::format("  {:<14} {}\n", name, text);
  };
  std::string captured = status["captured_lsn"].text();
  if (captured.empty()) captured = "nothing yet";
  if (status["lag_bytes"].kind() == JsonView::Kind::kNumber) {
    captured += fmt::format(", {}", show_bytes(number(status["lag_bytes"])));
    if (status["lag_seconds"].kind() == JsonView::Kind::kNumber)
      captured += fmt::format(" and {:.1f} s", number(status["lag_seconds"]));
    captured += " behind the source";
  }
  line("captured up to", captured);
  if (status["phase"].text() == "baseline")
    line("baseline", fmt::format("{} rows read so far: the tables as they are, compared with the log",
                                 count(status["baseline_rows"])));
  const bool gaps = number(status["gaps"]) > 0;
  const std::string gap_text = count(status["gaps"]) + (number(status["gaps"]) == 1 ? " gap" : " gaps");
  line("log", fmt::format("{} entries, {}, {} on disk", count(status["entries"]), gaps ? style.red(gap_text) : gap_text,
                          show_bytes(number(status["disk_bytes"]))));
  if (const JsonView checkpoint = status["checkpoint"]; checkpoint.kind() == JsonView::Kind::kObject)
    line("checkpoint",
         fmt::format("{} entries signed, {:.0f} s ago", count(checkpoint["size"]), number(checkpoint["age_seconds"])));
  if (status["slot"].kind() == JsonView::Kind::kObject) line("slot", slot_text(status["slot"]));
  line("actors known", coverage_text(status["coverage"]));
  std::string tables;
  status["tables"].for_each_item([&](JsonView table) {
    if (!tables.empty()) tables += ", ";
    tables += displayable(table.text(), 0);
    return true;
  });
  line("tables", tables);
  const std::string url = status["http"]["url"].text();
  if (!url.empty()) line("address", url);
  return out;
}

}  // namespace rowledger::app
