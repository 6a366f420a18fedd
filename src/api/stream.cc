// The live stream: server-sent events (WHATWG HTML, "Server-sent events"), one per entry.
#include <fmt/format.h>

#include <chrono>

#include "api/answer.h"
#include "api/request_metrics.h"
#include "api/routes.h"

namespace rowledger::api {
namespace {

using Clock = std::chrono::steady_clock;
constexpr int kHeartbeatMs = 15'000;
constexpr size_t kStepBytes = 64 << 10;
// So few new entries are looked at one by one rather than through the index.
constexpr uint64_t kScanAtMost = 512;

void append_event(std::string& out, Seq seq, std::string_view json) {
  out += fmt::format("id: {}\n", seq.value);
  // A json column's text may hold line ends between its tokens; the client joins the lines again.
  while (true) {
    const size_t end = json.find_first_of("\r\n");
    out.append("data: ").append(json.substr(0, end)).push_back('\n');
    if (end == std::string_view::npos) break;
    json.remove_prefix(end + 1);
  }
  out += '\n';
}

class EntryStream {
 public:
  EntryStream(view::View view, query::Search search, bool images, Seq next)
      : view_(std::move(view)), search_(std::move(search)), images_(images), next_(next) {}

  http::LiveBody::Next step(std::string& out) {
    const Seq end = view_.scope().end();
    Status inner;
    bool full = false;
    const auto visit = [&](const view::Shown& found) {
      if (out.size() > kStepBytes) {
        full = true;
        return false;
      }
      next_ = {found.seq().value + 1};
      inner = append(out, found);
      return bool(inner);
    };
    const Status outer = end.value <= next_.value ? Status() : look(end, visit);
    if (!outer || !inner) {
      out += fmt::format("event: problem\ndata: {}\n\n", problem(!outer ? outer.error() : inner.error()).body);
      return http::LiveBody::Next::kEnd;
    }
    if (full) return http::LiveBody::Next::kMore;
    next_ = std::max(next_, end);
    keep_alive(out);
    return http::LiveBody::Next::kWait;
  }

 private:
  template <class Visit>
  Status look(Seq end, const Visit& visit) {
    if (end.value - next_.value > kScanAtMost) return view_.search(search_, query::Order::kOldestFirst, next_, visit);
    return view_.follow({next_, end}, search_, visit);
  }

  Status append(std::string& out, const view::Shown& shown) {
    std::optional<query::Images> images;
    if (images_) {
      RL_ASSIGN(images, view_.images(shown));
    }
    append_event(out, shown.seq(), view_.json(shown, images ? &*images : nullptr));
    return {};
  }

  // A comment tells the client, and what is between, that the connection lives. The id without an event says how far
  // the log was looked through: a client that saw nothing yet goes on from there, too, after the connection broke.
  void keep_alive(std::string& out) {
    const auto now = Clock::now();
    if (out.empty() && now - last_output_ >= std::chrono::milliseconds(kHeartbeatMs - 500)) {
      out += ": still here\n";
      if (next_.value > 0) out += fmt::format("id: {}\n", next_.value - 1);
      out += '\n';
    }
    if (!out.empty()) last_output_ = now;
  }

  const view::View view_;
  const query::Search search_;
  const bool images_;
  Seq next_;
  Clock::time_point last_output_{};  // long ago: the first step says something at once
};

// After which entry to go on: what the client has seen last, else `after`, for a browser that cannot set the header
// of its first request, else the newest there is.
Result<Seq> start_of(const store::Store& store, const Call& call) {
  std::string_view last = call.request.header("last-event-id");
  if (last.empty()) last = call.target.parameter("after").value_or("");
  if (last.empty()) return store.end();
  const auto seq = parse_number(last);
  if (!seq || *seq >= store.end().value) {
    return fail(ErrorCode::kInvalid, "Last-Event-ID, and after=, must be the number of an entry of this log");
  }
  return Seq{*seq + 1};
}

}  // namespace

http::Response get_entry_stream(const Call& call) {
  const std::string q(call.target.parameter("q").value_or(""));
  call.access.route = "entries.stream";
  call.access.search = q;
  const auto all = flag_parameter(call.target, "all"), images = flag_parameter(call.target, "images");
  if (!all) return problem(all.error());
  if (!images) return problem(images.error());
  auto search = query::Search::parse(q, Timestamp::now(), *all);
  if (!search) return problem(search.error(), q);
  const auto start = start_of(call.view().scope(), call);
  if (!start) return problem(start.error());

  http::Response response;
  response.headers = {{"Content-Type", "text/event-stream"}, {"Cache-Control", "no-store"}};
  http::LiveBody live;
  live.interval_ms = kHeartbeatMs;
  live.step = [stream = std::make_shared<EntryStream>(call.view(), std::move(*search), *images, *start),
               counted = call.requests.stream_opened()](std::string& out) { return stream->step(out); };
  response.live = std::move(live);
  return response;
}

}  // namespace rowledger::api
