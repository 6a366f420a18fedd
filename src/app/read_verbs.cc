#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <thread>

#include "app/client.h"
#include "app/render.h"
#include "app/terminal.h"
#include "app/verbs.h"

namespace rowledger::app {
namespace {

using api::JsonView;
using http::percent_encode;

constexpr uint64_t kPageEntries = 500, kDefaultLimit = 50;

// What every reading verb needs: the directory's configuration, somebody to ask, somewhere to write.
class Session {
 public:
  static Result<std::unique_ptr<Session>> open(const ReadOptions& options) {
    RL_ASSIGN(auto workspace, Workspace::load(options.directory));
    return std::unique_ptr<Session>(new Session(options, std::move(workspace)));
  }

  Client& client() { return client_; }
  Output& out() { return out_; }
  const RenderOptions& style() const { return style_; }
  RenderOptions whole_style() const { return {style_.colour, true}; }

  void print_entry(JsonView entry, const RenderOptions& style) {
    if (options_.json) {
      out_.line(one_line(entry.raw()));
    } else {
      out_.write(render_entry(entry, style));
    }
  }

  // Prints the entries of all pages, at most `limit` (0: all). Returns how many.
  Result<uint64_t> print_pages(const std::string& target, uint64_t limit) {
    uint64_t printed = 0;
    std::string cursor;
    while (!out_.closed()) {
      const uint64_t wanted = limit == 0 ? kPageEntries : std::min(kPageEntries, limit - printed);
      RL_ASSIGN(const std::string body,
                client_.get(fmt::format("{}&limit={}{}{}", target, wanted, cursor.empty() ? "" : "&cursor=", cursor)));
      const JsonView answer(body);
      answer["entries"].for_each_item([&](JsonView entry) {
        print_entry(entry, style_);
        ++printed;
        return !out_.closed();
      });
      cursor = answer["next_cursor"].text();
      if (cursor.empty() || printed == limit) break;
    }
    return printed;
  }

  // After everything: 0, or 1 when standard output could not take it.
  int finish() {
    out_.flush();
    if (!out_.failed()) return kDone;
    return report_error({ErrorCode::kIo, "standard output could not be written"});
  }

 private:
  Session(const ReadOptions& options, Workspace workspace)
      : options_(options), workspace_(std::move(workspace)), client_(workspace_) {
    style_.colour = wants_colour(STDOUT_FILENO);
  }

  // A json column's text may have line ends between its tokens; an entry is one line.
  static std::string one_line(std::string_view json) {
    std::string out(json);
    std::replace_if(
        out.begin(), out.end(), [](char c) { return c == '\n' || c == '\r'; }, ' ');
    return out;
  }

