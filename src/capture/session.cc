#include "capture/session.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "base/json_text.h"
#include "base/log.h"
#include "base/thread_name.h"
#include "capture/gathering.h"
#include "capture/thread_priority.h"
#include "postgres/attach.h"

namespace rowledger::capture {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using namespace postgres;

constexpr size_t kDrainBytes = 512 << 10;
constexpr size_t kKeptBufferBytes = 2 << 20;  // a buffer that one huge row blew up is not kept
constexpr int kDrainWaitMs = 100;
constexpr int64_t kConfirmEveryUs = 100'000;            // when there is something new to confirm
constexpr int64_t kConfirmAtLeastEveryUs = 10'000'000;  // else; a third of wal_sender_timeout if that is less
constexpr auto kFlushRetry = milliseconds(1);
constexpr auto kBuildWait = milliseconds(200);
// The stream cannot be decoded where the publication did not exist: set when that was seen.
constexpr char kUndecodable[] = "capture.undecodable";
constexpr char kGapTold[] = "capture.gap_told";  // "<reason> <lsn>": of the gap that a new slot is to end
constexpr int64_t kTellWaitAfterUs = 1'000'000;
constexpr int kLongestComparisonWaitMs = 32'000;
constexpr int kComparisonPause = 5;  // times as long as the last try took, until the next
// The end of the last record and the start of the next can lie on two sides of a page's header.
constexpr uint64_t kPageHeaderBytes = 40;

int64_t steady_us() {
  using namespace std::chrono;
  return duration_cast<microseconds>(steady_clock::now().time_since_epoch()).count();
}

std::vector<std::string> all_tables(const Settings& settings) {
  std::vector<std::string> names;
  for (const TableSettings& table : settings.tables) names.push_back(table.table);
  return names;
}

std::string barrier_slot(const Settings& settings) { return settings.slot + "_baseline"; }

}  // namespace

// ---- a new slot --------------------------------------------------------------------------------

namespace {

// Before the slot is made, so that the log says it even if that takes long; once, however often it is tried.
Status tell_gap(const SessionParts& parts, std::string_view reason) {
  const std::string from = parts.store.cursor().end_lsn.to_string();
  const std::string told = std::string(reason) + " " + from;
  RL_ASSIGN(const auto before, parts.store.meta(kGapTold));
  if (before && *before == told) return {};
  const auto lock = parts.writer.lock();
  parts.writer.batch().set_meta(kGapTold, told);
  parts.writer.add_control(
      record::EntryKind::kGap, "",
      json_object({{"reason", reason},
                   {"from_lsn", from},
                   {"text",
                    "changes from this position on may be missing until capture begins anew; then every "
                    "table is compared with the log, and each difference is an entry"}}));
  return parts.writer.flush_and_wait();
}

// Tells why the server does not make the slot.
class SlotWait {
 public:
  SlotWait(const SessionParts& parts, Connection& connection, std::function<bool()> ended)
      : parts_(parts), connection_(connection), ended_(std::move(ended)) {}

  bool gives_up(int backend_pid) {
    if (ended_()) return true;
    const int64_t now = steady_us();
    if (now - told_at_ < kTellWaitAfterUs || backend_pid == 0) return false;
    told_at_ = now;
    std::string processes;
    if (const auto pids = waited_for(connection_, backend_pid))
      for (const int pid : *pids) processes += fmt::format("{}{}", processes.empty() ? "" : ", ", pid);
    if (processes.empty()) return false;
    const std::string text = fmt::format(
        "the new slot waits for a transaction that is open in the source (server process {}): it is made "
        "when that ends",
        processes);
    if (text != text_) log::warning("{}", text);
    text_ = text;
    parts_.update_report([&](Report& report) { report.problem = text; });
    return false;
  }
  const std::string& text() const { return text_; }

 private:
  const SessionParts& parts_;
  Connection& connection_;
  const std::function<bool()> ended_;
  int64_t told_at_ = steady_us();
  std::string text_;
};

}  // namespace

