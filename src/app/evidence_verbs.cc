// verify and export: what proves the log, looked at and given away.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <sstream>
#include <thread>

#include "api/json_writer.h"
#include "app/client.h"
#include "app/export_entries.h"
#include "app/progress_bar.h"
#include "app/render.h"
#include "app/terminal.h"
#include "app/tlog_export.h"
#include "app/verbs.h"
#include "base/crypto.h"
#include "evidence/evidence_bundle.h"
#include "evidence/proof.h"
#include "evidence/verify.h"

namespace rowledger::app {
namespace {

using api::JsonView;
using http::percent_encode;

constexpr int kCollectTimeoutMs = 600'000;

uint64_t whole_number(JsonView value) { return std::strtoull(value.text().c_str(), nullptr, 10); }

// ---- verify ----

// The daemon's report, from its lines of progress and the last one.
class ReportReader {
 public:
  explicit ReportReader(ProgressBar& bar) : bar_(bar) {}
  bool take(std::string_view piece) {
    buffer_.append(piece);
    for (size_t end; (end = buffer_.find('\n')) != std::string::npos; buffer_.erase(0, end + 1)) {
      const std::string line = buffer_.substr(0, end);
      if (const JsonView progress = JsonView(line)["progress"]) {
        bar_.show(progress["phase"].text(), whole_number(progress["done"]), whole_number(progress["total"]));
      } else {
        report_ = line;
      }
    }
    return true;
  }
  const std::string& report() const { return report_; }

