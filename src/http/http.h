#pragma once
// HTTP/1.1 between this program and its clients. Boost.Asio and Beast stay inside this room.
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace rowledger::http {

// Who is at the other end, as far as the transport knows.
struct Peer {
  bool local = false;           // through the Unix socket
  std::optional<uint32_t> uid;  // then: the operating system's user
  std::string user;             // its name
  std::string address;          // otherwise: "203.0.113.7", the client's also behind a trusted proxy
  bool secure = false;          // TLS all the way, as far as the trusted proxy says
};
// What one subscriber has: an IPv4 address, or the /64 of an IPv6 address. Limits count by it.
std::string network_of(std::string_view address);

// Of a request that never leaves this process: local, the user's name, and no uid, which only a socket tells.
Peer this_process();

struct Request {
  std::string method;                                        // "GET"
  std::string target;                                        // path and query, percent-encoded
  std::vector<std::pair<std::string, std::string>> headers;  // names in lower case
  std::string body;
  Peer peer;
  std::string_view header(std::string_view lower_case_name) const;
};

// Receives a streamed body. write() waits while the client is slow; false: the client is gone, stop.
class BodySink {
 public:
  virtual ~BodySink() = default;
  virtual bool write(std::string_view bytes) = 0;
  virtual bool gone() const = 0;  // the client went away, or the server is stopping
};

// A body that goes on as things happen and holds no thread meanwhile: a live stream.
struct LiveBody {
  enum class Next {
    kWait,  // until Server::wake() or interval_ms
    kMore,  // there is more at once
    kEnd,
  };
  // Appends what there is now, about 64 KiB at most. Called from threads of their own, one call at a
  // time, and never before the client has taken what was appended earlier.
  std::function<Next(std::string& out)> step;
  int interval_ms = 15'000;
};

struct Response {
  int status = 200;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
  // When set, the body is streamed (chunked) after the headers instead: `stream` for something
  // with an end, which occupies a stream thread until then; `live` for the rest.
  std::function<void(BodySink&)> stream;
  std::optional<LiveBody> live;
};

// May be called from several threads at once.
using Handler = std::function<Response(const Request&)>;

struct ServerLimits {
  size_t header_bytes = 16 << 10, body_bytes = 1 << 20;
  size_t connections = 256;
  size_t connections_per_network = 256;  // trusted proxies excepted
  size_t handler_threads = 8;
  size_t live_threads = 2;  // for all live bodies together: no long request makes them wait
  size_t streams = 8;       // streamed bodies at a time; what is beyond is told to try again
  // For a request to arrive whole, and for a client to take something of an answer.
  int idle_timeout_ms = 30'000;
  // A client that takes an answer more slowly than this, after the time above, is given up.
  size_t least_bytes_per_second = 1'024;
};

struct TcpOptions {
  std::string address = "127.0.0.1";
  uint16_t port = 0;                              // 0: any that is free
  std::filesystem::path certificate, key;         // PEM, both or none; with them TLS 1.2 or newer only
  std::vector<std::string> trusted_proxies = {};  // addresses whose X-Forwarded-For and -Proto are believed
  // The names that a Host header may have, without port: a page of another site whose name was made to point here
  // (DNS rebinding) says its own. Empty: any.
  std::vector<std::string> hosts = {};
};

class Server {
 public:
  // Listens on a Unix socket with mode 0600, replacing a stale one. kConflict when another process serves it.
  static Result<std::unique_ptr<Server>> listen_unix(const std::filesystem::path& socket, Handler handler,
                                                     const ServerLimits& limits);
  static Result<std::unique_ptr<Server>> listen_tcp(const TcpOptions& options, Handler handler,
                                                    const ServerLimits& limits);
  virtual ~Server() = default;  // stops: ends streams, waits for handlers

  virtual uint16_t port() const = 0;  // of TCP, else 0
  // Reads certificate and key again, for connections that come from now on. On failure the old ones stay.
  virtual Status reload_certificate() = 0;

  // There is news: every live body is asked for it. Any thread.
  virtual void wake() = 0;
};

// A request over a Unix socket. on_body, when given, receives the body of a 2xx answer in pieces as
// they arrive (returning false ends the transfer, which is no error); else it is collected in
// Response::body. silence_timeout_ms: how long nothing may arrive.
// kNotFound when nobody listens; kUnavailable when the answer does not come or breaks off.
Result<Response> request_unix(const std::filesystem::path& socket, const Request& request,
                              const std::function<bool(std::string_view)>& on_body = {},
                              int silence_timeout_ms = 60'000);

// Percent-encoding (RFC 3986) of one path segment or query value, and back.
std::string percent_encode(std::string_view text);
std::optional<std::string> percent_decode(std::string_view text);
// "/v1/entries?q=a&limit=5" into its path (encoded) and decoded parameters.
struct Target {
  std::string path;
  std::vector<std::pair<std::string, std::string>> parameters;
  std::optional<std::string_view> parameter(std::string_view name) const;
};
std::optional<Target> parse_target(std::string_view target);

}  // namespace rowledger::http
