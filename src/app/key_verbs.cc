// keys: status, backup, restore, rotate.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "api/access_log.h"
#include "api/entry_of.h"
#include "api/json_view.h"
#include "api/json_writer.h"
#include "app/client.h"
#include "app/terminal.h"
#include "app/verbs.h"
#include "privacy/key_backup.h"
#include "privacy/key_keeper.h"
#include "privacy/master_key.h"
#include "query/reader.h"
#include "record/erase_detail.h"

namespace rowledger::app {
namespace {

using api::JsonView;

std::string without_line_end(std::string text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.pop_back();
  return text;
}

// Of the file; drawn, and written there, when there is none yet.
Result<std::string> recovery_digits(const std::filesystem::path& file, bool& is_new) {
  std::error_code ignored;
  is_new = !std::filesystem::exists(file, ignored);
  if (is_new) RL_TRY(write_private_file(file, to_hex(random_bytes(privacy::kKeyBytes)) + "\n"));
  RL_ASSIGN(std::string text, read_file(file));
  return without_line_end(std::move(text));
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

using KeyIds = std::set<privacy::KeyId>;

// What was erased since the backup was made must not come back with it. Returns all that were ever erased.
Result<KeyIds> erase_again(const OpenLog& log) {
  const auto search = query::Search::parse("kind:erase", Timestamp::now(), true);
  KeyIds erased;
  RL_TRY(query::Reader(*log).search(*search, query::Order::kOldestFirst, {}, [&](const record::OwnedEntry& entry) {
    if (JsonView(entry.body().detail)["keys_lost"]) return true;  // this backup may have them
    for (const uint64_t number : record::keys_destroyed(entry.body().detail)) erased.insert({number});
    return true;
  }));
  for (const privacy::KeyId id : erased) RL_TRY(log.keys->destroy(id));
  return erased;
}

struct LostValues {
  std::vector<privacy::KeyId> keys;
  std::string entries;  // "12, 40-58 (20 in all)"
};

// The keys that are gone though nobody erased them, and the entries whose values are sealed with them.
Result<LostValues> lost_values(const OpenLog& log, const KeyIds& erased) {
  constexpr size_t kMostStretches = 20;
  std::map<privacy::KeyId, bool> is_lost;
  std::vector<store::SeqRange> stretches;
  uint64_t count = 0;
  Status found;
  RL_TRY(log->scan_keys({{0}, log->end()}, [&](Seq seq, privacy::KeyId id) {
    if (id == privacy::KeyId{} || !found) return;
    const auto [at, is_new] = is_lost.try_emplace(id, false);
    if (is_new && !erased.contains(id)) {
      privacy::SubjectKey ignored;
      const auto state = log.keys->find(id, ignored);
      if (!state) found = fail(state.error());
      at->second = state && *state == privacy::KeyState::kDestroyed;
    }
    if (!at->second) return;
    ++count;
    if (stretches.empty() || stretches.back().end != seq) stretches.push_back({seq, seq});
    stretches.back().end = {seq.value + 1};
  }));
  RL_TRY(found);
  LostValues lost;
  for (const auto& [id, is] : is_lost)
    if (is) lost.keys.push_back(id);
  std::string& out = lost.entries;
  for (size_t i = 0; i < std::min(stretches.size(), kMostStretches); ++i) {
    const auto [begin, end] = stretches[i];
    out += fmt::format("{}{}", i > 0 ? ", " : "", begin.value);
    if (end.value > begin.value + 1) out += fmt::format("-{}", end.value - 1);
  }
  if (stretches.size() > kMostStretches) out += " ...";
  if (count > 1) out += fmt::format(" ({} in all)", count);
  return lost;
}

// What finds the values whose keys are lost is forgotten by the daemon when it starts.
Status forget_what_finds_lost_values(const Workspace& workspace, const std::vector<privacy::KeyId>& keys) {
  RL_ASSIGN(const OpenLog log, workspace.open_to_write());
  return log->note_lost_keys(keys);
}

// After a restore: what the log knows of its keys.
Result<std::string> compare_with_log(const Workspace& workspace) {
  std::string said;
  LostValues lost;
  {
    RL_ASSIGN(const OpenLog log, workspace.open_to_read());
    if (!log.keys) return fail(ErrorCode::kPermission, "the restored keys do not open");
    RL_ASSIGN(const KeyIds erased, erase_again(log));
    if (!erased.empty()) said += fmt::format("; {} that the log says are erased were destroyed again", erased.size());
    said += '.';
    RL_ASSIGN(lost, lost_values(log, erased));
  }
  if (lost.keys.empty()) return said;
  RL_TRY(forget_what_finds_lost_values(workspace, lost.keys));
  return said + fmt::format(
                    "\nThe values of these entries cannot be read, because their keys are lost: {}. They show as "
                    "erased; their headers and proofs stay. Rows that they were the newest entries of begin anew "
                    "with their next change. Evidence files and exports made before still have them.",
                    lost.entries);
}

// How much of the key files the log uses; nothing where there is no log yet, or none that can be opened.
void put_used(const Workspace& workspace, const privacy::RecoveryKey& recovery, const KeysOptions& options,
              privacy::RestoreOptions& restoring, std::string& newer) {
  const auto log = workspace.open_locked();
  if (!log) return;
  if (const auto slots = (*log)->key_slots()) {
    restoring.used_tenants = slots->tenants;
    restoring.used_subjects = slots->subjects;
  }
  const auto made_at = privacy::backup_made_at(options.file, recovery);
  if (!made_at) return;
  const auto since = (*log)->seqs_between(*made_at, std::nullopt);
  if (since && since->begin < since->end)
    newer = fmt::format("; keys that are younger than this backup sealed some of the entries from {} to {}",
                        since->begin.value, since->end.value - 1);
}

// The daemon turns it into an entry when it next starts.
Status note_restore(const Workspace& workspace, std::string_view said) {
  const std::string detail = api::JsonWriter()
                                 .text("at", Timestamp::now().to_string())
                                 .text("event", "keys-restored")
                                 .raw("by", api::who_json(api::owner_at(http::this_process())))
                                 .text("text", said)
                                 .finish();
  return api::note_offline_event(workspace.offline_access(), detail);
}

Result<std::string> restore(Workspace workspace, const KeysOptions& options) {
  if (options.file.empty() || options.recovery_key_file.empty())
    return fail(ErrorCode::kInvalid, "say what from: keys restore FILE --recovery-key-file R");
  RL_TRY(workspace.refuse_beside_daemon());
  RL_ASSIGN(const std::string digits, read_file(options.recovery_key_file));
  RL_ASSIGN(const auto recovery, privacy::parse_recovery_key(without_line_end(digits)));
  workspace.restores_keys = true;
  const auto directory = Workspace::key_ring_directory(workspace.directory);
  std::error_code error;
  std::filesystem::create_directories(directory, error);
  std::filesystem::permissions(directory, std::filesystem::perms::owner_all, error);
  privacy::RestoreOptions restoring;
  restoring.give_up_lost = options.give_up_lost;
  const bool has_file = workspace.config.master_key_command.empty();
  auto master = workspace.master_key();
  const bool has_keys = std::filesystem::exists(directory / "tenants.keys", error);
  if (has_keys && has_file) restoring.present_masters = privacy::present_master_keys(workspace.master_key_file());
  if (has_keys && !has_file && master) restoring.present_masters = {*master};
  std::string newer;
  put_used(workspace, recovery, options, restoring, newer);
  const auto restored = privacy::restore_keys(directory, options.file, recovery, restoring);
  if (!restored && restored.error().code == ErrorCode::kConflict && !options.give_up_lost)
    return fail(ErrorCode::kConflict,
                fmt::format("{} (--give-up-lost, which then names the entries that cannot be read){}",
                            restored.error().message, newer));
  if (!restored) return fail(restored.error());
  const privacy::RestoreReport& report = *restored;
  const bool fits = master && master->view() == report.master.view();
  if (!fits && !has_file)
    return fail(ErrorCode::kPermission,
                "the keys are restored, but the command gives another master key than theirs, so that what was erased "
                "could not be erased again: when it gives theirs, run this once more");
  if (!fits) RL_TRY(privacy::put_master_key(workspace.master_key_file(), report.master));
  std::string said = fmt::format("Restored as of {}: {} keys from the backup, {} were here, {} stay destroyed",
                                 report.made_at.to_string(), report.restored, report.kept, report.destroyed);
  if (report.lost > 0) said += fmt::format(", {} are lost", report.lost);
  if (!workspace.has_log())
    return said + ".\nThere is no log here whose erasures could be applied to them: once it is here, run this again.";
  RL_ASSIGN(const std::string compared, compare_with_log(workspace));
  RL_TRY(note_restore(workspace, said));
  RL_TRY(privacy::finish_restore(directory));
  return said + compared;
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
      "Keys of persons, and of what is nobody's: {} ({} destroyed); of tenants: {}. The master key comes from a "
      "{}.\nCheckpoints are "
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
  return said ? print_line(*said) : report_error(said.error());
}

}  // namespace rowledger::app