Status begin_anew(const SessionParts& parts, std::string_view reason, const std::function<bool(uint64_t)>& progress,
                  const std::function<bool()>& ended) {
  const Settings& settings = parts.settings;
  if (!reason.empty()) RL_TRY(tell_gap(parts, reason));
  RL_ASSIGN(auto connection, Connection::open(settings.conninfo, false, ended));
  RL_ASSIGN(const auto old_slot, slot_info(*connection, settings.slot));
  if (old_slot) RL_TRY(drop_slot(*connection, settings.slot));
  SlotWait wait(parts, *connection, ended);
  RL_ASSIGN(auto snapshot, SlotSnapshot::create(
                               settings.conninfo, settings.slot, [&](int pid) { return wait.gives_up(pid); }, ended));
  if (!wait.text().empty()) parts.update_report([](Report& report) { report.problem.clear(); });

  const auto lock = parts.writer.lock();
  store::Cursor& cursor = parts.writer.cursor();
  // A standby in the midst of its promotion told the old timeline when the reason was looked for.
  const SystemIdentity& system = snapshot->system();
  const bool promoted = !reason.empty() && reason != "timeline-changed" && system.system_id == cursor.system_id &&
                        system.timeline != cursor.timeline;
  if (promoted) {
    reason = "timeline-changed";
    parts.writer.add_control(record::EntryKind::kGap, "",
                             json_object({{"reason", reason}, {"from_lsn", cursor.end_lsn.to_string()}}));
  }
  if (!reason.empty()) {
    log::warning("slot {} begins anew at {}: {}", settings.slot, snapshot->consistent_point().to_string(), reason);
    parts.writer.add_control(record::EntryKind::kControl, "",
                             json_object({{"event", "slot-made"},
                                          {"reason", reason},
                                          {"from_lsn", cursor.end_lsn.to_string()},
                                          {"to_lsn", snapshot->consistent_point().to_string()}}));
  }
  Baseline baseline(settings, parts.store, parts.writer, parts.tables, parts.state);
  if (Status done = baseline.record(*snapshot, all_tables(settings), progress); !done) {
    // A slot without its baseline would look like one that has it.
    snapshot.reset();
    // The connection may be one that is interrupted.
    if (auto last = Connection::open(settings.conninfo)) (void)drop_slot(**last, settings.slot);
    return done;
  }
  cursor = {};
  cursor.system_id = snapshot->system().system_id;
  cursor.timeline = snapshot->system().timeline;
  cursor.end_lsn = snapshot->consistent_point();
  parts.writer.restart_captured(cursor.end_lsn);
  parts.update_report([&](Report& report) { report.source_lsn = cursor.end_lsn; });
  parts.writer.batch().set_meta(kUndecodable, "");
  parts.writer.batch().set_meta(kGapTold, "");
  parts.writer.batch().set_meta(kPositionAltered, "");
  parts.writer.keep_cursor();
  return parts.writer.flush_and_wait();
}

// ---- preparation -------------------------------------------------------------------------------

Status Session::prepare() {
  const Settings& settings = parts_.settings;
  RL_ASSIGN(connection_, Connection::open(settings.conninfo, false, [this] { return ended(); }));
  RL_ASSIGN(auto replication, Connection::open(settings.conninfo, true));
  RL_ASSIGN(const SystemIdentity system, identify_system(*replication));
  replication.reset();
  RL_TRY(parts_.writer.flush_and_wait());

  const store::Cursor cursor = parts_.store.cursor();
  if (cursor.system_id == 0)
    return fail(ErrorCode::kConflict, "nothing was captured yet: run `rowledger attach` first");
  if (cursor.system_id != system.system_id) {
    const std::string text = fmt::format(
        "the database behind source.url is another system ({}) than the one in the log ({}): correct the URL, or, if "
        "it was "
        "restored or upgraded on purpose, run `rowledger attach`",
        system.system_id, cursor.system_id);
    constexpr char kForeign[] = "capture.foreign_system";
    const auto lock = parts_.writer.lock();
    RL_ASSIGN(const auto told, parts_.store.meta(kForeign));
    if (!told || *told != std::to_string(system.system_id)) {
      parts_.writer.batch().set_meta(kForeign, std::to_string(system.system_id));
      parts_.writer.add_control(record::EntryKind::kGap, "", json_object({{"reason", "other-system"}, {"text", text}}));
      RL_TRY(parts_.writer.flush_and_wait());
    }
    return fail(ErrorCode::kConflict, text);
  }
  RL_ASSIGN(const Look look, parts_.watch.look(*connection_));
  note_look(look);
  source_lsn_at_start_ = look.source_lsn;
  RL_TRY(parts_.writer.flush_and_wait());  // what it marked is read from the store below
  if (!look.publication_exists)
    return fail(ErrorCode::kNotFound, look.warnings.empty() ? "the publication does not exist" : look.warnings.front());
  RL_ASSIGN(const std::string reason, reason_for_new_slot(system, look));
  RL_ASSIGN(const std::vector<std::string> due, tables_due());
  if (!reason.empty()) {
    parts_.update_report([](Report& report) { report.phase = Report::Phase::kBaseline; });
    RL_TRY(begin_anew(
        parts_, reason, [this](uint64_t rows) { return report_baseline(rows); }, [this] { return ended(); }));
    parts_.update_report([](Report& report) { report.problem.clear(); });
    after_problem_ = false;
    return open_stream();
  }
  RL_TRY(open_stream());
  return due.empty() ? Status() : plan_barrier(due);
}

