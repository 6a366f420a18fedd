#include "capture/session.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "base/json_text.h"
#include "base/log.h"
#include "capture/thread_priority.h"
#include "postgres/attach.h"

namespace rowledger::capture {
namespace {

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

Status begin_anew(const SessionParts& parts, std::string_view reason, const std::function<bool(uint64_t)>& progress) {
  const Settings& settings = parts.settings;
  RL_ASSIGN(auto connection, Connection::open(settings.conninfo));
  RL_ASSIGN(const auto old_slot, slot_info(*connection, settings.slot));
  if (old_slot) RL_TRY(drop_slot(*connection, settings.slot));
  RL_ASSIGN(auto snapshot, SlotSnapshot::create(settings.conninfo, settings.slot));

  const auto lock = parts.writer.lock();
  store::Cursor& cursor = parts.writer.cursor();
  // A standby in the midst of its promotion told the old timeline when the reason was looked for.
  const SystemIdentity& system = snapshot->system();
  if (!reason.empty() && system.system_id == cursor.system_id && system.timeline != cursor.timeline)
    reason = "timeline-changed";
  if (!reason.empty()) {
    log::warning("slot {} begins anew at {}: {}", settings.slot, snapshot->consistent_point().to_string(), reason);
    parts.writer.add_control(record::EntryKind::kGap, "",
                             json_object({{"reason", reason},
                                          {"from_lsn", cursor.end_lsn.to_string()},
                                          {"to_lsn", snapshot->consistent_point().to_string()},
                                          {"text",
                                           "changes between the two positions may be missing; every table was "
                                           "compared with the log, and each difference is an entry"}}));
  }
  Baseline baseline(settings, parts.store, parts.writer, parts.tables, parts.state);
  if (Status done = baseline.record(*snapshot, all_tables(settings), progress); !done) {
    // A slot without its baseline would look like one that has it.
    snapshot.reset();
    (void)drop_slot(*connection, settings.slot);
    return done;
  }
  cursor = {};
  cursor.system_id = snapshot->system().system_id;
  cursor.timeline = snapshot->system().timeline;
  cursor.end_lsn = snapshot->consistent_point();
  parts.writer.restart_captured(cursor.end_lsn);
  parts.update_report([&](Report& report) { report.source_lsn = cursor.end_lsn; });
  parts.writer.batch().set_meta(kUndecodable, "");
  parts.writer.keep_cursor();
  return parts.writer.flush_and_wait();
}

// ---- preparation -------------------------------------------------------------------------------

Status Session::prepare() {
  const Settings& settings = parts_.settings;
  RL_ASSIGN(connection_, Connection::open(settings.conninfo));
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
  RL_TRY(parts_.writer.flush_and_wait());  // what it marked is read from the store below
  if (!look.publication_exists)
    return fail(ErrorCode::kNotFound, look.warnings.empty() ? "the publication does not exist" : look.warnings.front());
  RL_ASSIGN(const std::string reason, reason_for_new_slot(system, look));
  RL_ASSIGN(const std::vector<std::string> due, tables_due());
  if (!reason.empty()) {
    parts_.update_report([](Report& report) { report.phase = Report::Phase::kBaseline; });
    RL_TRY(begin_anew(parts_, reason, [this](uint64_t rows) { return report_baseline(rows); }));
    return open_stream();
  }
  RL_TRY(open_stream());
  return due.empty() ? Status() : plan_barrier(due);
}

Result<std::string> Session::reason_for_new_slot(const SystemIdentity& system, const Look& look) {
  const store::Cursor cursor = parts_.store.cursor();
  const std::optional<SlotInfo>& slot = look.slot;
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
// the state is just what the snapshot must show, and whatever differs was missed.
Status Session::plan_barrier(const std::vector<std::string>& tables) {
  const std::string slot = barrier_slot(parts_.settings);
  RL_ASSIGN(const auto left_over, slot_info(*connection_, slot));
  if (left_over) RL_TRY(drop_slot(*connection_, slot));
  RL_ASSIGN(barrier_snapshot_, SlotSnapshot::create(parts_.settings.conninfo, slot));

  std::vector<std::string> first_time;
  Baseline baseline(parts_.settings, parts_.store, parts_.writer, parts_.tables, parts_.state);
  for (const std::string& table : tables)
    if (!baseline.was_complete(table)) first_time.push_back(table);
  assembler_->ignore_until_baseline(first_time);
  assembler_->at_barrier(barrier_snapshot_->consistent_point(), tables, [this, tables, slot]() -> Status {
    log::info("comparing {} table(s) with the log", tables.size());
    parts_.update_report([](Report& report) { report.phase = Report::Phase::kBaseline; });
    Baseline compare(parts_.settings, parts_.store, parts_.writer, parts_.tables, parts_.state);
    Status done = compare.record(*barrier_snapshot_, tables, [this](uint64_t rows) { return report_baseline(rows); });
    barrier_snapshot_.reset();
    if (auto connection = Connection::open(parts_.settings.conninfo)) (void)drop_slot(**connection, slot);
    parts_.update_report([](Report& report) { report.phase = Report::Phase::kStreaming; });
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
  Status status = prepare();
  if (status) {
    parts_.update_report([](Report& report) {
      report.phase = Report::Phase::kStreaming;
      report.problem.clear();
    });
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
  while (!ended()) {
    StreamBuffer buffer = empty_.try_pop().value_or(StreamBuffer{});
    RL_ASSIGN(const size_t frames, stream_->drain(buffer, kDrainBytes, kDrainWaitMs));
    if (frames > 0) {
      received_wal_end_ = std::max(received_wal_end_.load(), buffer.frames.back().wal_end.value);
      RL_TRY(hand_over(buffer));
    }
    RL_TRY(confirm_if_due());
  }
  return {};
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
  if (parts_.settings.yield_to_others) yield_to_other_programs();
  bool unflushed = false;
  while (true) {
    auto buffer = filled_.pop_for(unflushed ? milliseconds(kFlushRetry) : milliseconds(kBuildWait));
    if (!buffer && filled_.closed()) break;
    const auto lock = parts_.writer.lock();
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
    // What is complete goes to the disk as soon as the disk is free; what comes meanwhile shares the next sync.
    unflushed = parts_.writer.has_unflushed();
    if (unflushed && assembler_->between_transactions() && filled_.size() == 0 && parts_.writer.committer_is_idle()) {
      parts_.writer.flush();
      unflushed = false;
    }
    const bool behind = unflushed || filled_.size() > 0;
    const double lag_seconds =
        behind ? std::max<double>(0, static_cast<double>(Timestamp::now().us - assembler_->last_commit_time().us) / 1e6)
               : 0;
    parts_.update_report([lag_seconds](Report& report) { report.lag_seconds = lag_seconds; });
  }
}

void Session::watch() {
  while (true) {
    {
      std::unique_lock guard(mutex_);
      if (ended_changed_.wait_for(guard, milliseconds(parts_.settings.watch_interval_ms), [this] { return ended_; }))
        return;
    }
    auto look =
        connection_->alive() ? parts_.watch.look(*connection_) : fail(ErrorCode::kUnavailable, "connection lost");
    if (!look) {
      auto reopened = Connection::open(parts_.settings.conninfo);
      if (reopened) connection_ = std::move(*reopened);
      continue;
    }
    note_look(*look);
    if (look->baseline_due) start_again();
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
    RL_ASSIGN(build_connection_, Connection::open(parts_.settings.conninfo));
  }
  return table_definition(*build_connection_, table);
}

void Session::note_look(const Look& look) {
  parts_.update_report([&](Report& report) {
    report.source_lsn = std::max(report.source_lsn, look.source_lsn);
    report.warnings = look.warnings;
    const std::vector<std::string> of_columns = parts_.tables.warnings();
    report.warnings.insert(report.warnings.end(), of_columns.begin(), of_columns.end());
    report.slot_exists = look.slot.has_value();
    if (!look.slot) return;
    report.slot_active = look.slot->active;
    report.slot_wal_status = look.slot->wal_status;
    report.slot_retained_bytes = look.slot->retained_bytes;
    report.slot_safe_bytes = look.slot->safe_wal_bytes;
  });
}

}  // namespace rowledger::capture
