// GET /metrics for Prometheus, and whether the process lives and can answer. docs/operations.md explains the alerts
// that ops/prometheus makes of them.
#include <fmt/format.h>
#include <sys/resource.h>
#include <unistd.h>

#include <array>
#include <cstdio>

#include "api/answer.h"
#include "api/coverage.h"
#include "api/json_writer.h"
#include "api/request_metrics.h"
#include "api/routes.h"
#include "base/prometheus_text.h"
#include "privacy/key_ring.h"
#include "store/notary.h"

namespace rowledger::api {
namespace {

using capture::Report;

void write_capture(PrometheusText& out, const Report& report) {
  out.begin("rowledger_capture_phase", "gauge", "1 for the phase that capture is in.");
  for (const auto phase : {Report::Phase::kStarting, Report::Phase::kBaseline, Report::Phase::kStreaming,
                           Report::Phase::kWaiting, Report::Phase::kLocked, Report::Phase::kStopped})
    out.sample({{"phase", to_string(phase)}}, report.phase == phase);
  out.gauge("rowledger_capture_problem", "1 while something keeps changes from being captured.",
            !report.problem.empty());
  out.gauge("rowledger_capture_warnings", "Things to mend that do not stop capture.",
            static_cast<double>(report.warnings.size()));
  out.gauge("rowledger_capture_lag_bytes", "WAL of the source that is not captured yet.",
            static_cast<double>(report.lag_bytes));
  out.gauge("rowledger_capture_lag_seconds", "Age of the oldest change that is known and not captured yet.",
            report.lag_seconds);
  out.counter("rowledger_gaps_total", "Gap entries since the log began: changes may have been missed there.",
              static_cast<double>(report.gaps));
  out.begin("rowledger_entries_total", "counter", "Entries written since the program started, by kind.");
  for (const auto& [kind, count] : report.added) out.sample({{"kind", to_string(kind)}}, static_cast<double>(count));
  out.begin("rowledger_queue_depth", "gauge", "What waits between the threads of capture.");
  out.sample({{"queue", "receive"}}, static_cast<double>(report.buffers_waiting));
  out.sample({{"queue", "append"}}, static_cast<double>(report.batches_waiting));
  out.gauge("rowledger_log_writable", "0 while the log takes no entries, because its disk is full or it failed.",
            report.log_writable);
}

void write_slot(PrometheusText& out, const Report& report) {
  out.gauge("rowledger_slot_exists", "1 when the replication slot is there.", report.slot_exists);
  out.gauge("rowledger_slot_active", "1 while the slot is being read.", report.slot_active);
  out.gauge("rowledger_slot_retained_bytes", "WAL that PostgreSQL keeps for the slot.",
            static_cast<double>(report.slot_retained_bytes));
  out.begin("rowledger_slot_safe_bytes", "gauge",
            "WAL that can still be written until PostgreSQL gives the slot up; none without max_slot_wal_keep_size.");
  if (report.slot_safe_bytes) out.sample({}, static_cast<double>(*report.slot_safe_bytes));
}

// The names of the checkpoint's metrics are always there, their values only once one was signed.
void write_checkpoint(PrometheusText& out, const Dependencies& dependencies) {
  const auto stored = dependencies.store.checkpoint();
  const auto key = ledger::VerifierKey::parse(dependencies.verifier_key);
  const auto opened = key ? store::last_checkpoint(dependencies.store, *key) : fail(Error{key.error()});
  const bool there = stored && *stored && opened && *opened;
  out.begin("rowledger_checkpoint_age_seconds", "gauge", "Since the last checkpoint was signed.");
  if (there) out.sample({}, static_cast<double>(Timestamp::now().us - (*stored)->stored_at.us) / 1e6);
  out.begin("rowledger_checkpoint_entries", "gauge", "Entries that the last signed checkpoint covers.");
  if (there) out.sample({}, static_cast<double>((*opened)->checkpoint.size.value));
}

void write_coverage(PrometheusText& out, const CoverageCounts& counts) {
  out.begin("rowledger_attributed_changes", "gauge",
            "Newest changes of the log by how surely it is known who made them.");
  out.sample({{"trust", "verified"}}, static_cast<double>(counts.verified));
  out.sample({{"trust", "claimed"}}, static_cast<double>(counts.claimed));
  out.sample({{"trust", "database"}}, static_cast<double>(counts.database));
  out.sample({{"trust", "unknown"}}, static_cast<double>(counts.unknown));
}

void write_seal(PrometheusText& out, const Dependencies& dependencies) {
  out.gauge("rowledger_seal_enabled", "1 when values are sealed with their person's key.", dependencies.seal);
  out.begin("rowledger_seal_keys", "gauge", "Keys of the key ring, by whose they are and whether they were destroyed.");
  if (dependencies.keys == nullptr) return;
  const privacy::KeyRingStatus keys = dependencies.keys->status();
  out.sample({{"of", "subject"}, {"state", "live"}}, static_cast<double>(keys.subjects_live));
  out.sample({{"of", "subject"}, {"state", "destroyed"}}, static_cast<double>(keys.subjects_destroyed));
  out.sample({{"of", "tenant"}, {"state", "live"}}, static_cast<double>(keys.tenants_live));
  out.sample({{"of", "tenant"}, {"state", "destroyed"}}, static_cast<double>(keys.tenants_destroyed));
}

void write_disk(PrometheusText& out, const Dependencies& dependencies, const store::StoreStats& stats) {
  out.gauge("rowledger_log_disk_bytes", "What the log takes on disk.", static_cast<double>(stats.disk_bytes));
  std::error_code error;
  const auto space = std::filesystem::space(dependencies.directory, error);
  out.begin("rowledger_disk_free_bytes", "gauge", "Free on the file system of the data directory.");
  if (!error) out.sample({}, static_cast<double>(space.available));
  out.begin("rowledger_disk_size_bytes", "gauge", "Size of the file system of the data directory.");
  if (!error) out.sample({}, static_cast<double>(space.capacity));
}

// Resident memory: the second number of /proc/self/statm, in pages.
double resident_bytes() {
  long long pages = 0;
  if (std::FILE* file = std::fopen("/proc/self/statm", "r")) {
    if (std::fscanf(file, "%*d %lld", &pages) != 1) pages = 0;
    std::fclose(file);
  }
  return static_cast<double>(pages) * static_cast<double>(::sysconf(_SC_PAGESIZE));
}

void write_process(PrometheusText& out, const Dependencies& dependencies) {
  out.begin("rowledger_build_info", "gauge", "Always 1; the label says which version runs.");
  out.sample({{"version", dependencies.version}}, 1);
  out.gauge("rowledger_process_resident_memory_bytes", "Memory that the process has in use.", resident_bytes());
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
  };
  out.counter("rowledger_process_cpu_seconds_total", "Processor time that the process has used.",
              seconds(usage.ru_utime) + seconds(usage.ru_stime));
}

}  // namespace