  const ReadOptions options_;
  const Workspace workspace_;
  Client client_;
  Output out_;
  RenderOptions style_;
};

int fail_with(const Error& error) { return report_error(error); }

Error needs_daemon(Error error, std::string_view verb) {
  if (error.code != ErrorCode::kNotFound) return error;
  return {ErrorCode::kUnavailable,
          fmt::format("{} needs the daemon, which is not running: start `rowledger serve` with the "
                      "same --dir, then try again",
                      verb)};
}

// `rowledger serve & rowledger sync`: the daemon opens the log before it listens.
Result<http::Response> ask_daemon_that_may_be_starting(const Workspace& workspace, const http::Request& request,
                                                       int silence_ms, int timeout_s) {
  static constexpr auto kRetry = std::chrono::milliseconds(50);
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(std::min(timeout_s, 3));
  while (true) {
    auto response = http::request_unix(workspace.socket(), request, {}, silence_ms);
    if (response || response.error().code != ErrorCode::kNotFound || std::chrono::steady_clock::now() > deadline)
      return response;
    std::this_thread::sleep_for(kRetry);
  }
}

std::string row_target(const std::string& table, const std::string& key, std::string_view view) {
  return fmt::format("/v1/rows/{}/{}/{}", percent_encode(table), percent_encode(key), view);
}

// The newest `count` matching entries, oldest first; returns the newest one's number, or nothing.
Result<std::string> print_newest(Session& session, const std::string& target, uint64_t count) {
  std::vector<std::string> newest;
  std::string cursor;
  while (newest.size() < count) {
    RL_ASSIGN(const std::string body, session.client().get(fmt::format("/v1/entries?{}&limit={}{}{}", target,
                                                                       std::min(kPageEntries, count - newest.size()),
                                                                       cursor.empty() ? "" : "&cursor=", cursor)));
    const JsonView answer(body);
    answer["entries"].for_each_item([&](JsonView entry) {
      newest.emplace_back(entry.raw());
      return true;
    });
    cursor = answer["next_cursor"].text();
    if (cursor.empty()) break;
  }
  if (newest.empty()) return std::string();
  const std::string last = JsonView(newest.front())["seq"].text();
  std::reverse(newest.begin(), newest.end());
  for (const auto& entry : newest) session.print_entry(JsonView(entry), session.style());
  return last;
}

int follow(Session& session, const std::string& target, uint64_t newest_first) {
  std::string last;
  if (newest_first > 0) {
    auto printed = print_newest(session, target, newest_first);
    if (!printed) return fail_with(printed.error());
    if (session.client().without_daemon()) return fail_with(needs_daemon({ErrorCode::kNotFound, ""}, "--follow"));
    last = std::move(*printed);
    session.out().flush();
  }
  Status problem;
  const Status ended = session.client().follow(
      "/v1/entries/stream?" + target, last, [&](const std::string& event, const std::string& data) {
        if (event == "problem") {
          problem = fail(ErrorCode::kInternal, JsonView(data)["detail"].text());
          return false;
        }
        session.print_entry(JsonView(data), session.style());
        session.out().flush();
        return !session.out().closed();
      });
  if (!ended) return fail_with(needs_daemon(ended.error(), "--follow"));
  if (!problem) return fail_with(problem.error());
  return session.finish();
}

using Render = std::string (*)(JsonView, const RenderOptions&);

// One answer, as JSON or as text.
int print_answer(const ReadOptions& options, const std::string& target, Render render, bool whole) {
  auto session = Session::open(options);
  if (!session) return fail_with(session.error());
  const auto body = (*session)->client().get(target);
  if (!body) return fail_with(body.error());
  if (options.json) {
    (*session)->out().line(*body);
  } else {
    (*session)->out().write(render(JsonView(*body), whole ? (*session)->whole_style() : (*session)->style()));
  }
  return (*session)->finish();
}

}  // namespace

ExitCode exit_code_of(ErrorCode code) {
  switch (code) {
    case ErrorCode::kInvalid: return kWrongUsage;
    case ErrorCode::kUnavailable: return kCannotReach;
    default: return kFoundWrong;
  }
}

ExitCode report_error(const Error& error) {
  std::fputs(("rowledger: " + error.message + "\n").c_str(), stderr);
  return exit_code_of(error.code);
}

ExitCode print_line(const std::string& text) {
  Output out;
  out.line(text);
  out.flush();
  return out.failed() ? report_error({ErrorCode::kIo, "standard output could not be written"}) : kDone;
}

int run_status(const ReadOptions& options) {
  auto session = Session::open(options);
  if (!session) return fail_with(session.error());
  const auto body = (*session)->client().get("/v1/status");
  if (!body) return fail_with(body.error());
  const JsonView status(*body);
  if (options.json) {
    (*session)->out().line(*body);
  } else {
    (*session)->out().write(render_status(status, (*session)->style()));
  }
  const int finished = (*session)->finish();
  // A program that asks for JSON reads there what is wrong.
  if (options.json || finished != kDone) return finished;
  return status["problem"].text().empty() ? kDone : kFoundWrong;
}

int run_log(const ReadOptions& options, const LogOptions& log) {
  auto session = Session::open(options);
  if (!session) return fail_with(session.error());
  std::string target = fmt::format("q={}&all={:d}&images={:d}", percent_encode(log.query), log.all, options.images);
  if (log.follow) return follow(**session, target, log.limit.value_or(0));
  target = fmt::format("/v1/entries?{}&order={}", target, log.oldest_first ? "asc" : "desc");
  const auto printed = (*session)->print_pages(target, log.limit.value_or(kDefaultLimit));
  (*session)->out().flush();
  if (!printed) return fail_with(printed.error());
  if (*printed == 0 && !options.json) std::fputs("No entry matches.\n", stderr);
  return (*session)->finish();
}

int run_history(const ReadOptions& options, const std::string& table, const std::string& key, uint64_t limit) {
  auto session = Session::open(options);
  if (!session) return fail_with(session.error());
  const std::string target = fmt::format("{}?images={:d}", row_target(table, key, "entries"), options.images);
  const auto printed = (*session)->print_pages(target, limit);
  (*session)->out().flush();
  if (!printed) return fail_with(printed.error());
  return (*session)->finish();
}

int run_show(const ReadOptions& options, const std::string& seq) {
  const std::string number = seq.starts_with('#') ? seq.substr(1) : seq;
  if (number.empty() || number.find_first_not_of("0123456789") != std::string::npos)
    return report_error(
        {ErrorCode::kInvalid, fmt::format("\"{}\" is no entry's number: show takes 1207 or #1207", seq)});
  return print_answer(options, fmt::format("/v1/entries/{}?images={:d}", percent_encode(number), options.images),
                      render_entry, true);
}

int run_at(const ReadOptions& options, const std::string& table, const std::string& key, const std::string& when) {
  return print_answer(options, fmt::format("{}?when={}", row_target(table, key, "at"), percent_encode(when)),
                      render_row, true);
}

int run_diff(const ReadOptions& options, const std::string& table, const std::string& key, const std::string& from,
             const std::string& to) {
  return print_answer(
      options,
      fmt::format("{}?from={}&to={}", row_target(table, key, "diff"), percent_encode(from), percent_encode(to)),
      render_diff, true);
}

int run_sync(const ReadOptions& options, int timeout_s) {
  auto workspace = Workspace::load(options.directory);
  if (!workspace) return fail_with(workspace.error());
  // Somewhat longer than the daemon itself waits, so that its answer arrives.
  const int silence_ms = (timeout_s + 15) * 1000;
  http::Request request;
  request.method = "GET";
  request.target = fmt::format("/v1/sync?timeout_s={}", timeout_s);
  const auto response = ask_daemon_that_may_be_starting(*workspace, request, silence_ms, timeout_s);
  if (!response) return fail_with(needs_daemon(response.error(), "sync"));
  const JsonView answer(response->body);
  if (response->status != 200)
    return fail_with(
        {response->status == 503 ? ErrorCode::kUnavailable : ErrorCode::kInternal, answer["detail"].text()});
  Output out;
  out.line(options.json ? response->body : "Captured up to " + answer["captured_lsn"].text() + ".");
  out.flush();
  return kDone;
}

}  // namespace rowledger::app
