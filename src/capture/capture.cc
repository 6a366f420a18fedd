#include "capture/capture.h"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "base/log.h"
#include "base/thread_name.h"
#include "capture/erasures.h"
#include "capture/session.h"

namespace rowledger::capture {
namespace {

using std::chrono::milliseconds;

constexpr size_t kStateCacheBytes = 64 << 20;
constexpr int kCloseWithinMs = 1'000;
constexpr auto kPatience = std::chrono::seconds(10);
constexpr int kFirstBackoffMs = 200, kLongestBackoffMs = 3'000;

// The prefix keeps these messages apart from the ones that attribute.
constexpr char kSyncSql[] = "SELECT pg_logical_emit_message(true, 'rowledger.sync', '')";

class CaptureImpl final : public Capture {
 public:
  CaptureImpl(const Settings& settings, store::Store& store)
      : settings_(settings),
        store_(store),
        writer_(settings_, store),
        tables_(settings_, store),
        state_(store, writer_, kStateCacheBytes),
        watch_(settings_, store, writer_),
        erasures_(store, writer_, state_) {
    report_.captured_lsn = store.cursor().end_lsn;
    report_.caught_up_at = Timestamp::now();
  }
  ~CaptureImpl() override { stop(); }

  void start() override {
    supervisor_ = std::thread([this] { supervise(); });
  }

  void stop() override {
    writer_.close_within(kCloseWithinMs);
    {
      std::lock_guard guard(mutex_);
      stop_ = true;
      if (session_ != nullptr) session_->wake();
      stopped_.notify_all();
    }
    if (supervisor_.joinable()) supervisor_.join();
    (void)writer_.flush_and_wait();
  }

  Report report() const override {
    Report report;
    {
      std::lock_guard guard(report_mutex_);
      report = report_;
      if (!retention_problem_.empty()) report.warnings.push_back(retention_problem_);
    }
    report.captured_lsn = writer_.durable().captured;
    report.source_lsn = std::max(report.source_lsn, report.captured_lsn);
    report.lag_bytes = static_cast<int64_t>(report.source_lsn.value - report.captured_lsn.value);
    report.gaps = writer_.gap_count();
    for (const record::EntryKind kind : record::entry_kinds()) report.added[kind] = writer_.added(kind);
    report.batches_waiting = static_cast<uint64_t>(writer_.batches_waiting());
    report.log_writable = writer_.problem().empty() && writer_.failure();
    if (std::string problem = writer_.problem(); !problem.empty()) report.problem = std::move(problem);
    if (report.phase != Report::Phase::kStreaming || !report.problem.empty())
      report.lag_seconds =
          std::max(report.lag_seconds, static_cast<double>(Timestamp::now().us - report.caught_up_at.us) / 1e6);
    return report;
  }

  Status sync(int timeout_ms) override {
    const Durable before = writer_.durable();
    RL_ASSIGN(auto connection, postgres::Connection::open(settings_.conninfo));
    // Our own transaction's commit comes after everything that was committed before, and its sync flushes them.
    RL_ASSIGN(const auto rows, connection->query(kSyncSql));
    const auto lsn = rows.rows.empty() || !rows.rows[0][0] ? std::nullopt : Lsn::parse(*rows.rows[0][0]);
    if (!lsn) return fail(ErrorCode::kInternal, "pg_logical_emit_message did not answer with a position");
    // A position that was passed before: the source was put back, or a standby has taken its place, and until capture
    // has begun anew the log's position is one of another history.
    const bool went_back = *lsn <= before.captured;
    if (writer_.wait_for_captured(*lsn, before.restarts + (went_back ? 1 : 0), timeout_ms)) return {};
    const Report now = report();
    const std::string how_far = went_back ? "the source went back to it, and capture has not begun anew there"
                                          : "only to " + now.captured_lsn.to_string();
    return fail(ErrorCode::kUnavailable, "not captured up to " + lsn->to_string() + " in time, " + how_far + ": " +
                                             (now.problem.empty() ? "try a longer --timeout" : now.problem));
  }

  Status append(std::span<const record::Entry> entries, int timeout_ms) override {
    // Behind a full disk nothing more is piled up.
    if (std::string problem = writer_.problem(); !problem.empty())
      return fail(ErrorCode::kUnavailable, std::move(problem));
    const auto deadline =
        std::chrono::steady_clock::now() + (timeout_ms < 0 ? std::chrono::hours(24 * 365) : milliseconds(timeout_ms));
    const auto late = [] { return fail(ErrorCode::kUnavailable, "the log was not written in time"); };
    uint64_t batch;
    {
      const auto lock = writer_.lock_until(deadline);
      if (!lock) return late();
      for (record::Entry entry : entries) writer_.add(entry);
      batch = writer_.batch_number();
    }
    // While one batch is being written, whoever comes joins the next, and one of them hands it over.
    const std::unique_lock turn(append_turn_, deadline);
    if (!turn) return late();
    {
      const auto lock = writer_.lock_until(deadline);
      if (!lock) return late();
      if (writer_.batch_number() == batch) writer_.flush();
    }
    return writer_.wait_for_batch(batch, timeout_ms);
  }

