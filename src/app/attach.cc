#include "postgres/attach.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>

#include "app/terminal.h"
#include "app/verbs.h"
#include "app/workspace.h"
#include "capture/capture.h"
#include "postgres/catalogue.h"

namespace rowledger::app {
namespace {

using postgres::Connection;
using postgres::PlannedStatement;

// In the store's meta: the slot that an attach of this directory was about to make, so that one left
// by a crash is told from another installation's.
constexpr char kAttachingMeta[] = "app.attaching";

// Prints what was found; true when nothing stands in the way.
bool print_findings(const std::vector<postgres::Finding>& findings) {
  bool clear = true;
  const Style style(wants_colour(STDOUT_FILENO));
  for (const auto& finding : findings) {
    fmt::print("{} {}\n         {}\n", finding.refusal ? style.alarm("REFUSED ") : style.red("warning "), finding.what,
               finding.remedy);
    clear = clear && !finding.refusal;
  }
  return clear;
}

// Without the literal behind PASSWORD.
std::string masked(const std::string& sql) {
  static constexpr std::string_view kWord = "PASSWORD ";
  const size_t word = sql.find(kWord);
  const size_t open = word == std::string::npos ? word : sql.find('\'', word);
  const size_t close = open == std::string::npos ? open : sql.find('\'', open + 1);
  if (close == std::string::npos) return sql.substr(0, word) + (word == std::string::npos ? "" : "PASSWORD ********");
  return sql.substr(0, open) + "'********'" + sql.substr(close + 1);
}

void print_plan(const std::vector<PlannedStatement>& plan) {
  for (const auto& statement : plan)
    fmt::print("-- {}\n{};\n\n", statement.why, statement.secret ? masked(statement.sql) : statement.sql);
}

Status run_plan(Connection& admin, const std::vector<PlannedStatement>& plan) {
  for (const auto& statement : plan) {
    if (Status done = admin.execute(statement.sql); !done)
      return fail(
          std::move(done.error()).with_context(fmt::format("PostgreSQL refused a statement ({})", statement.why)));
  }
  return {};
}

// Why a baseline is needed; empty when capture can simply go on.
Result<std::string> reason_for_baseline(const Workspace& workspace, Connection& admin, store::Store& store) {
  const store::Cursor cursor = store.cursor();
  RL_ASSIGN(const auto slot, postgres::slot_info(admin, workspace.config.slot));
  if (cursor.system_id == 0) {
    RL_ASSIGN(const auto attaching, store.meta(kAttachingMeta));
    if (slot && (!attaching || *attaching != workspace.config.slot)) {
      return fail(
          ErrorCode::kConflict,
          fmt::format(
              "the replication slot \"{}\" exists, and this directory did not make it: another installation may "
              "be using it. Choose another name (source.slot in rowledger.toml), or, when it is a remainder, "
              "run `rowledger detach` first",
              workspace.config.slot));
    }
    return std::string("first");
  }
  RL_ASSIGN(const auto replication, Connection::open(workspace.capture_settings().conninfo, true));
  RL_ASSIGN(const auto system, postgres::identify_system(*replication));
  if (system.system_id != cursor.system_id) return std::string("other-system");
  if (!slot) return std::string("slot-missing");
  return std::string();
}

void show_progress(uint64_t rows) {
  if (::isatty(STDERR_FILENO) == 1) fmt::print(stderr, "\rbaseline: {} rows", show_number(rows));
}

Status record_baseline(const Workspace& workspace, Connection& admin) {
  RL_ASSIGN(const auto store, workspace.open_to_write());
  RL_ASSIGN(const std::string reason, reason_for_baseline(workspace, admin, *store));
  if (reason.empty()) {
    fmt::print("Attached already; the log goes on from where it stands.\n");
    return {};
  }
  store::Batch mark;
  mark.set_meta(kAttachingMeta, workspace.config.slot);
  RL_TRY(store->append(mark));
  fmt::print("Recording the tables as they are now ...\n");
  std::fflush(stdout);
  uint64_t rows = 0;
  const Status done = capture::take_baseline(workspace.capture_settings(), *store, reason, [&](uint64_t so_far) {
    rows = so_far;
    show_progress(so_far);
  });
  if (rows > 0 && ::isatty(STDERR_FILENO) == 1) fmt::print(stderr, "\n");
  RL_TRY(done);
  mark.clear();
  mark.set_meta(kAttachingMeta, "");
  RL_TRY(store->append(mark));
  fmt::print("Recorded {} rows as the baseline. Next: `rowledger serve`.\n", show_number(rows));
  return {};
}

// A database that is not there, or a login that is refused, is as good as out of reach.
Result<std::unique_ptr<Connection>> connect_as_administrator(const Config& config) {
  auto connection = Connection::open(config.source_url);
  if (!connection && connection.error().code != ErrorCode::kInvalid) connection.error().code = ErrorCode::kUnavailable;
  return connection;
}

Result<int> attach(const std::filesystem::path& directory, bool dry_run) {
  RL_ASSIGN(const Workspace workspace, Workspace::load(directory));
  const auto input = workspace.attach_input();
  RL_ASSIGN(const auto admin, connect_as_administrator(workspace.config));
  RL_ASSIGN(const auto findings, postgres::preflight(*admin, workspace.config.source_url, input));
  if (!print_findings(findings)) {
    std::fflush(stdout);
    return fail(ErrorCode::kConflict,
                "not attached: PostgreSQL is as it was. Mend what is refused above, then try again");
  }
  RL_ASSIGN(const auto plan, postgres::plan_attach(*admin, input));
  print_plan(plan);
  if (plan.empty()) fmt::print("Role, publication and triggers are as they should be.\n");
  if (dry_run) {
    fmt::print(
        "Dry run: nothing was done. attach would {}then make the replication slot \"{}\" and record the tables as they "
        "are,\n"
        "unless both exist.\n",
        plan.empty() ? "" : "run these statements, ", input.slot);
    return kDone;
  }
  RL_TRY(run_plan(*admin, plan));
  if (workspace.daemon_runs()) {
    fmt::print("The running daemon goes on from here. If rowledger.toml was changed, restart `rowledger serve`.\n");
    return kDone;
  }
  RL_TRY(record_baseline(workspace, *admin));
  return kDone;
}

Result<int> detach(const std::filesystem::path& directory, bool dry_run) {
  RL_ASSIGN(const Workspace workspace, Workspace::load(directory));
  if (!dry_run) RL_TRY(workspace.refuse_beside_daemon());
  RL_ASSIGN(const auto admin, connect_as_administrator(workspace.config));
  RL_ASSIGN(const auto plan, postgres::plan_detach(*admin, workspace.attach_input()));
  print_plan(plan);
  if (plan.empty()) fmt::print("There is nothing of Rowledger in this database.\n");
  if (dry_run) {
    fmt::print("Dry run: nothing was done.\n");
    return kDone;
  }
  RL_TRY(run_plan(*admin, plan));
  if (!plan.empty())
    fmt::print("Detached: nothing of Rowledger is left in the database. The log in {} stays.\n",
               workspace.directory.string());
  return kDone;
}

int finish(const Result<int>& result) {
  std::fflush(stdout);
  return result ? *result : report_error(result.error());
}

}  // namespace

int run_attach(const std::filesystem::path& directory, bool dry_run) { return finish(attach(directory, dry_run)); }
int run_detach(const std::filesystem::path& directory, bool dry_run) { return finish(detach(directory, dry_run)); }

}  // namespace rowledger::app
