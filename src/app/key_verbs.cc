// keys: status, backup, restore, rotate.
#include <fmt/format.h>

#include <algorithm>

#include "api/json_view.h"
#include "api/json_writer.h"
#include "app/client.h"
#include "app/terminal.h"
#include "app/verbs.h"
#include "privacy/key_backup.h"
#include "privacy/key_keeper.h"
#include "privacy/master_key.h"
#include "query/reader.h"

namespace rowledger::app {
namespace {

using api::JsonView;

int print(const std::string& text) {
  Output out;
  out.line(text);
  out.flush();
  return out.failed() ? report_error({ErrorCode::kIo, "standard output could not be written"}) : kDone;
}

std::string trimmed(std::string text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.pop_back();
  return text;
}

// Of the file; drawn, and written there, when there is none yet.
Result<std::string> recovery_digits(const std::filesystem::path& file, bool& is_new) {
  std::error_code ignored;
  is_new = !std::filesystem::exists(file, ignored);
  if (is_new) RL_TRY(write_private_file(file, to_hex(random_bytes(privacy::kKeyBytes)) + "\n"));
  RL_ASSIGN(std::string text, read_file(file));
  return trimmed(std::move(text));
}

Result<std::string> backup(const Workspace& workspace, const KeysOptions& options) {
  if (options.file.empty() || options.recovery_key_file.empty())
    return fail(ErrorCode::kInvalid,
                "say where to: keys backup FILE --recovery-key-file R (R is made when there is none)");
  bool is_new = false;
  RL_ASSIGN(const std::string recovery, recovery_digits(options.recovery_key_file, is_new));
  Client client(workspace);
  const std::filesystem::path file = std::filesystem::absolute(options.file);
  RL_TRY(client.post("/v1/keys/backup",
                     api::JsonWriter().text("file", file.string()).text("recovery_key", recovery).finish()));
  return fmt::format(
      "Wrote {}: all keys, sealed by the recovery key in {}{}. Keep the two apart, and neither longer than "
      "an erased value may live.",
      file.string(), options.recovery_key_file.string(), is_new ? ", which is new" : "");
}

// What was erased since the backup was made must not come back with it.
Result<uint64_t> erase_again(const Workspace& workspace) {
  RL_ASSIGN(const OpenLog log, workspace.open_to_read());
  if (!log.keys) return fail(ErrorCode::kPermission, "the restored keys do not open");
  const auto search = query::Search::parse("kind:erase", Timestamp::now(), true);
  uint64_t again = 0;
  Status inner;
  RL_TRY(query::Reader(*log).search(*search, query::Order::kOldestFirst, {}, [&](const record::OwnedEntry& entry) {
    JsonView(entry.body().detail)["keys"].for_each_item([&](JsonView number) {
      const privacy::KeyId id{std::strtoull(number.text().c_str(), nullptr, 10)};
      inner = log.keys->destroy(id);
      ++again;
      return bool(inner);
    });
    return bool(inner);
  }));
  RL_TRY(inner);
  return again;
}

Result<std::string> restore(const Workspace& workspace, const KeysOptions& options) {
  if (options.file.empty() || options.recovery_key_file.empty())
    return fail(ErrorCode::kInvalid, "say what from: keys restore FILE --recovery-key-file R");
  RL_TRY(workspace.refuse_beside_daemon());
  RL_ASSIGN(const std::string digits, read_file(options.recovery_key_file));
  RL_ASSIGN(const auto recovery, privacy::parse_recovery_key(trimmed(digits)));
  const auto directory = Workspace::key_ring_directory(workspace.directory);
  std::error_code error;
  std::filesystem::create_directories(directory, error);
  std::filesystem::permissions(directory, std::filesystem::perms::owner_all, error);
  privacy::RestoreOptions restoring;
  restoring.give_up_lost = options.give_up_lost;
  const bool has_file = workspace.config.master_key_command.empty();
  auto master = workspace.master_key();
  const bool has_keys = std::filesystem::exists(directory / "tenants.keys", error);
  if (master && has_keys) restoring.current_master = *master;
  RL_ASSIGN(const auto report, privacy::restore_keys(directory, options.file, recovery, restoring));
  const bool fits = master && master->view() == report.master.view();
  if (!fits && !has_file)
    return fail(ErrorCode::kPermission, "the keys are restored, but the command gives another master key than theirs");
  if (!fits) RL_TRY(privacy::put_master_key(workspace.master_key_file(), report.master));
  std::string said = fmt::format("Restored as of {}: {} keys from the backup, {} were here, {} stay destroyed",
                                 report.made_at.to_string(), report.restored, report.kept, report.destroyed);
  if (report.lost > 0) said += fmt::format(", {} are lost", report.lost);
  if (report.restored > 0) {
    RL_ASSIGN(const uint64_t repeated, erase_again(workspace));
    if (repeated > 0) said += fmt::format("; {} that the log says are erased were destroyed again", repeated);
  }
  return said + ".";
}

Result<std::string> status(const Workspace& workspace, const KeysOptions& options) {
  Result<std::string> body = std::string();
  if (workspace.daemon_runs()) {
    Client client(workspace);
    body = client.get("/v1/keys");
    if (!body) return body;
  } else {
    auto ring = workspace.open_key_ring();
    if (!ring) return fail(std::move(ring.error()));
    const auto counts = (*ring)->status();
    body = fmt::format(
        R"({{"locked":false,"verifier_key":"{}","master_key":"{}","persons":{{"live":{},"destroyed":{}}},"tenants":{{"live":{},"destroyed":{}}}}})",
        workspace.verifier_key(), workspace.config.master_key_command.empty() ? "file" : "command",
        counts.subjects_live, counts.subjects_destroyed, counts.tenants_live, counts.tenants_destroyed);
  }
  if (options.json) return *body;
  const JsonView keys(*body);
  return fmt::format(
      "Keys of persons: {} ({} destroyed); of tenants: {}. The master key comes from a {}.\nCheckpoints are "
      "checked with {}",
      keys["persons"]["live"].text(), keys["persons"]["destroyed"].text(), keys["tenants"]["live"].text(),
      keys["master_key"].text(), keys["verifier_key"].text());
}

Result<std::string> rotate(const Workspace& workspace, const KeysOptions& options) {
  api::JsonWriter json;
  if (!options.new_key_file.empty())
    json.text("new_key_file", std::filesystem::absolute(options.new_key_file).string());
  Client client(workspace);
  RL_TRY(client.post("/v1/keys/rotations", json.finish()));
  return std::string(
      "The master key is another one now. Backups of the old one open nothing any longer: make new ones.");
}

}  // namespace

int run_keys(const KeysOptions& options) {
  const auto workspace = Workspace::load(options.directory);
  if (!workspace) return report_error(workspace.error());
  const auto said = options.what == "status"    ? status(*workspace, options)
                    : options.what == "backup"  ? backup(*workspace, options)
                    : options.what == "restore" ? restore(*workspace, options)
                                                : rotate(*workspace, options);
  return said ? print(*said) : report_error(said.error());
}

}  // namespace rowledger::app