 private:
  ProgressBar& bar_;
  std::string buffer_, report_;
};

Result<std::string> read_whole(const std::filesystem::path& file, size_t max_bytes) {
  std::error_code error;
  const auto size = std::filesystem::file_size(file, error);
  if (error) return fail(ErrorCode::kInvalid, fmt::format("cannot read {}: {}", file.string(), error.message()));
  if (size > max_bytes)
    return fail(ErrorCode::kCorrupt, fmt::format("{} is larger than what should stand in it can be", file.string()));
  std::ifstream in(file, std::ios::binary);
  std::ostringstream out;
  out << in.rdbuf();
  if (!in) return fail(ErrorCode::kIo, fmt::format("cannot read {}", file.string()));
  return out.str();
}

// What a log is compared with besides itself.
struct Anchor {
  ledger::VerifierKey key;
  std::vector<std::string> checkpoints;
};

Result<Anchor> anchor_of(const Workspace& workspace, const VerifyVerbOptions& options) {
  RL_ASSIGN(auto key, evidence::verifier_key_of(options.key.empty() ? workspace.verifier_key() : options.key));
  Anchor out{std::move(key), {}};
  for (const auto& file : options.checkpoints) {
    RL_ASSIGN(std::string note, read_whole(file, ledger::kMaxNoteBytes));
    if (const auto opened = ledger::open_checkpoint(note, {&out.key, 1}); !opened)
      return fail(
          ErrorCode::kCorrupt,
          fmt::format("{} is no checkpoint that the key {} has signed: {}. Such a file is a copy of what "
                      "ledger.second_checkpoint or /tlog/checkpoint had. If it is one, another key signed it: "
                      "say that one by --key",
                      file.string(), options.key.empty() ? "in keys.toml" : "given by --key", opened.error().message));
    out.checkpoints.push_back(std::move(note));
  }
  return out;
}

Result<std::string> verify_in_daemon(const Workspace& workspace, const VerifyVerbOptions& options, const Anchor& anchor,
                                     ProgressBar& bar) {
  http::Request request;
  request.method = "GET";
  request.target = fmt::format("/v1/integrity/verify?progress=1&since={}&threads={}&headers_only={:d}", options.since,
                               options.threads, options.headers_only);
  if (!options.key.empty()) request.target += "&key=" + percent_encode(options.key);
  for (const std::string& note : anchor.checkpoints) request.target += "&checkpoint=" + percent_encode(note);
  ReportReader reader(bar);
  RL_ASSIGN(const auto response, http::request_unix(workspace.socket(), request,
                                                    [&](std::string_view piece) { return reader.take(piece); }));
  if (response.status != 200) {
    const std::string detail = JsonView(response.body)["detail"].text();
    return fail(ErrorCode::kInternal,
                detail.empty() ? fmt::format("the daemon answered with status {}", response.status) : detail);
  }
  const JsonView report(reader.report());
  if (const JsonView problem = report["problem"]) return fail(ErrorCode::kIo, problem["detail"].text());
  if (!report["findings"])
    return fail(ErrorCode::kUnavailable, "the daemon has broken off: it is stopping, most likely");
  return reader.report();
}

Result<std::string> verify_here(const Workspace& workspace, const OpenLog& log, const VerifyVerbOptions& options,
                                const Anchor& anchor, ProgressBar& bar) {
  evidence::VerifyOptions verify;
  verify.since = {options.since};
  verify.threads = options.threads;
  verify.values = !options.headers_only;
  verify.second_place = workspace.second_checkpoint();
  verify.kept_checkpoints = anchor.checkpoints;
  verify.keys_problem = log.keys_problem;
  const auto tell = [&](auto phase, uint64_t done, uint64_t total) {
    bar.show(to_string(phase), done, total);
    return true;
  };
  RL_ASSIGN(const auto report, evidence::verify_log(*log, anchor.key, verify, tell));
  return to_json(report);
}

Result<std::string> verify_somewhere(const VerifyVerbOptions& options, ProgressBar& bar) {
  RL_ASSIGN(const auto workspace, Workspace::load(options.directory));
  RL_ASSIGN(const Anchor anchor, anchor_of(workspace, options));
  const auto deadline = std::chrono::steady_clock::now() + kPatienceWithStart;
  while (true) {
    auto report = verify_in_daemon(workspace, options, anchor, bar);
    if (report || report.error().code != ErrorCode::kNotFound) return report;
    const auto opened = workspace.open_to_read();
    if (opened)
      RL_TRY(note_opening(*api::make_offline_access_log(workspace.offline_access(), workspace.searched_values())));
    if (opened) return verify_here(workspace, *opened, options, anchor, bar);
    // Somebody writes, but does not listen: a daemon that is starting, or attach.
    if (opened.error().code != ErrorCode::kConflict || std::chrono::steady_clock::now() > deadline)
      return fail(opened.error());
    std::this_thread::sleep_for(kRetry);
  }
}

std::string counted(JsonView value) { return show_number(whole_number(value)); }

void print_findings(Output& out, JsonView report) {
  uint64_t shown = 0;
  std::string first;
  report["findings"].for_each_item([&](JsonView finding) {
    const std::string seq = finding["seq"].text();
    const std::string line =
        seq.empty() ? finding["what"].text() : fmt::format("entry {}: {}", seq, finding["what"].text());
    if (shown++ == 0) first = seq;
    out.line(displayable(line, 0));
    return true;
  });
  const uint64_t total = whole_number(report["findings_total"]);
  if (total > shown) out.line(fmt::format("... and {} more", show_number(total - shown)));
  out.line(fmt::format("This log is not what it should be: {} found{}.",
                       total == 1 ? std::string("one thing") : show_number(total) + " things",
                       first.empty() ? "" : fmt::format(", the first at entry {}", first)));
}

void print_in_order(Output& out, JsonView report) {
  out.line(
      fmt::format("In order: {} of {} entries, {} tiles of the tree, {} rows of the state, {} links between entries.",
                  counted(report["headers"]), counted(report["entries"]), counted(report["tiles"]),
                  counted(report["rows"]), counted(report["links"])));
  if (report["state_locked"].is_true())
    out.line("The state was not looked at: its rows cannot be read without the keys.");
  std::string values =
      fmt::format("Values: of {} entries they are those that were recorded", counted(report["values"]));
  if (whole_number(report["values_erased"]) > 0)
    values += fmt::format("; of {} they were erased", counted(report["values_erased"]));
  if (whole_number(report["values_locked"]) > 0)
    values += fmt::format("; of {} they cannot be read without the master key", counted(report["values_locked"]));
  out.line(values + ".");
  const JsonView checkpoint = report["checkpoint"];
  if (checkpoint.kind() != JsonView::Kind::kObject) return;
  out.line(fmt::format("Signed: {} entries, as {}{}.", counted(checkpoint["size"]), checkpoint["origin"].text(),
                       whole_number(report["unsigned_entries"]) == 0
                           ? ""
                           : fmt::format("; the newest {} are not signed yet", counted(report["unsigned_entries"]))));
  if (report["second_checkpoint_missing"].is_true())
    out.line(
        "The second checkpoint (ledger.second_checkpoint) is not there: an older copy of this log would be in order, "
        "too.");
  if (const uint64_t kept = whole_number(report["kept_checkpoints"]); kept > 0)
    out.line(kept == 1 ? "It holds what the checkpoint signs that was kept elsewhere."
                       : fmt::format("It holds what the {} checkpoints sign that were kept elsewhere.", kept));
}

// ---- evidence ----

std::string_view proven_text(const evidence::CheckedEntry& entry) {
  switch (entry.values) {
    case record::Values::kHere: return "proven: it is in the log, with these values";
    case record::Values::kErased: return "proven: it is in the log; its values are not here, the file says: erased";
    case record::Values::kLocked: return "proven: it is in the log; its values are not in this file";
  }
  return "";
}

void print_checked(Output& out, const evidence::CheckedEntry& checked, bool json, const RenderOptions& style) {
  const std::string text =
      checked.problem.empty() ? std::string(proven_text(checked)) : "NOT PROVEN: " + displayable(checked.problem, 0);
  if (!json) {
    out.line(fmt::format("#{} {}", checked.seq.value, text));
    if (checked.entry && checked.problem.empty()) {
      const std::string shown = query::to_json(checked.entry->entry());
      out.write(render_entry(JsonView(shown), style));
    }
    return;
  }
  out.line(fmt::format(R"({{"seq":{},"proven":{},"proof":"{}","entry":{}}})", checked.seq.value,
                       checked.problem.empty(), checked.problem.empty() ? text : "none",
                       checked.entry ? query::to_json(checked.entry->entry()) : std::string("null")));
}

int64_t count_proven(const evidence::EvidenceReport& report) {
  return std::ranges::count(report.entries, std::string(), &evidence::CheckedEntry::problem);
}

void print_summary_json(Output& out, const evidence::EvidenceReport& report) {
  const std::string checkpoint = api::JsonWriter()
                                     .text("origin", report.checkpoint.origin)
                                     .number("size", report.checkpoint.size.value)
                                     .text("root", to_base64(as_view(report.checkpoint.root)))
                                     .finish();
  const std::string summary = api::JsonWriter()
                                  .text("about", report.about)
                                  .number("entries", report.entries.size())
                                  .number("proven", count_proven(report))
                                  .number("links_outside", report.links_outside)
                                  .raw("checkpoint", checkpoint)
                                  .text("verifier_key", report.verifier_key)
                                  .boolean("key_from_file", report.key_from_file)
                                  .finish();
  out.line(api::JsonWriter().raw("summary", summary).finish());
}

void print_summary(Output& out, const evidence::EvidenceReport& report) {
  out.line(fmt::format("About: {}", displayable(report.about, 500)));
  out.line(fmt::format("{} of {} entries proven, in the log {} as it was signed at {} entries.",
                       show_number(static_cast<uint64_t>(count_proven(report))), show_number(report.entries.size()),
                       displayable(report.checkpoint.origin, 500), show_number(report.checkpoint.size.value)));
  if (report.links_outside > 0)
    out.line(fmt::format("Links to earlier entries of the same row or key that are not in this file: {}.",
                         show_number(report.links_outside)));
  if (report.key_from_file)
    out.line(fmt::format(
        "The key is the one in the file itself. It proves nothing until somebody whom you trust says that it is\n"
        "the log's: {}",
        displayable(report.verifier_key, 0)));
}

int verify_evidence(const VerifyVerbOptions& options) {
  const auto bytes = read_whole(options.evidence, evidence::kMaxEvidenceBytes);
  if (!bytes) return report_error(bytes.error());
  const auto report = evidence::check_evidence(
      *bytes, options.key.empty() ? std::nullopt : std::optional<std::string_view>(options.key));
  if (!report) return report_error(report.error());
  Output out;
  const RenderOptions style{wants_colour(STDOUT_FILENO), true};
  for (const auto& entry : report->entries) print_checked(out, entry, options.json, style);
  (options.json ? print_summary_json : print_summary)(out, *report);
  out.flush();
  if (out.failed()) return report_error({ErrorCode::kIo, "standard output could not be written"});
  return report->ok() ? kDone : kFoundWrong;
}

// ---- export ----

Result<std::string> evidence_target(const ExportOptions& options) {
  const int asked = !options.query.empty() + !options.row.empty() + !options.subject.empty() + !options.entry.empty();
  if (asked != 1)
    return fail(ErrorCode::kInvalid,
                "say what the evidence is about, one of: a QUERY, --row TABLE KEY, --subject SUBJECT, --entry SEQ");
  if (!options.query.empty())
    return fmt::format("/v1/evidence?q={}&all={:d}", percent_encode(options.query), options.all);
  if (!options.row.empty())
    return fmt::format("/v1/evidence?table={}&key={}", percent_encode(options.row[0]), percent_encode(options.row[1]));
  if (!options.subject.empty()) return "/v1/evidence?subject=" + percent_encode(options.subject);
  return "/v1/evidence?entry=" + percent_encode(options.entry);
}

Status export_evidence(const ExportOptions& options) {
  RL_ASSIGN(const std::string target, evidence_target(options));
  std::error_code ignored;
  if (std::filesystem::exists(options.evidence, ignored))
    return fail(ErrorCode::kInvalid, fmt::format("{} exists already", options.evidence.string()));
  RL_ASSIGN(const auto workspace, Workspace::load(options.directory));
  Client client(workspace);
  RL_ASSIGN(const std::string body, client.get(target, kCollectTimeoutMs));
  // It holds values in clear.
  RL_TRY(write_new_file(options.evidence, body, 0600));
  RL_ASSIGN(const auto evidence, evidence::parse_evidence(body));
  fmt::print("Wrote {}: {} entries with their proofs{}. Check it with `rowledger verify --evidence {}`.\n",
             options.evidence.string(), show_number(evidence.entries.size()),
             evidence.entries.empty() ? "" : ", and their values in clear", options.evidence.string());
  return {};
}

Status export_tlog(const ExportOptions& options) {
  RL_ASSIGN(const auto workspace, Workspace::load(options.directory));
  RL_ASSIGN(const auto key, ledger::SigningKey::parse(workspace.keys.signing_key));
  Client client(workspace);
  ProgressBar bar;
  const auto written = write_tlog(client, key.verifier(), options.tlog, bar);
  bar.clear();
  if (!written) return fail(written.error());
  fmt::print("Wrote {}: {} entries, in the layout of c2sp.org/tlog-tiles, up to the checkpoint signed last.\n",
             options.tlog.string(), show_number(*written));
  return {};
}

}  // namespace

int run_verify(const VerifyVerbOptions& options) {
  if (!options.evidence.empty()) return verify_evidence(options);
  ProgressBar bar;
  const auto report = verify_somewhere(options, bar);
  bar.clear();
  if (!report) return report_error(report.error());
  const JsonView view(*report);
  Output out;
  if (options.json) {
    out.line(*report);
  } else if (view["ok"].is_true()) {
    print_in_order(out, view);
  } else {
    print_findings(out, view);
  }
  out.flush();
  if (out.failed()) return report_error({ErrorCode::kIo, "standard output could not be written"});
  return view["ok"].is_true() ? kDone : kFoundWrong;
}

int run_export(const ExportOptions& options) {
  if (options.tlog.empty() + options.evidence.empty() + options.format.empty() != 2)
    return report_error({ErrorCode::kInvalid,
                         "say what to write: --format ndjson, csv, cloudevents or ocsf, the entries; --tlog DIR, the "
                         "tree as files; or --evidence FILE, entries with what proves them"});
  const Status done = !options.format.empty() ? export_entries(options)
                      : options.tlog.empty()  ? export_evidence(options)
                                              : export_tlog(options);
  return done ? kDone : report_error(done.error());
}

int run_show_proof(const ReadOptions& options, const std::string& seq_text) {
  const std::string seq = seq_text.starts_with('#') ? seq_text.substr(1) : seq_text;
  const auto workspace = Workspace::load(options.directory);
  if (!workspace) return report_error(workspace.error());
  Client client(*workspace);
  const auto proof = client.get(fmt::format("/v1/entries/{}/proof", percent_encode(seq)));
  if (!proof) return report_error(proof.error());
  Output out;
  out.write(*proof);
  out.flush();
  return out.failed() ? report_error({ErrorCode::kIo, "standard output could not be written"}) : kDone;
}

}  // namespace rowledger::app
