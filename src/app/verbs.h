#pragma once
// What the command line can do. Each verb returns the program's exit code and has said on standard
// error what went wrong.
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"

namespace rowledger::app {

enum ExitCode : int { kDone = 0, kFoundWrong = 1, kWrongUsage = 2, kCannotReach = 3 };
ExitCode exit_code_of(ErrorCode code);
// "rowledger: message" on standard error.
ExitCode report_error(const Error& error);
// A line, or more, on standard output.
ExitCode print_line(const std::string& text);

struct InitOptions {
  std::filesystem::path directory;
  std::string url, preset;
  std::vector<std::string> tables;  // "public.contacts:organization_id"
};
int run_init(const InitOptions& options);

int run_attach(const std::filesystem::path& directory, bool dry_run);
int run_detach(const std::filesystem::path& directory, bool dry_run);
struct ServeOptions {
  std::filesystem::path directory;
  bool without_second_checkpoint = false;  // go on where the second checkpoint is gone (store/notary.h)
};
int run_serve(const ServeOptions& options);

// The verbs that read.
struct ReadOptions {
  std::filesystem::path directory;
  bool json = false, images = false;
};

struct LogOptions {
  std::string query;
  std::optional<uint64_t> limit;  // 0: all; default 50, with follow 0 old ones
  bool oldest_first = false, all = false, follow = false;
};
int run_status(const ReadOptions& options);
int run_log(const ReadOptions& options, const LogOptions& log);
int run_history(const ReadOptions& options, const std::string& table, const std::string& key, uint64_t limit);
int run_show(const ReadOptions& options, const std::string& seq);
int run_at(const ReadOptions& options, const std::string& table, const std::string& key, const std::string& when);
int run_diff(const ReadOptions& options, const std::string& table, const std::string& key, const std::string& from,
             const std::string& to);
int run_sync(const ReadOptions& options, int timeout_s);
int run_show_proof(const ReadOptions& options, const std::string& seq);

// Who may sign in, and which programs may ask.
struct PeopleOptions {
  std::filesystem::path directory;
  bool json = false;
  std::string name, role;
  std::optional<std::string> tenant;
  bool password_from_stdin = false;
  std::string expires;  // "30d"; empty: never
};
int run_user_add(const PeopleOptions& options);
int run_user_list(const PeopleOptions& options);
int run_user_disable(const PeopleOptions& options, bool disabled);
int run_user_remove(const PeopleOptions& options);
int run_user_link(const PeopleOptions& options);
int run_token_create(const PeopleOptions& options);
int run_token_list(const PeopleOptions& options);
int run_token_revoke(const PeopleOptions& options, uint64_t id);

struct VerifyVerbOptions {
  std::filesystem::path directory;
  uint64_t since = 0;
  unsigned threads = 1;
  bool headers_only = false, json = false;
  std::filesystem::path evidence;  // a file, instead of the log
  std::string key;                 // the verifier key to expect; empty: the one in keys.toml, or in the evidence
  std::vector<std::filesystem::path> checkpoints;  // kept elsewhere
};
int run_verify(const VerifyVerbOptions& options);

// What is ordered about a person.
struct PersonOptions {
  std::filesystem::path directory;
  std::string table, key, reason;
  std::string basis;  // of erase
  std::string lift;   // of hold: the id of one that stands
  bool list = false, json = false;
};
int run_erase(const PersonOptions& options);
int run_hold(const PersonOptions& options);

struct KeysOptions {
  std::filesystem::path directory;
  std::string what;            // "status", "backup", "restore", "rotate"
  std::filesystem::path file;  // the backup
  std::filesystem::path recovery_key_file, new_key_file;
  bool give_up_lost = false, json = false;
};
int run_keys(const KeysOptions& options);

struct ExportOptions {
  std::filesystem::path directory;
  std::filesystem::path tlog, evidence;  // one of these two, or format
  std::string format;                    // "csv"
  std::filesystem::path output;          // with format: a file to make; empty: standard output
  std::string query, subject, entry;     // for evidence: one of these, or row; for format: a query or nothing
  std::vector<std::string> row;          // table, key
  bool all = false, images = false;
};
int run_export(const ExportOptions& options);

}  // namespace rowledger::app