Result<std::string> Session::reason_for_new_slot(const SystemIdentity& system, const Look& look) {
  const store::Cursor cursor = parts_.store.cursor();
  const std::optional<SlotInfo>& slot = look.slot;
  RL_ASSIGN(const auto altered, parts_.store.meta(kPositionAltered));
  if (altered && !altered->empty()) return std::string("position-altered");
  if (system.timeline != cursor.timeline) return std::string("timeline-changed");
  // Nothing is sent that is not on the server's disk: it was put back to an older copy, whose WAL goes another way.
  if (look.source_lsn < cursor.end_lsn) return std::string("source-rewound");
  if (!slot) return std::string("slot-missing");
  if (slot->plugin != "pgoutput")
    return fail(ErrorCode::kConflict,
                fmt::format("slot {} belongs to something else (plugin {}): set another source.slot",
                            parts_.settings.slot, slot->plugin));
  if (slot->wal_status == "lost" || !slot->invalidation_reason.empty()) return std::string("slot-lost");
  // We confirm only what is stored here: a slot beyond that was read or moved by somebody else, or is another
  // slot of the same name.
  if (slot->confirmed_flush_lsn > cursor.end_lsn) return std::string("slot-advanced");
  RL_ASSIGN(const auto undecodable, parts_.store.meta(kUndecodable));
  if (undecodable && !undecodable->empty()) return std::string("publication-missed");
  return std::string();
}

// Of the tables whose baseline is due, those that can have one now.
Result<std::vector<std::string>> Session::tables_due() {
  std::vector<std::string> out;
  const Baseline baseline(parts_.settings, parts_.store, parts_.writer, parts_.tables, parts_.state);
  const std::vector<std::string> due = baseline.due();
  for (const TableSettings& table : parts_.settings.tables) {
    RL_ASSIGN(const auto info, table_info(*connection_, parts_.settings.publication, table.table));
    if (!info) continue;
    parts_.tables.set_key(table.table, info->key);
    if (std::ranges::count(due, table.table) > 0 && info->published && !info->key.empty()) out.push_back(table.table);
  }
  return out;
}

