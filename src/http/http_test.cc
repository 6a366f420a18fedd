#include "http/http.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <condition_variable>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <thread>

namespace rowledger::http {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

// Counts up; others wait for a count.
class Signal {
 public:
  void raise() {
    std::lock_guard lock(mutex_);
    ++count_;
    changed_.notify_all();
  }
  void wait_for(int count) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return count_ >= count; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  int count_ = 0;
};

class HttpTest : public ::testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/rowledger-http-test.XXXXXX";
    directory_ = ::mkdtemp(name);
    socket_ = directory_ / "test.sock";
  }
  void TearDown() override {
    server_.reset();
    std::filesystem::remove_all(directory_);
  }

  void serve(Handler handler, const ServerLimits& limits = {}) {
    auto server = Server::listen_unix(socket_, std::move(handler), limits);
    ASSERT_TRUE(server) << server.error().message;
    server_ = std::move(*server);
  }

  Result<Response> get(const std::string& target) {
    Request request;
    request.method = "GET";
    request.target = target;
    return request_unix(socket_, request);
  }

  int connect_raw() const {
    const int fd = ::socket(AF_UNIX, SOCK_STREAM, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, socket_.c_str(), sizeof address.sun_path - 1);
    EXPECT_EQ(::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    return fd;
  }
  // Sends bytes as they are and reads until the server closes.
  std::string raw(std::string_view bytes) const {
    const int fd = connect_raw();
    EXPECT_EQ(::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL), static_cast<ssize_t>(bytes.size()));
    std::string out = read_all(fd);
    ::close(fd);
    return out;
  }
  static std::string read_all(int fd) {
    std::string out;
    char buffer[4096];
    for (ssize_t n; (n = ::read(fd, buffer, sizeof buffer)) > 0;) out.append(buffer, static_cast<size_t>(n));
    return out;
  }

  std::filesystem::path directory_, socket_;
  std::unique_ptr<Server> server_;
};

Response text(std::string body) {
  Response out;
  out.body = std::move(body);
  return out;
}

TEST_F(HttpTest, CarriesRequestAndAnswer) {
  serve([](const Request& request) {
    Response out =
        text(request.method + " " + request.target + " " + request.body + " " + std::string(request.header("x-mark")));
    out.status = 202;
    out.headers = {{"X-Answer", "yes"}};
    return out;
  });
  Request request;
  request.method = "POST";
  request.target = "/v1/a%2Fb?q=1";
  request.headers = {{"X-Mark", "m"}};
  request.body = "payload";
  const auto response = request_unix(socket_, request);
  ASSERT_TRUE(response) << response.error().message;
  EXPECT_EQ(response->status, 202);
  EXPECT_EQ(response->body, "POST /v1/a%2Fb?q=1 payload m");
  EXPECT_THAT(response->headers, ::testing::Contains(std::pair<std::string, std::string>("x-answer", "yes")));
}

TEST_F(HttpTest, KnowsWhoIsAtTheOtherEnd) {
  serve([](const Request& request) {
    return text(std::string(request.peer.local ? "local " : "remote ") +
                std::to_string(request.peer.uid.value_or(~0u)));
  });
  EXPECT_EQ(get("/")->body, "local " + std::to_string(::getuid()));
}

