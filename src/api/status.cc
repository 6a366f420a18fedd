// How capture and log stand, and whether the log is whole.
#include "api/answer.h"
#include "api/coverage.h"
#include "api/json_writer.h"
#include "api/routes.h"
#include "ledger/checkpoint.h"

namespace rowledger::api {
namespace {

constexpr uint64_t kGapsShown = 20;
constexpr uint64_t kDefaultSyncSeconds = 30, kLongestSyncSeconds = 3'600;

std::string lsn_text(Lsn lsn) { return lsn.value == 0 ? std::string() : lsn.to_string(); }

std::string slot_json(const Dependencies& dependencies, const capture::Report& report) {
  JsonWriter slot;
  if (!dependencies.slot.empty()) slot.text("name", dependencies.slot);
  slot.boolean("exists", report.slot_exists)
      .boolean("active", report.slot_active)
      .text_or_null("wal_status", report.slot_wal_status)
      .number("retained_bytes", report.slot_retained_bytes)
      .number_or_null("safe_bytes", report.slot_safe_bytes);
  return slot.finish();
}

// A tenant's reader is told of the tenant's entries.
Result<CoverageCounts> coverage_of(const Call& call) {
  return call.principal().tenant ? Coverage(call.view().scope()).count() : call.coverage.count();
}

uint64_t entries_of(const Call& call) {
  const auto& tenant = call.principal().tenant;
  return tenant ? call.view().scope().next_tenant_seq(*tenant) : call.dependencies.store.stats().entries;
}

std::string coverage_json(const CoverageCounts& counts) {
  const auto share = [&](uint64_t n) {
    return fmt::format("{:.6f}",
                       counts.changes == 0 ? 0.0 : static_cast<double>(n) / static_cast<double>(counts.changes));
  };
  return JsonWriter()
      .number("since_seq", counts.since.value)
      .number("changes", counts.changes)
      .raw("verified", share(counts.verified))
      .raw("claimed", share(counts.claimed))
      .raw("database", share(counts.database))
      .raw("unknown", share(counts.unknown))
      .finish();
}

// Of a daemon, whether it captures or has no keys.
std::optional<capture::Report> report_of(const Dependencies& dependencies) {
  if (dependencies.capture != nullptr) return dependencies.capture->report();
  if (dependencies.locked) return dependencies.locked();
  return std::nullopt;
}

void add_phase(JsonWriter& json, const capture::Report& report) {
  json.text("phase", to_string(report.phase))
      .text_or_null("problem", report.problem)
      .texts("warnings", report.warnings)
      .text_or_null("captured_lsn", lsn_text(report.captured_lsn));
}

// What only a daemon knows.
void add_capture(JsonWriter& json, const Dependencies& dependencies, const capture::Report& report, uint64_t gaps) {
  add_phase(json, report);
  json.text_or_null("source_lsn", lsn_text(report.source_lsn)).number("lag_bytes", report.lag_bytes);
  if (dependencies.capture == nullptr) {
    json.raw("lag_seconds", "null");
  } else {
    json.raw("lag_seconds", fmt::format("{:.3f}", report.lag_seconds)).number("baseline_rows", report.baseline_rows);
  }
  json.number("gaps", gaps).raw("slot", slot_json(dependencies, report));
}

void add_stored_phase(JsonWriter& json, const Dependencies& dependencies) {
  json.text("phase", "stopped")
      .text("problem", "the daemon is not running: start it with `rowledger serve`")
      .texts("warnings", std::vector<std::string>())
      .text_or_null("captured_lsn", lsn_text(dependencies.store.cursor().end_lsn));
}

void add_stored(JsonWriter& json, const Dependencies& dependencies, uint64_t gaps) {
  add_stored_phase(json, dependencies);
  json.raw("source_lsn", "null")
      .raw("lag_bytes", "null")
      .raw("lag_seconds", "null")
      .number("gaps", gaps)
      .raw("slot", "null");
}

std::string checkpoint_json(const Dependencies& dependencies) {
  const auto stored = dependencies.store.checkpoint();
  const auto key = ledger::VerifierKey::parse(dependencies.verifier_key);
  if (!stored || !*stored || !key) return "null";
  const auto opened = ledger::open_checkpoint((*stored)->note, {&*key, 1});
  if (!opened) return "null";
  const double age_s = static_cast<double>(Timestamp::now().us - (*stored)->stored_at.us) / 1e6;
  return JsonWriter()
      .text("origin", opened->checkpoint.origin)
      .number("size", opened->checkpoint.size.value)
      .text("root", to_base64(as_view(opened->checkpoint.root)))
      .raw("age_seconds", fmt::format("{:.3f}", age_s))
      .finish();
}

// The newest gaps, as entries, of who may read entries at all: what differed is in them.
Result<std::string> newest_gaps(const Call& call) {
  std::string out = "[";
  if (!call.principal().may(people::Right::kReadEntries)) return out + "]";
  const auto search = query::Search::parse("kind:gap", Timestamp::now(), true);
  CHECK(search.has_value());
  uint64_t count = 0;
  RL_TRY(call.view().search(*search, query::Order::kNewestFirst, std::nullopt, [&](const view::Shown& gap) {
    if (count++ > 0) out += ',';
    out += call.view().json(gap);
    return count < kGapsShown;
  }));
  if (count > 0) call.access.route = "integrity";
  call.access.entries = count;
  return out + "]";
}

}  // namespace

http::Response get_status(const Call& call) {
  const auto counts = coverage_of(call);
  if (!counts) return problem(counts.error());
  const auto report = report_of(call.dependencies);
  JsonWriter json;
  if (!call.dependencies.version.empty()) json.text("version", call.dependencies.version);
  json.text("source", call.dependencies.source_name).boolean("daemon", report.has_value());
  if (call.dependencies.capture != nullptr) {
    add_capture(json, call.dependencies, *report, report->gaps);
  } else {
    const auto gaps = call.coverage.gaps();
    if (!gaps) return problem(gaps.error());
    if (report) {
      add_capture(json, call.dependencies, *report, *gaps);
    } else {
      add_stored(json, call.dependencies, *gaps);
    }
  }
  json.raw("checkpoint", checkpoint_json(call.dependencies))
      .text_or_null("verifier_key", call.dependencies.verifier_key)
      .number("entries", entries_of(call))
      .number("disk_bytes", call.dependencies.store.stats().disk_bytes)
      .raw("coverage", coverage_json(*counts))
      .texts("tables", call.dependencies.tables)
      .raw("http", JsonWriter().text_or_null("url", call.dependencies.http_url).finish());
  return json_answer(json.finish());
}

http::Response get_integrity(const Call& call) {
  const auto counts = coverage_of(call);
  if (!counts) return problem(counts.error());
  // Of what he can see; who sees no entries is told of all, for he looks after the program.
  const bool counts_own = call.principal().tenant && call.principal().may(people::Right::kReadEntries);
  const auto gaps = counts_own ? Coverage(call.view().scope()).gaps() : call.coverage.gaps();
  if (!gaps) return problem(gaps.error());
  const auto newest = newest_gaps(call);
  if (!newest) return problem(newest.error());
  JsonWriter json;
  json.text("source", call.dependencies.source_name);
  if (const auto report = report_of(call.dependencies)) {
    add_phase(json, *report);
  } else {
    add_stored_phase(json, call.dependencies);
  }
  if (call.dependencies.capture != nullptr) {
    const double lag_seconds = call.dependencies.capture->report().lag_seconds;
    json.text("captured_until", Timestamp{Timestamp::now().us - static_cast<int64_t>(lag_seconds * 1e6)}.to_string());
  } else {
    json.raw("captured_until", "null");
  }
  json.number("entries", entries_of(call))
      .raw("gaps", JsonWriter().number("count", *gaps).raw("newest", *newest).finish())
      .raw("coverage", coverage_json(*counts))
      .raw("checkpoint", checkpoint_json(call.dependencies))
      .text_or_null("verifier_key", call.dependencies.verifier_key);
  return json_answer(json.finish());
}

http::Response get_sync(const Call& call) {
  if (call.dependencies.capture == nullptr)
    return problem(Error{ErrorCode::kUnavailable, "the daemon is not running: start it with `rowledger serve`"});
  const auto seconds = number_parameter(call.target, "timeout_s", kDefaultSyncSeconds, 0, kLongestSyncSeconds);
  if (!seconds) return problem(seconds.error());
  if (const auto done = call.dependencies.capture->sync(static_cast<int>(*seconds * 1000)); !done)
    return problem(done.error());
  const auto report = call.dependencies.capture->report();
  return json_answer(JsonWriter()
                         .text_or_null("captured_lsn", lsn_text(report.captured_lsn))
                         .number("entries", call.dependencies.store.end().value)
                         .finish());
}

}  // namespace rowledger::api