// The tables are read under a snapshot of their own, and compared when the stream has come to its position: then
// the state is just what the snapshot must show, and whatever differs was missed. The server makes such a snapshot only
// when every transaction has ended that has written something. The stream must not run ahead of it, so it stands
// still meanwhile, but not for long: then it goes on, and the comparison is tried again later, with more patience.
Status Session::plan_barrier(const std::vector<std::string>& tables) {
  const std::string slot = barrier_slot(parts_.settings);
  RL_ASSIGN(const auto left_over, slot_info(*connection_, slot));
  if (left_over) RL_TRY(drop_slot(*connection_, slot));
  std::vector<std::string> first_time;
  Baseline baseline(parts_.settings, parts_.store, parts_.writer, parts_.tables, parts_.state);
  for (const std::string& table : tables)
    if (!baseline.was_complete(table)) first_time.push_back(table);
  assembler_->ignore_until_baseline(first_time);

  SessionMemory& memory = parts_.memory;
  const int64_t patient_until_us = steady_us() + int64_t{1'000} * memory.comparison_wait_ms;
  const auto ended = [this] { return this->ended(); };
  SlotWait wait(parts_, *connection_, [&] { return this->ended() || steady_us() > patient_until_us; });
  auto snapshot = SlotSnapshot::create(
      parts_.settings.conninfo, slot, [&](int pid) { return wait.gives_up(pid); }, ended);
  if (!wait.text().empty()) parts_.update_report([](Report& report) { report.problem.clear(); });
  if (!snapshot && snapshot.error().code == ErrorCode::kCancelled && !this->ended()) {
    memory.comparison_waits = fmt::format(
        "{} table(s) are due to be compared with the log: this waits for a transaction that is open "
        "in the source, and is tried again ({})",
        tables.size(), wait.text());
    memory.comparison_wait_ms = std::min(2 * memory.comparison_wait_ms, kLongestComparisonWaitMs);
    return {};
  }
  if (!snapshot) return fail(std::move(snapshot.error()));
  memory = {};
  barrier_snapshot_ = std::move(*snapshot);
  assembler_->at_barrier(barrier_snapshot_->consistent_point(), tables, [this, tables, slot]() -> Status {
    log::info("comparing {} table(s) with the log", tables.size());
    parts_.update_report([](Report& report) { report.phase = Report::Phase::kBaseline; });
    Baseline compare(parts_.settings, parts_.store, parts_.writer, parts_.tables, parts_.state);
    Status done = compare.record(*barrier_snapshot_, tables, [this](uint64_t rows) { return report_baseline(rows); });
    barrier_snapshot_.reset();
    if (auto connection = Connection::open(parts_.settings.conninfo)) (void)drop_slot(**connection, slot);
    parts_.update_report([](Report& report) {
      report.phase = report.problem.empty() ? Report::Phase::kStreaming : Report::Phase::kWaiting;
    });
    return done;
  });
  return {};
}

Status Session::open_stream() {
  const Settings& settings = parts_.settings;
  // A trigger may be left from when the configuration asked for it.
  std::string secret;
  if (auto read = read_stamp_secret(*connection_)) {
    secret = std::move(*read);
  } else if (settings.expect_trigger) {
    log::warning("the attribution trigger's messages cannot be verified: {}", read.error().message);
  }
  // Where the trigger names the actors, the server keeps transactions in progress to itself, in memory and then on
  // its disk: only it can tell which of the trigger's messages were rolled back with their savepoint.
  const bool in_progress = !settings.expect_trigger && secret.empty();
  attributor_ = std::make_unique<Attributor>(settings, std::move(secret));
  RL_ASSIGN(auto spool, TransactionSpool::open(settings.spool_directory));
  spool_.emplace(std::move(spool));
  parts_.tables.forget_relations();
  assembler_ = std::make_unique<Assembler>(
      Assembler::Parts{settings, parts_.store, parts_.writer, parts_.tables, parts_.state, *attributor_, *spool_,
                       [this](const std::string& table) { return definition_of(table); }, [this] { start_again(); }});
  RL_ASSIGN(auto stream, ReplicationStream::open({settings.conninfo, settings.slot, settings.publication,
                                                  parts_.store.cursor().end_lsn, in_progress}));
  std::lock_guard guard(mutex_);  // wake() may come at any time
  stream_ = std::move(stream);
  return {};
}

bool Session::report_baseline(uint64_t rows) {
  parts_.update_report([rows](Report& report) { report.baseline_rows = rows; });
  return !ended();
}

// ---- streaming ---------------------------------------------------------------------------------

Status Session::run() {
  parts_.update_report([this](Report& report) {
    after_problem_ = !report.problem.empty();
    if (!after_problem_) report.phase = Report::Phase::kStarting;
  });
  Status status = prepare();
  if (status) {
    if (!after_problem_) parts_.update_report([](Report& report) { report.phase = Report::Phase::kStreaming; });
    build_thread_ = std::thread([this] { build(); });
    watch_thread_ = std::thread([this] { watch(); });
    status = receive();
    filled_.close();
    empty_.close();
    build_thread_.join();
    end(std::move(status));
    watch_thread_.join();
    std::lock_guard guard(mutex_);
    status = restart_ ? Status() : why_;
  }
  if (!status && status.error().code == ErrorCode::kNotFound &&
      status.error().message.find("publication") != std::string::npos) {
    // Whatever is in the WAL from before the publication came back can never be decoded by it.
    const auto lock = parts_.writer.lock();
    parts_.writer.batch().set_meta(kUndecodable, "1");
    RL_TRY(parts_.writer.flush_and_wait());
  }
  return status;
}

void Session::wake() {
  end({});
  std::lock_guard guard(mutex_);
  if (stream_) stream_->wake();
}

void Session::end(Status why) {
  std::lock_guard guard(mutex_);
  if (ended_) return;
  ended_ = true;
  why_ = std::move(why);
  ended_changed_.notify_all();
}

bool Session::ended() const {
  std::lock_guard guard(mutex_);
  return ended_;
}

Status Session::receive() {
  if (parts_.settings.yield_to_others) yield_to_other_programs();
  auto last = std::chrono::steady_clock::now();
  while (!ended()) {
    StreamBuffer buffer = empty_.try_pop().value_or(StreamBuffer{});
    RL_ASSIGN(const size_t frames, stream_->drain(buffer, kDrainBytes, kDrainWaitMs));
    const auto now = std::chrono::steady_clock::now();
    const auto since = std::chrono::duration_cast<microseconds>(now - last);
    last = now;
    const size_t bytes = buffer.bytes.size();
    if (frames > 0) {
      received_wal_end_ = std::max(received_wal_end_.load(), buffer.frames.back().wal_end.value);
      RL_TRY(hand_over(buffer));
    }
    RL_TRY(confirm_if_due());
    if (frames == 0 || bytes >= kDrainBytes) continue;
    gather_until(now + (is_flood(bytes, since) ? kFloodTime : gathering_time(frames, since)));
  }
  return {};
}

void Session::gather_until(std::chrono::steady_clock::time_point end) const {
  size_t before = 0;
  while (true) {
    const auto now = std::chrono::steady_clock::now();
    if (now >= end) return;
    std::this_thread::sleep_until(std::min(end, now + kGatheringSlice));
    const size_t waiting = stream_->waiting_bytes();
    if (ends_gathering(waiting, before)) return;
    before = waiting;
  }
}

// Waits while the builder is behind, and goes on telling the server meanwhile that we live.
Status Session::hand_over(StreamBuffer& buffer) {
  while (!filled_.push_for(buffer, milliseconds(kDrainWaitMs))) {
    if (ended()) return {};
    RL_TRY(confirm_if_due());
  }
  return {};
}

Status Session::confirm_if_due() {
  const Durable durable = parts_.writer.durable();
  parts_.update_report([&](Report& report) {
    report.captured_lsn = durable.captured;
    report.source_lsn = std::max(report.source_lsn, Lsn{received_wal_end_.load()});
    report.buffers_waiting = filled_.size();
  });
  const int64_t now = steady_us();
  int64_t at_least_every = kConfirmAtLeastEveryUs;
  if (const int timeout_ms = stream_->sender_timeout_ms(); timeout_ms > 0)
    at_least_every = std::min<int64_t>(at_least_every, int64_t{timeout_ms} * 1'000 / 3);
  const int64_t since = now - confirmed_at_us_;
  if (since < (durable.confirmable > confirmed_ ? kConfirmEveryUs : at_least_every)) return {};
  RL_TRY(stream_->confirm(durable.confirmable));
  confirmed_ = durable.confirmable;
  confirmed_at_us_ = now;
  return {};
}

void Session::build() {
  name_this_thread("build");
  if (parts_.settings.yield_to_others) yield_to_other_programs();
  bool unflushed = false;
  while (true) {
    auto buffer = filled_.pop_for(unflushed ? milliseconds(kFlushRetry) : milliseconds(kBuildWait));
    if (!buffer && filled_.closed()) break;
    parts_.writer.let_others_in();
    const auto lock = parts_.writer.lock();
    // Nothing that is built from here on would be kept.
    if (Status writable = parts_.writer.failure(); !writable) {
      end(std::move(writable));
      stream_->wake();
      break;
    }
    if (buffer) {
      if (Status done = assembler_->consume(*buffer); !done) {
        end(std::move(done));
        stream_->wake();
        break;
      }
      if (buffer->bytes.capacity() <= kKeptBufferBytes) {
        buffer->clear();
        (void)empty_.push_for(*buffer, milliseconds(0));
      }
    }
    // What is complete goes to the disk as soon as that may be asked for a sync; what comes meanwhile shares the next
    // sync.
    unflushed = parts_.writer.has_unflushed();
    if (unflushed && assembler_->between_transactions() && filled_.size() == 0 && parts_.writer.committer_is_ready()) {
      parts_.writer.flush();
      unflushed = false;
    }
    const bool behind = unflushed || filled_.size() > 0;
    const double lag_seconds =
        behind ? std::max<double>(0, static_cast<double>(Timestamp::now().us - assembler_->last_commit_time().us) / 1e6)
               : 0;
    parts_.update_report([&](Report& report) {
      report.lag_seconds = lag_seconds;
      if (!behind && !after_problem_) report.caught_up_at = Timestamp::now();
    });
    note_progress();
  }
}

void Session::note_progress() {
  if (!after_problem_) return;
  const Lsn captured = parts_.writer.durable().captured;
  const bool captured_one = assembler_->first_end() && captured >= *assembler_->first_end();
  if (!captured_one && captured.value + kPageHeaderBytes < source_lsn_at_start_.value) return;
  after_problem_ = false;
  log::info("capture goes on");
  parts_.update_report([](Report& report) {
    report.phase = Report::Phase::kStreaming;
    report.problem.clear();
  });
}

void Session::watch() {
  name_this_thread("watch");
  const int64_t compare_again_at_us =
      steady_us() + int64_t{1'000} * kComparisonPause * parts_.memory.comparison_wait_ms;
  while (true) {
    {
      std::unique_lock guard(mutex_);
      if (ended_changed_.wait_for(guard, milliseconds(parts_.settings.watch_interval_ms), [this] { return ended_; }))
        return;
    }
    auto look =
        connection_->alive() ? parts_.watch.look(*connection_) : fail(ErrorCode::kUnavailable, "connection lost");
    if (!look) {
      auto reopened = Connection::open(parts_.settings.conninfo, false, [this] { return ended(); });
      if (reopened) connection_ = std::move(*reopened);
      continue;
    }
    note_look(*look);
    if (look->baseline_due || (!parts_.memory.comparison_waits.empty() && steady_us() > compare_again_at_us))
      start_again();
  }
}

// Any thread.
void Session::start_again() {
  {
    std::lock_guard guard(mutex_);
    restart_ = !ended_ || restart_;
  }
  wake();
}

Result<std::optional<TableDefinition>> Session::definition_of(const std::string& table) {
  if (!build_connection_ || !build_connection_->alive()) {
    RL_ASSIGN(build_connection_, Connection::open(parts_.settings.conninfo, false, [this] { return ended(); }));
  }
  return table_definition(*build_connection_, table);
}

void Session::note_look(const Look& look) {
  parts_.update_report([&](Report& report) {
    report.source_lsn = std::max(report.source_lsn, look.source_lsn);
    report.warnings = look.warnings;
    const std::vector<std::string> of_columns = parts_.tables.warnings();
    report.warnings.insert(report.warnings.end(), of_columns.begin(), of_columns.end());
    if (!parts_.memory.comparison_waits.empty()) report.warnings.push_back(parts_.memory.comparison_waits);
    report.slot_exists = look.slot.has_value();
    if (!look.slot) return;
    report.slot_active = look.slot->active;
    report.slot_wal_status = look.slot->wal_status;
    report.slot_retained_bytes = look.slot->retained_bytes;
    report.slot_safe_bytes = look.slot->safe_wal_bytes;
  });
}

}  // namespace rowledger::capture
