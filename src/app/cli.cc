#include "app/cli.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <csignal>
#include <functional>
#include <optional>

#include "app/suggest.h"
#include "app/verbs.h"
#include "app/version.h"

namespace rowledger::app {
namespace {

constexpr char kFooter[] =
    "WHEN is a time (2026-08-01, 2026-08-01T10:00, \"01 Aug 2026 10:00:00 +05:30\"; without a zone: in "
    "display.time_zone), now,\n"
    "now-2d, lsn:0/16B3748 or seq:1207.\n"
    "Exit codes: 0 done, 1 found something wrong, 2 wrong usage, 3 cannot reach the database or the daemon.";

constexpr char kReasonHelp[] = "Why. Kept for ever, and no erasure removes it: do not name the person in it";

// Everything that the command line can say, and which verb was chosen.
struct Arguments {
  std::string directory = "./rowledger-data";
  InitOptions init;
  ServeOptions serve;
  bool dry_run = false;
  bool json = false, images = false;
  LogOptions log;
  std::vector<std::string> query;
  std::string order = "desc";
  std::optional<uint64_t> limit;
  std::string table, key, seq, when, when_to;
  int timeout_s = 30;
  bool proof = false;
  VerifyVerbOptions verify;
  ExportOptions exported;
  PersonOptions person;
  KeysOptions keys;
  PeopleOptions people;
  uint64_t token_id = 0;
  std::function<int()> chosen;