http::Response get_metrics(const Call& call) {
  const Dependencies& dependencies = call.dependencies;
  const auto counts = call.coverage.count();
  if (!counts) return problem(counts.error());
  const store::StoreStats stats = dependencies.store.stats();
  PrometheusText out;
  write_process(out, dependencies);
  if (dependencies.capture != nullptr || dependencies.locked) {
    const Report report = dependencies.capture != nullptr ? dependencies.capture->report() : dependencies.locked();
    write_capture(out, report);
    write_slot(out, report);
  }
  out.gauge("rowledger_log_entries", "Entries of the log.", static_cast<double>(stats.entries));
  write_checkpoint(out, dependencies);
  write_coverage(out, *counts);
  write_seal(out, dependencies);
  write_disk(out, dependencies, stats);
  call.requests.write(out);
  auto response = json_answer(out.take());
  response.headers = {{"Content-Type", std::string(PrometheusText::kContentType)}, {"Cache-Control", "no-store"}};
  return response;
}

http::Response get_health(const Call&) { return json_answer(JsonWriter().text("status", "alive").finish()); }

// Ready: a request for values would be answered. That takes a log that can be written, because each look at values
// is an entry of it. A source that cannot be reached is no reason to send nobody here.
http::Response get_readiness(const Call& call) {
  const Dependencies& dependencies = call.dependencies;
  if (dependencies.capture != nullptr && !dependencies.capture->report().log_writable)
    return problem(503, "unavailable", "Not ready", "the log cannot be written: `rowledger status` says why");
  return json_answer(JsonWriter().text("status", "ready").finish());
}

}  // namespace rowledger::api