  Result<Seq> append_with(const record::Entry& entry, const std::function<Meta(Seq)>& also) override {
    if (std::string problem = writer_.problem(); !problem.empty())
      return fail(ErrorCode::kUnavailable, std::move(problem));
    const auto lock = writer_.lock_until(std::chrono::steady_clock::now() + kPatience);
    if (!lock) return fail(ErrorCode::kUnavailable, "the log was not written in time");
    record::Entry copy = entry;
    const Seq seq = writer_.add(copy);
    for (auto& [key, value] : also(seq)) writer_.batch().set_meta(key, value);
    RL_TRY(writer_.flush_and_wait());
    return seq;
  }

  Result<Seq> erase(const record::Entry& entry) override { return erasures_.carry_out(entry); }
  Status finish_erasures() override { return erasures_.finish_open(); }
  Status remove_copies(const std::function<Status()>& remove) override { return erasures_.remove_copies(remove); }
  Result<uint64_t> expire(const store::RetentionRules& rules, uint32_t today, const Held& held) override {
    Result<uint64_t> destroyed = erasures_.expire(rules, today, held, stop_);
    const bool failed = !destroyed && destroyed.error().code != ErrorCode::kCancelled;
    const std::lock_guard guard(report_mutex_);
    retention_problem_ =
        failed ? "values could not be erased as retention says, and it is tried again: " + destroyed.error().message
               : std::string();
    return destroyed;
  }

 private:
  SessionParts parts() {
    return {settings_,
            store_,
            writer_,
            tables_,
            state_,
            watch_,
            memory_,
            [this](const std::function<void(Report&)>& change) {
              std::lock_guard guard(report_mutex_);
              change(report_);
            }};
  }

  void supervise() {
    name_this_thread("receive");
    int backoff_ms = kFirstBackoffMs;
    while (!stop_) {
      Session session(parts());
      {
        std::lock_guard guard(mutex_);
        if (stop_) break;
        session_ = &session;
      }
      const auto began = std::chrono::steady_clock::now();
      const Status status = session.run();
      std::unique_lock guard(mutex_);
      session_ = nullptr;
      if (stop_) break;
      if (status) continue;
      note_problem(status.error());
      if (std::chrono::steady_clock::now() - began > milliseconds(kLongestBackoffMs)) backoff_ms = kFirstBackoffMs;
      stopped_.wait_for(guard, milliseconds(backoff_ms), [this] { return stop_.load(); });
      backoff_ms = std::min(backoff_ms * 2, kLongestBackoffMs);
    }
    std::lock_guard guard(report_mutex_);
    report_.phase = Report::Phase::kStopped;
  }

  void note_problem(const Error& error) {
    std::lock_guard guard(report_mutex_);
    if (report_.problem != error.message) log::warning("capture waits: {}", error.message);
    report_.problem = error.message;
    report_.phase = Report::Phase::kWaiting;
    report_.slot_active = false;
  }

  const Settings settings_;
  store::Store& store_;
  EntryWriter writer_;
  Tables tables_;
  StateView state_;
  Watch watch_;
  Erasures erasures_;
  SessionMemory memory_;

  std::timed_mutex append_turn_;

  std::mutex mutex_;  // guards session_ and the waiting between sessions
  std::condition_variable stopped_;
  Session* session_ = nullptr;
  std::atomic<bool> stop_{false};
  std::thread supervisor_;

  mutable std::mutex report_mutex_;
  Report report_;
  std::string retention_problem_;  // guarded like it: what of report_ concerns the source is made anew at each look
};

}  // namespace

std::string_view to_string(Report::Phase phase) {
  switch (phase) {
    case Report::Phase::kStarting: return "starting";
    case Report::Phase::kBaseline: return "baseline";
    case Report::Phase::kStreaming: return "streaming";
    case Report::Phase::kWaiting: return "waiting";
    case Report::Phase::kLocked: return "locked";
    case Report::Phase::kStopped: return "stopped";
  }
  return "stopped";
}

std::unique_ptr<Capture> Capture::create(const Settings& settings, store::Store& store) {
  return std::make_unique<CaptureImpl>(settings, store);
}

Status take_baseline(const Settings& settings, store::Store& store, std::string_view reason,
                     const std::function<void(uint64_t)>& progress) {
  EntryWriter writer(settings, store);
  Tables tables(settings, store);
  StateView state(store, writer, kStateCacheBytes);
  Watch watch(settings, store, writer);
  SessionMemory memory;
  const SessionParts parts{settings, store, writer, tables,
                           state,    watch, memory, [](const std::function<void(Report&)>&) {}};
  // What is right now is what later looks are compared with; the second look sees what was altered meanwhile.
  RL_ASSIGN(auto connection, postgres::Connection::open(settings.conninfo));
  RL_TRY(watch.look(*connection));
  RL_TRY(begin_anew(
      parts, store.cursor().system_id == 0 ? std::string_view() : reason,
      [&](uint64_t rows) {
        progress(rows);
        return true;
      },
      [] { return false; }));
  RL_TRY(watch.look(*connection));
  return writer.flush_and_wait();
}

}  // namespace rowledger::capture
