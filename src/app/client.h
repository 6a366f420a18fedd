#pragma once
// How the verbs ask: through the daemon's socket, or, when no daemon runs, of the same API over the
// store opened read-only in this process. One protocol in both cases.
#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "app/offline_exports.h"
#include "app/workspace.h"
#include "http/http.h"

namespace rowledger::app {

// A daemon that starts, or attach, holds the log and does not listen yet: how long that is waited for, and looked at
// how often.
inline constexpr auto kPatienceWithStart = std::chrono::seconds(5);
inline constexpr auto kRetry = std::chrono::milliseconds(50);

// A log was opened without its daemon; what is read of it is noted besides.
Status note_opening(api::AccessLog& access);

class Client {
 public:
  explicit Client(const Workspace& workspace) : workspace_(workspace) {}
  ~Client();

  // A 2xx answer's body; any other answer as the Error that it tells.
  Result<std::string> get(const std::string& target, int silence_timeout_ms = 60'000);

  // The same of another method, with a JSON object or nothing.
  Result<std::string> send(const std::string& method, const std::string& target, const std::string& json = {});
  // The daemon's answer to a POST with a JSON body; errors as those of get().
  Result<std::string> post(const std::string& target, const std::string& json);

  // A 2xx answer's body in pieces, from byte `from` on (a Range request; 0: all), until on_body returns false.
  // kUnavailable when the connection breaks: what came before is good, go on from there.
  Status download(const std::string& target, uint64_t from, const std::function<bool(std::string_view)>& on_body);

  // Server-sent events of the daemon, until on_event returns false. kUnavailable without a daemon.
  Status follow(const std::string& target, const std::string& last_event_id,
                const std::function<bool(const std::string& event, const std::string& data)>& on_event);

  // True when the last answer came from this process.
  bool without_daemon() const { return api_ != nullptr; }

 private:
  Result<http::Response> ask(const http::Request& request, int silence_timeout_ms);
  Status download_here(const http::Request& request, const std::function<bool(std::string_view)>& on_body);

  const Workspace& workspace_;
  OpenLog log_;
  std::unique_ptr<people::People> people_;
  std::unique_ptr<api::AccessLog> access_;
  std::unique_ptr<OfflineExports> exports_;
  std::unique_ptr<api::Api> api_;
};

}  // namespace rowledger::app