  ReadOptions read() const { return {directory, json, images}; }
};

std::string joined(const std::vector<std::string>& words) { return fmt::format("{}", fmt::join(words, " ")); }

void add_json(CLI::App* verb, Arguments& a) { verb->add_flag("--json", a.json, "Machine-readable: JSON"); }
void add_images(CLI::App* verb, Arguments& a) {
  verb->add_flag("--images", a.images, "With --json: add the whole row before and after");
}
void add_row(CLI::App* verb, Arguments& a) {
  verb->add_option("TABLE", a.table, "contacts, or with its schema: public.contacts")->required();
  verb->add_option("KEY", a.key, "The row's primary key; a,b when it has several columns")->required();
}

void add_setup_verbs(CLI::App& app, Arguments& a) {
  auto* init = app.add_subcommand("init", "Make the data directory with rowledger.toml and the keys");
  init->add_option("--source", a.init.url, "The administrator's connection: postgresql://user@host:5432/database")
      ->required();
  init->add_option("--preset", a.init.preset, "Tables of a known application: glific");
  init->add_option("--table", a.init.tables, "TABLE or TABLE:tenant_column; may be repeated")->allow_extra_args(false);
  init->callback([&a] {
    a.chosen = [&a] {
      a.init.directory = a.directory;
      return run_init(a.init);
    };
  });
  auto* attach =
      app.add_subcommand("attach", "Check PostgreSQL, prepare it for capture, record the tables as they are");
  attach->add_flag("--dry-run", a.dry_run, "Only print what would be done");
  attach->callback([&a] { a.chosen = [&a] { return run_attach(a.directory, a.dry_run); }; });
  auto* detach = app.add_subcommand("detach", "Remove everything of Rowledger from PostgreSQL; the log stays");
  detach->add_flag("--dry-run", a.dry_run, "Only print what would be done");
  detach->callback([&a] { a.chosen = [&a] { return run_detach(a.directory, a.dry_run); }; });
  auto* serve = app.add_subcommand("serve", "Capture changes and answer questions, until SIGTERM or Ctrl-C");
  serve->add_flag("--without-second-checkpoint", a.serve.without_second_checkpoint,
                  "Go on although the file of ledger.second_checkpoint is lost: this is the newest copy of the log");
  serve->callback([&a] {
    a.chosen = [&a] {
      a.serve.directory = a.directory;
      return run_serve(a.serve);
    };
  });
  auto* status = app.add_subcommand("status", "How capture stands; without --json exit code 1 when there is a problem");
  add_json(status, a);
  status->callback([&a] { a.chosen = [&a] { return run_status(a.read()); }; });
  auto* sync = app.add_subcommand("sync", "Wait until everything committed up to now is in the log");
  sync->add_option("--timeout", a.timeout_s, "Seconds to wait at most")
      ->check(CLI::Range(0, 3600))
      ->capture_default_str();
  add_json(sync, a);
  sync->callback([&a] { a.chosen = [&a] { return run_sync(a.read(), a.timeout_s); }; });
}

void add_log(CLI::App& app, Arguments& a) {
  auto* log =
      app.add_subcommand("log", "Search the log: field:phone actor:priya created:>=2026-08-01 -is:bulk 919812345678");
  log->add_option("QUERY", a.query, "What to look for; docs/search.md has the grammar");
  log->add_option("--limit", a.limit, "At most so many entries, 0 for all (default 50; with --follow: 0 old ones)")
      ->check(CLI::NonNegativeNumber);
  log->add_option("--order", a.order, "desc: newest first, asc: oldest first")
      ->check(CLI::IsMember({"asc", "desc"}))
      ->capture_default_str();
  log->add_flag("--all", a.log.all, "Also housekeeping");
  log->add_flag("--follow", a.log.follow, "Print new entries as they come, until Ctrl-C");
  add_json(log, a);
  add_images(log, a);
  log->callback([&a] {
    a.chosen = [&a] {
      a.log.query = joined(a.query);
      a.log.limit = a.limit;
      if (a.log.follow && a.limit == 0) a.log.limit.reset();
      a.log.oldest_first = a.order == "asc";
      return run_log(a.read(), a.log);
    };
  });
}

void add_row_verbs(CLI::App& app, Arguments& a) {
  auto* history = app.add_subcommand("history", "One row's entries, newest first");
  add_row(history, a);
  history->add_option("--limit", a.limit, "At most so many entries, 0 for all (the default)")
      ->check(CLI::NonNegativeNumber);
  add_json(history, a);
  add_images(history, a);
  history->callback([&a] { a.chosen = [&a] { return run_history(a.read(), a.table, a.key, a.limit.value_or(0)); }; });
  auto* show = app.add_subcommand("show", "One entry with everything in it");
  show->add_option("SEQ", a.seq, "The entry's number, 1207 or #1207")->required();
  add_json(show, a);
  add_images(show, a);
  show->add_flag("--proof", a.proof, "Print the proof that it is in the log instead (c2sp.org/tlog-proof)");
  show->callback(
      [&a] { a.chosen = [&a] { return a.proof ? run_show_proof(a.read(), a.seq) : run_show(a.read(), a.seq); }; });
  auto* at = app.add_subcommand("at", "A row as it was");
  add_row(at, a);
  at->add_option("WHEN", a.when, "See below")->required();
  add_json(at, a);
  at->callback([&a] { a.chosen = [&a] { return run_at(a.read(), a.table, a.key, a.when); }; });
  auto* diff = app.add_subcommand("diff", "What changed in a row between two moments");
  add_row(diff, a);
  diff->add_option("FROM", a.when, "See below")->required();
  diff->add_option("TO", a.when_to, "See below")->required();
  add_json(diff, a);
  diff->callback([&a] { a.chosen = [&a] { return run_diff(a.read(), a.table, a.key, a.when, a.when_to); }; });
}

// What CLI11 did not understand, with the nearest right word.
Error misunderstood(CLI::App& app, const CLI::ParseError& error) {
  const std::vector<std::string> left = app.remaining(true);
  const std::vector<CLI::App*> chosen = app.get_subcommands();
  if (left.empty()) return {ErrorCode::kInvalid, error.what()};
  const std::string word = left.front().substr(0, left.front().find('='));
  std::vector<std::string> right;
  const bool option = word.starts_with('-');
  std::string what = fmt::format("unknown verb \"{}\"", word);
  if (!option && !chosen.empty())
    return {ErrorCode::kInvalid, fmt::format("{} does not take \"{}\"", chosen.front()->get_name(), word)};
  if (option) {
    what = fmt::format("unknown option {}", word) + (chosen.empty() ? "" : " of " + chosen.front()->get_name());
    for (const CLI::App* each :
         chosen.empty() ? std::vector<CLI::App*>{&app} : std::vector<CLI::App*>{chosen.front(), &app})
      for (const CLI::Option* known : each->get_options())
        for (const std::string& name : known->get_lnames()) right.push_back("--" + name);
  } else {
    for (const CLI::App* verb : app.get_subcommands({})) right.push_back(verb->get_name());
  }
  const std::string best = nearest(word, right);
  if (!best.empty())
    return {ErrorCode::kInvalid, fmt::format("{}, did you mean {}?", what, option ? best : "\"" + best + "\"")};
  return {ErrorCode::kInvalid,
          fmt::format("{}: there {} {}", what, right.size() == 1 ? "is" : "are", fmt::join(right, ", "))};
}

void add_evidence_verbs(CLI::App& app, Arguments& a) {
  auto* verify =
      app.add_subcommand("verify", "Compute the whole log anew and compare; exit code 1 when anything is wrong");
  verify->add_option("--since", a.verify.since, "Only entries from this one on; the tree is checked as a whole");
  verify->add_option("--threads", a.verify.threads, "How many at once")
      ->check(CLI::Range(1, 64))
      ->capture_default_str();
  verify->add_flag("--headers-only", a.verify.headers_only, "Leave out the values: faster, and needs no master key");
  auto* evidence =
      verify->add_option("--evidence", a.verify.evidence, "Check this file instead; needs no data directory");
  verify->add_option("--key", a.verify.key,
                     "The verifier key to expect, as status --json told it before, instead of the one in keys.toml or "
                     "in the evidence");
  verify
      ->add_option("--checkpoint", a.verify.checkpoints,
                   "A checkpoint that was kept elsewhere: the log must hold what it signs. May be given several times")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
      ->excludes(evidence);
  verify->add_flag("--json", a.verify.json, "Machine-readable: JSON");
  verify->callback([&a] {
    a.chosen = [&a] {
      a.verify.directory = a.directory;
      return run_verify(a.verify);
    };
  });
  auto* exported = app.add_subcommand("export", "Write entries, or a copy of the log, for others");
  exported->add_option("QUERY", a.query,
                       "With --format or --evidence: the entries that match; docs/search.md has the grammar");
  auto* format = exported->add_option("--format", a.exported.format, "How to write the entries");
  format->check(CLI::IsMember({"ndjson", "csv", "cloudevents", "ocsf"}));
  exported
      ->add_option("--output", a.exported.output,
                   "With --format: a file to make, and beside it FILE.manifest, the signed list of what is in it")
      ->needs(format);
  exported->add_flag("--images", a.exported.images, "With --format ndjson or cloudevents: also the whole row")
      ->needs(format);
  auto* tlog =
      exported->add_option("--tlog", a.exported.tlog, "A directory to make: the tree as files (c2sp.org/tlog-tiles)");
  tlog->excludes(format);
  exported
      ->add_option("--evidence", a.exported.evidence, "A file to make: entries with their values and what proves them")
      ->excludes(tlog, format);
  exported->add_option("--row", a.exported.row, "TABLE KEY: all entries of one row")->expected(2);
  exported->add_option("--subject", a.exported.subject, "All entries about one person: public.contacts/42");
  exported->add_option("--entry", a.exported.entry, "One entry, by its number");
  exported->add_flag("--all", a.exported.all, "With QUERY: also housekeeping");
  exported->callback([&a] {
    a.chosen = [&a] {
      a.exported.directory = a.directory;
      a.exported.query = joined(a.query);
      return run_export(a.exported);
    };
  });
}

void add_person_verbs(CLI::App& app, Arguments& a) {
  const auto run = [&a](int (*verb)(const PersonOptions&)) {
    a.chosen = [&a, verb] {
      a.person.directory = a.directory;
      a.person.table = a.table;
      a.person.key = a.key;
      a.person.json = a.json;
      return verb(a.person);
    };
  };
  auto* erase = app.add_subcommand(
      "erase",
      "Erase all values about a person from the log; its proofs stay valid. Exit code 1 when some stay readable");
  add_row(erase, a);
  erase->add_option("--reason", a.person.reason, kReasonHelp)->required();
  erase->add_option("--basis", a.person.basis, "The legal basis, as \"GDPR Art. 17(1)(b)\"; kept likewise")->required();
  add_json(erase, a);
  erase->callback([run] { run(run_erase); });
  auto* hold = app.add_subcommand("hold", "Keep a person's values from being erased, until the hold is lifted");
  hold->add_option("TABLE", a.table, "contacts, or with its schema: public.contacts");
  hold->add_option("KEY", a.key, "The row's primary key; a,b when it has several columns");
  hold->add_option("--reason", a.person.reason, kReasonHelp);
  hold->add_option("--lift", a.person.lift, "Lift the hold of this number");
  hold->add_flag("--list", a.person.list, "Show the holds that stand");
  add_json(hold, a);
  hold->callback([run] { run(run_hold); });
}

// chosen, with the directory that was given.
template <class Run>
void people_verb(CLI::App* verb, Arguments& a, Run run) {
  verb->callback([&a, run] {
    a.chosen = [&a, run] {
      a.people.directory = a.directory;
      a.people.json = a.json;
      return run(a.people);
    };
  });
}

void add_access(CLI::App* verb, Arguments& a) {
  verb->add_option("--role", a.people.role, "viewer, editor, auditor, privacy, operator or admin")->required();
  verb->add_option("--tenant", a.people.tenant, "Only what belongs to this organisation; without it everything");
}

void add_user_verbs(CLI::App& app, Arguments& a) {
  auto* user = app.add_subcommand("user", "Who may sign in");
  user->require_subcommand(1);
  auto* add = user->add_subcommand("add", "Give somebody access; prints a link to sign in with, once");
  add->add_option("NAME", a.people.name, "What they sign in as")->required();
  add_access(add, a);
  add->add_flag("--password-stdin", a.people.password_from_stdin, "Set the password to standard input's first line");
  people_verb(add, a, run_user_add);
  auto* list = user->add_subcommand("list", "Everybody who may sign in");
  add_json(list, a);
  people_verb(list, a, run_user_list);
  const auto named = [&](const char* name, const char* what) {
    auto* verb = user->add_subcommand(name, what);
    verb->add_option("NAME", a.people.name, "The user")->required();
    return verb;
  };
  people_verb(named("disable", "End somebody's access at once"), a,
              [](const PeopleOptions& options) { return run_user_disable(options, true); });
  people_verb(named("enable", "Give it back"), a,
              [](const PeopleOptions& options) { return run_user_disable(options, false); });
  people_verb(named("remove", "Forget a user"), a, run_user_remove);
  people_verb(named("link", "Print a link to sign in with, once, within ten minutes"), a, run_user_link);
}

void add_token_verbs(CLI::App& app, Arguments& a) {
  auto* token = app.add_subcommand("token", "Which programs may ask");
  token->require_subcommand(1);
  auto* create = token->add_subcommand("create", "Make a token for the API: the last line printed");
  create->add_option("--name", a.people.name, "What it is for")->required();
  add_access(create, a);
  create->add_option("--expires", a.people.expires, "After how many days: 30d")->type_name("DAYS");
  people_verb(create, a, run_token_create);
  auto* list = token->add_subcommand("list", "All tokens, without their secrets");
  add_json(list, a);
  people_verb(list, a, run_token_list);
  auto* revoke = token->add_subcommand("revoke", "End a token at once");
  revoke->add_option("ID", a.token_id, "Its number in the list")->required();
  people_verb(revoke, a, [&a](const PeopleOptions& options) { return run_token_revoke(options, a.token_id); });
}

void add_keys(CLI::App& app, Arguments& a) {
  auto* keys = app.add_subcommand("keys", "The keys that values are sealed with");
  keys->require_subcommand(1);
  const auto verb = [&a, keys](const std::string& name, const std::string& help) {
    auto* out = keys->add_subcommand(name, help);
    out->callback([&a, name] {
      a.chosen = [&a, name] {
        a.keys.directory = a.directory;
        a.keys.what = name;
        a.keys.json = a.json;
        return run_keys(a.keys);
      };
    });
    return out;
  };
  const auto add_backup = [&a](CLI::App* to) {
    to->add_option("FILE", a.keys.file, "The backup")->required();
    to->add_option("--recovery-key-file", a.keys.recovery_key_file, "What opens the backup: 64 hexadecimal digits")
        ->required();
  };
  add_json(verb("status", "How many there are, and what checkpoints are checked with"), a);
  add_backup(
      verb("backup", "Write all keys into one sealed file; the recovery key is made when there is no such file"));
  auto* restore = verb("restore", "Put keys back that are lost or damaged; what was destroyed stays destroyed");
  add_backup(restore);
  restore->add_flag("--give-up-lost", a.keys.give_up_lost, "Go on though some keys are in neither place");
  verb("rotate", "Wrap all keys with a new master key, while the daemon runs")
      ->add_option("--new-key-file", a.keys.new_key_file,
                   "With master_key_command: the new key, which it gives from now on");
}

// `log -actor:priya`: a term that excludes would be taken for an option. In the search's other spelling
// it is not.
std::vector<std::string> with_exclusions_spelled_out(int argc, char** argv) {
  std::vector<std::string> out;
  bool log = false;
  for (int i = 1; i < argc; ++i) {
    std::string word = argv[i];
    if (log && word.size() > 1 && word[0] == '-' && word[1] != '-' && word != "-h") word.replace(0, 1, "NOT ");
    log = log || word == "log" || word == "export";
    out.push_back(std::move(word));
  }
  // CLI11 takes them from the back.
  std::reverse(out.begin(), out.end());
  return out;
}

}  // namespace

int run(int argc, char** argv) {
  // A reader that goes away shows as a failing write, which Output knows.
  std::signal(SIGPIPE, SIG_IGN);
  Arguments a;
  CLI::App app("Rowledger: who changed what, when, from what to what, in a PostgreSQL database.", "rowledger");
  app.footer(kFooter);
  app.set_version_flag("--version", std::string("rowledger ") + kVersion);
  app.add_option("--dir", a.directory, "The data directory")->envname("ROWLEDGER_DIR")->capture_default_str();
  app.require_subcommand(1);
  app.fallthrough();
  add_setup_verbs(app, a);
  add_log(app, a);
  add_row_verbs(app, a);
  add_evidence_verbs(app, a);
  add_person_verbs(app, a);
  add_keys(app, a);
  add_user_verbs(app, a);
  add_token_verbs(app, a);
  try {
    app.parse(with_exclusions_spelled_out(argc, argv));
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return app.exit(error);  // --help, --version
    report_error(misunderstood(app, error));
    return kWrongUsage;
  }
  return a.chosen();
}

}  // namespace rowledger::app