TEST_F(HttpTest, SocketIsForItsOwnerOnly) {
  serve([](const Request&) { return text(""); });
  struct stat info {};
  ASSERT_EQ(::stat(socket_.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
}

TEST_F(HttpTest, ServesSeveralRequestsOnOneConnection) {
  serve([](const Request& request) { return text(request.target); });
  const std::string answer =
      raw("GET /one HTTP/1.1\r\nHost: x\r\n\r\nGET /two HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  EXPECT_THAT(answer, HasSubstr("\r\n\r\n/one"));
  EXPECT_THAT(answer, HasSubstr("\r\n\r\n/two"));
}

TEST_F(HttpTest, HeadHasNoBody) {
  serve([](const Request&) { return text("12345"); });
  const std::string answer = raw("HEAD / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  EXPECT_THAT(answer, HasSubstr("Content-Length: 5"));
  EXPECT_TRUE(answer.ends_with("\r\n\r\n")) << answer;
}

TEST_F(HttpTest, LargeAnswersArriveWhole) {
  const std::string large(20 << 20, 'x');
  serve([&](const Request&) { return text(large); });
  const auto response = get("/");
  ASSERT_TRUE(response) << response.error().message;
  EXPECT_TRUE(response->body == large);
}

TEST_F(HttpTest, StreamsInPiecesAsTheyAreWritten) {
  Signal first_seen;
  serve([&](const Request&) {
    Response out;
    out.stream = [&](BodySink& sink) {
      EXPECT_TRUE(sink.write("first "));
      first_seen.wait_for(1);  // blocks for ever unless the piece travels before the end
      EXPECT_TRUE(sink.write("second"));
    };
    return out;
  });
  std::string body;
  Request request;
  request.method = "GET";
  request.target = "/";
  const auto response = request_unix(socket_, request, [&](std::string_view piece) {
    body += piece;
    first_seen.raise();
    return true;
  });
  ASSERT_TRUE(response) << response.error().message;
  EXPECT_EQ(body, "first second");
}

TEST_F(HttpTest, ProducerLearnsThatTheClientIsGone) {
  Signal ended;
  serve([&](const Request&) {
    Response out;
    out.stream = [&](BodySink& sink) {
      while (sink.write(std::string(10'000, 'x'))) {
      }
      EXPECT_TRUE(sink.gone());
      ended.raise();
    };
    return out;
  });
  Request request;
  request.method = "GET";
  request.target = "/";
  EXPECT_TRUE(request_unix(socket_, request, [](std::string_view) { return false; }));
  ended.wait_for(1);
}

TEST_F(HttpTest, StopEndsStreamsWhoseClientDoesNotRead) {
  Signal started, ended;
  serve([&](const Request&) {
    Response out;
    out.stream = [&](BodySink& sink) {
      started.raise();
      while (sink.write(std::string(1 << 20, 'x'))) {
      }
      ended.raise();
    };
    return out;
  });
  const int fd = connect_raw();
  const std::string_view request = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
  ASSERT_GT(::write(fd, request.data(), request.size()), 0);
  started.wait_for(1);
  server_.reset();
  ended.wait_for(1);
  ::close(fd);
}

TEST_F(HttpTest, AStreamThatStopBreaksOffDoesNotLookWhole) {
  Signal started;
  serve([&](const Request&) {
    Response out;
    out.stream = [&](BodySink& sink) {
      while (sink.write("piece ")) started.raise();
    };
    return out;
  });
  const int fd = connect_raw();
  const std::string_view request = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
  ASSERT_GT(::write(fd, request.data(), request.size()), 0);
  std::string answer;
  std::thread reader([&] {
    char bytes[4'096];
    for (ssize_t size; (size = ::read(fd, bytes, sizeof(bytes))) > 0;) answer.append(bytes, static_cast<size_t>(size));
  });
  started.wait_for(1);
  server_.reset();
  reader.join();
  ::close(fd);
  EXPECT_NE(answer.find("piece "), std::string::npos);
  EXPECT_EQ(answer.find("\r\n0\r\n\r\n"), std::string::npos);
}

// A live body over a text that grows.
struct Feed {
  std::mutex mutex;
  std::string text;
  void add(std::string_view more) {
    std::lock_guard lock(mutex);
    text += more;
  }
  LiveBody body() {
    LiveBody live;
    live.interval_ms = 3'600'000;
    live.step = [this, at = size_t{0}](std::string& out) mutable {
      std::lock_guard lock(mutex);
      out = text.substr(at);
      at = text.size();
      return out.ends_with("END") ? LiveBody::Next::kEnd : LiveBody::Next::kWait;
    };
    return live;
  }
};

TEST_F(HttpTest, LiveBodyFollowsWakeUps) {
  Feed feed;
  feed.add("a");
  serve([&](const Request&) {
    Response out;
    out.live = feed.body();
    return out;
  });
  Request request;
  request.method = "GET";
  request.target = "/";
  std::string body;
  const auto response = request_unix(socket_, request, [&](std::string_view piece) {
    body += piece;
    if (body == "a") feed.add("b"), server_->wake();
    if (body == "ab") feed.add("END"), server_->wake();
    return true;
  });
  ASSERT_TRUE(response) << response.error().message;
  EXPECT_EQ(body, "abEND");
}

TEST_F(HttpTest, LiveBodiesDoNotWaitForLongRequests) {
  Feed feed;
  feed.add("a");
  ServerLimits limits;
  limits.handler_threads = 1;
  Signal live_begun, busy, may_end;
  serve(
      [&](const Request& request) {
        if (request.target == "/long") {
          busy.raise();
          may_end.wait_for(1);
          return text("at last");
        }
        Response out;
        out.live = feed.body();
        return out;
      },
      limits);
  std::thread live([&] {
    Request request;
    request.method = "GET";
    request.target = "/live";
    std::string body;
    const auto response = request_unix(socket_, request, [&](std::string_view piece) {
      body += piece;
      live_begun.raise();
      return true;
    });
    EXPECT_TRUE(response);
    EXPECT_EQ(body, "abEND");
  });
  live_begun.wait_for(1);
  std::thread long_one([&] { EXPECT_EQ(get("/long")->body, "at last"); });
  busy.wait_for(1);
  feed.add("bEND");
  server_->wake();
  live.join();
  may_end.raise();
  long_one.join();
}

TEST_F(HttpTest, ManyLiveBodiesHoldNoThread) {
  Feed feed;
  feed.add(".");
  ServerLimits limits;
  limits.handler_threads = 1;
  serve(
      [&](const Request& request) {
        if (request.target == "/plain") return text("answered");
        Response out;
        out.live = feed.body();
        return out;
      },
      limits);
  Signal seen;
  std::vector<std::thread> clients;
  std::atomic<int> whole = 0;
  clients.reserve(20);
  for (int i = 0; i < 20; ++i) {
    clients.emplace_back([&] {
      Request request;
      request.method = "GET";
      request.target = "/live";
      std::string body;
      const auto response = request_unix(socket_, request, [&](std::string_view piece) {
        if (body.empty()) seen.raise();
        body += piece;
        return true;
      });
      if (response && body == ".END") ++whole;
    });
  }
  seen.wait_for(20);
  EXPECT_EQ(get("/plain")->body, "answered");
  feed.add("END");
  server_->wake();
  for (auto& client : clients) client.join();
  EXPECT_EQ(whole, 20);
}

TEST_F(HttpTest, StopEndsLiveBodiesCleanly) {
  Feed feed;
  feed.add("x");
  serve([&](const Request&) {
    Response out;
    out.live = feed.body();
    return out;
  });
  Signal seen;
  std::thread client([&] {
    Request request;
    request.method = "GET";
    request.target = "/";
    const auto response = request_unix(socket_, request, [&](std::string_view) {
      seen.raise();
      return true;
    });
    EXPECT_TRUE(response) << response.error().message;  // the last chunk came
  });
  seen.wait_for(1);
  server_.reset();
  client.join();
}

TEST_F(HttpTest, StopWaitsForAnswersUnderWay) {
  Signal entered, go_on;
  serve([&](const Request&) {
    entered.raise();
    go_on.wait_for(1);
    return text("done");
  });
  std::thread client([&] {
    const auto response = get("/");
    ASSERT_TRUE(response) << response.error().message;
    EXPECT_EQ(response->body, "done");
  });
  entered.wait_for(1);
  std::thread stopper([&] { server_.reset(); });
  go_on.raise();
  stopper.join();
  client.join();
}

TEST_F(HttpTest, RefusesTooLargeHeadersAndBodies) {
  ServerLimits limits;
  limits.header_bytes = 1'000;
  limits.body_bytes = 1'000;
  serve([](const Request&) { return text("no"); }, limits);
  EXPECT_THAT(raw("GET / HTTP/1.1\r\nX: " + std::string(2'000, 'x') + "\r\n\r\n"), StartsWith("HTTP/1.1 431"));
  EXPECT_THAT(raw("POST / HTTP/1.1\r\nContent-Length: 2000\r\n\r\n"), StartsWith("HTTP/1.1 413"));
  EXPECT_THAT(
      raw("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n7d0\r\n" + std::string(2'000, 'x') + "\r\n0\r\n\r\n"),
      StartsWith("HTTP/1.1 413"));
}

TEST_F(HttpTest, AnswersNonsenseWithBadRequest) {
  serve([](const Request&) { return text("no"); });
  EXPECT_THAT(raw("hello there\r\n\r\n"), StartsWith("HTTP/1.1 400"));
  EXPECT_THAT(raw("GET / HTTP/1.1\r\nbroken header\r\n\r\n"), StartsWith("HTTP/1.1 400"));
  EXPECT_THAT(raw("POST / HTTP/1.1\r\nContent-Length: -5\r\n\r\n"), StartsWith("HTTP/1.1 400"));
  EXPECT_THAT(raw(std::string("\0\1\2\3\r\n\r\n", 8)), StartsWith("HTTP/1.1 400"));
}

TEST_F(HttpTest, HandlersThatThrowAnswer500) {
  serve([](const Request&) -> Response { throw std::runtime_error("secret"); });
  const auto response = get("/");
  EXPECT_EQ(response->status, 500);
  EXPECT_THAT(response->body, ::testing::Not(HasSubstr("secret")));
}

TEST_F(HttpTest, ClosesConnectionsThatSendNothing) {
  ServerLimits limits;
  limits.idle_timeout_ms = 50;
  serve([](const Request&) { return text(""); }, limits);
  const int fd = connect_raw();
  EXPECT_EQ(read_all(fd), "");  // returns because the server closes
  ::close(fd);
}

TEST_F(HttpTest, RefusesMoreConnectionsThanAllowed) {
  ServerLimits limits;
  limits.connections = 1;
  serve([](const Request&) { return text("ok"); }, limits);
  const int held = connect_raw();
  const std::string_view request = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
  ASSERT_GT(::write(held, request.data(), request.size()), 0);
  char byte;
  ASSERT_EQ(::read(held, &byte, 1), 1);  // accepted and kept alive
  const int second = connect_raw();
  EXPECT_THAT(read_all(second), StartsWith("HTTP/1.1 503"));
  ::close(second);
  ::close(held);
}

TEST_F(HttpTest, ReplacesAStaleSocket) {
  const int fd = ::socket(AF_UNIX, SOCK_STREAM, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, socket_.c_str(), sizeof address.sun_path - 1);
  ASSERT_EQ(::bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  ::close(fd);
  ASSERT_TRUE(std::filesystem::exists(socket_));
  serve([](const Request&) { return text("new"); });
  EXPECT_EQ(get("/")->body, "new");
}

TEST_F(HttpTest, RefusesASecondServerAndOtherFiles) {
  serve([](const Request&) { return text("first"); });
  auto second = Server::listen_unix(socket_, [](const Request&) { return text("second"); }, {});
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::kConflict);
  EXPECT_EQ(get("/")->body, "first");

  const auto file = directory_ / "file";
  std::ofstream(file) << "precious";
  auto over_file = Server::listen_unix(file, [](const Request&) { return text(""); }, {});
  ASSERT_FALSE(over_file);
  EXPECT_EQ(over_file.error().code, ErrorCode::kConflict);
  EXPECT_TRUE(std::filesystem::is_regular_file(file));
}

TEST_F(HttpTest, ServesAtPathsLongerThanASocketAddress) {
  const auto deep = directory_ / std::string(120, 'd');
  std::filesystem::create_directory(deep);
  socket_ = deep / "rowledger.sock";
  serve([](const Request&) { return text("deep"); });
  const auto response = get("/");
  ASSERT_TRUE(response) << response.error().message;
  EXPECT_EQ(response->body, "deep");
  server_.reset();
  EXPECT_FALSE(std::filesystem::exists(socket_));
}

TEST_F(HttpTest, SaysThatNobodyListens) {
  const auto response = get("/");
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().code, ErrorCode::kNotFound);
}

TEST_F(HttpTest, ClientGivesUpOnSilence) {
  Signal go_on;
  serve([&](const Request&) {
    go_on.wait_for(1);
    return text("late");
  });
  Request request;
  request.method = "GET";
  request.target = "/";
  const auto response = request_unix(socket_, request, {}, 50);
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().code, ErrorCode::kUnavailable);
  go_on.raise();
}

TEST(PercentCoding, RoundTrips) {
  std::string all;
  for (int c = 0; c < 256; ++c) all += static_cast<char>(c);
  EXPECT_EQ(percent_decode(percent_encode(all)), all);
  EXPECT_EQ(percent_encode("a/b c~"), "a%2Fb%20c~");
  EXPECT_EQ(percent_decode("%4"), std::nullopt);
  EXPECT_EQ(percent_decode("%zz"), std::nullopt);
  EXPECT_EQ(percent_decode("a+b"), "a+b");
}

TEST(ParseTarget, SplitsPathAndParameters) {
  const auto target = parse_target("/v1/entries?q=field%3Aphone+x&limit=5&flag&&e=");
  ASSERT_TRUE(target);
  EXPECT_EQ(target->path, "/v1/entries");
  EXPECT_EQ(target->parameter("q"), "field:phone x");
  EXPECT_EQ(target->parameter("limit"), "5");
  EXPECT_EQ(target->parameter("flag"), "");
  EXPECT_EQ(target->parameter("e"), "");
  EXPECT_EQ(target->parameter("none"), std::nullopt);
  EXPECT_FALSE(parse_target("/x?q=%9"));
  EXPECT_FALSE(parse_target("http://host/"));
  EXPECT_FALSE(parse_target(""));
}

}  // namespace
}  // namespace rowledger::http
