#include "app/client.h"

#include <fmt/format.h>

#include <chrono>
#include <thread>

#include "api/json_view.h"

namespace rowledger::app {
namespace {

constexpr int kAnswerTimeoutMs = 60'000;
// Shows nothing of the log's contents; asked again and again while a daemon starts.
constexpr std::string_view kStatus = "/v1/status";
constexpr std::string_view kExports = "/v1/exports";

ErrorCode code_of(int status) {
  switch (status) {
    case 400: return ErrorCode::kInvalid;
    case 403: return ErrorCode::kPermission;
    case 404: return ErrorCode::kNotFound;
    case 409: return ErrorCode::kConflict;
    case 503: return ErrorCode::kUnavailable;
    default: return ErrorCode::kInternal;
  }
}

Error error_of(const http::Response& response) {
  const std::string detail = api::JsonView(response.body)["detail"].text();
  return {code_of(response.status),
          detail.empty() ? fmt::format("the daemon answered with status {}", response.status) : detail};
}

// Puts events together from the pieces that arrive.
class EventReader {
 public:
  using OnEvent = std::function<bool(const std::string&, const std::string&)>;
  explicit EventReader(const OnEvent& on_event) : on_event_(on_event) {}

  bool take(std::string_view piece) {
    buffer_.append(piece);
    size_t at = 0;
    for (size_t end; (end = buffer_.find('\n', at)) != std::string::npos; at = end + 1) {
      if (!take_line(std::string_view(buffer_).substr(at, end - at))) return false;
    }
    buffer_.erase(0, at);
    return true;
  }

 private:
  bool take_line(std::string_view line) {
    if (line.empty()) {
      const bool go_on = data_.empty() || on_event_(event_, data_);
      event_.clear();
      data_.clear();
      return go_on;
    }
    if (line.starts_with("event: ")) event_ = line.substr(7);
    if (line.starts_with("data: ")) {
      if (!data_.empty()) data_ += '\n';
      data_ += line.substr(6);
    }
    return true;
  }

  const OnEvent& on_event_;
  std::string buffer_, event_, data_;
};

// A streamed body of an answer that was made in this process.
class BodyTaker final : public http::BodySink {
 public:
  explicit BodyTaker(const std::function<bool(std::string_view)>& on_body) : on_body_(on_body) {}
  bool write(std::string_view bytes) override {
    gone_ = gone_ || !on_body_(bytes);
    return !gone_;
  }
  bool gone() const override { return gone_; }

 private:
  const std::function<bool(std::string_view)>& on_body_;
  bool gone_ = false;
};

http::Request get_request(const std::string& target) {
  http::Request request;
  request.method = "GET";
  request.target = target;
  request.peer = http::this_process();
  return request;
}

}  // namespace

Status note_opening(api::AccessLog& access) {
  api::Access opening;
  opening.route = "open";
  return access.record(api::owner_at(http::this_process()), opening);
}

Client::~Client() = default;

Result<http::Response> Client::ask(const http::Request& request, int silence_timeout_ms) {
  if (api_ != nullptr) return api_->handle(request);
  const auto deadline = std::chrono::steady_clock::now() + kPatienceWithStart;
  while (true) {
    auto response = http::request_unix(workspace_.socket(), request, {}, silence_timeout_ms);
    if (response || response.error().code != ErrorCode::kNotFound) return response;
    auto opened = workspace_.open_to_read();
    if (opened) {
      log_ = std::move(*opened);
      break;
    }
    // Somebody writes, but does not listen: a daemon that is starting, or attach.
    if (opened.error().code != ErrorCode::kConflict || std::chrono::steady_clock::now() > deadline)
      return fail(std::move(opened.error()));
    std::this_thread::sleep_for(kRetry);
  }
  // What is changed or read here is recorded when the daemon next starts.
  access_ = api::make_offline_access_log(workspace_.offline_access(), workspace_.searched_values());
  if (request.target != kStatus) RL_TRY(note_opening(*access_));
  RL_ASSIGN(people_, workspace_.open_people({}));
  auto dependencies = workspace_.api_dependencies(*log_, *access_, nullptr);
  dependencies.people = people_.get();
  if (request.target.starts_with(kExports)) {
    RL_ASSIGN(exports_, OfflineExports::open(workspace_, log_));
    dependencies.exports = &exports_->spool();
  }
  api_ = std::make_unique<api::Api>(std::move(dependencies));
  return api_->handle(request);
}

Result<std::string> Client::get(const std::string& target, int silence_timeout_ms) {
  RL_ASSIGN(auto response, ask(get_request(target), silence_timeout_ms));
  if (response.status < 200 || response.status >= 300) return fail(error_of(response));
  return std::move(response.body);
}

Result<std::string> Client::send(const std::string& method, const std::string& target, const std::string& json) {
  http::Request request = get_request(target);
  request.method = method;
  request.body = json;
  if (!json.empty()) request.headers.emplace_back("content-type", "application/json");
  RL_ASSIGN(auto response, ask(request, kAnswerTimeoutMs));
  if (response.status < 200 || response.status >= 300) return fail(error_of(response));
  return std::move(response.body);
}

Result<std::string> Client::post(const std::string& target, const std::string& json) {
  return send("POST", target, json);
}

Status Client::download(const std::string& target, uint64_t from,
                        const std::function<bool(std::string_view)>& on_body) {
  http::Request request = get_request(target);
  if (from > 0) request.headers.emplace_back("range", fmt::format("bytes={}-", from));
  if (api_ != nullptr) return download_here(request, on_body);
  RL_ASSIGN(const auto response, http::request_unix(workspace_.socket(), request, on_body));
  if (response.status < 200 || response.status >= 300) return fail(error_of(response));
  return {};
}

Status Client::download_here(const http::Request& request, const std::function<bool(std::string_view)>& on_body) {
  const http::Response response = api_->handle(request);
  if (response.status < 200 || response.status >= 300) return fail(error_of(response));
  if (!response.stream) {
    on_body(response.body);
    return {};
  }
  BodyTaker sink(on_body);
  try {
    response.stream(sink);
  } catch (const std::exception& e) {
    return fail(ErrorCode::kIo, e.what());
  }
  return {};
}

Status Client::follow(const std::string& target, const std::string& last_event_id,
                      const std::function<bool(const std::string&, const std::string&)>& on_event) {
  http::Request request = get_request(target);
  if (!last_event_id.empty()) request.headers.emplace_back("Last-Event-ID", last_event_id);
  EventReader reader(on_event);
  bool stopped = false;
  RL_ASSIGN(const auto response, http::request_unix(workspace_.socket(), request, [&](std::string_view piece) {
              stopped = !reader.take(piece);
              return !stopped;
            }));
  if (response.status < 200 || response.status >= 300) return fail(error_of(response));
  if (stopped) return {};
  return fail(ErrorCode::kUnavailable, "the daemon has ended the stream: it is stopping, most likely");
}

}  // namespace rowledger::app
