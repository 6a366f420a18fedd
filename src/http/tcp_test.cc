// The TCP listener: limits, slow clients, proxies, names.
#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <future>
#include <memory>
#include <stdexcept>
#include <thread>

#include "http/compress.h"
#include "http/http.h"

namespace rowledger::http {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;
using Clock = std::chrono::steady_clock;

Response plain_text(std::string body) {
  Response out;
  out.headers = {{"Content-Type", "text/plain"}};
  out.body = std::move(body);
  return out;
}

// A client that does as it is told, and no more.
class Raw {
 public:
  explicit Raw(uint16_t port) : fd_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    const timeval patience{10, 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  }
  Raw(Raw&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  ~Raw() {
    if (fd_ >= 0) ::close(fd_);
  }

  bool send(std::string_view bytes) const {
    return ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(bytes.size());
  }
  std::string read_some(size_t most = 4'096) const {
    std::string out(most, '\0');
    const ssize_t n = ::recv(fd_, out.data(), out.size(), 0);
    out.resize(n > 0 ? static_cast<size_t>(n) : 0);
    return out;
  }
  std::string read_all() const {
    std::string out;
    for (std::string piece; !(piece = read_some()).empty();) out += piece;
    return out;
  }
  std::string ask(std::string_view more = "", std::string_view host = "localhost") const {
    EXPECT_TRUE(send("GET / HTTP/1.1\r\nHost: " + std::string(host) + "\r\nConnection: close\r\n" + std::string(more) +
                     "\r\n"));
    return read_all();
  }

 private:
  int fd_;
};

class TcpTest : public ::testing::Test {
 protected:
  void serve(Handler handler, const ServerLimits& limits = {}, const TcpOptions& options = {}) {
    auto server = Server::listen_tcp(options, std::move(handler), limits);
    ASSERT_TRUE(server) << server.error().message;
    server_ = std::move(*server);
  }
  Raw connect() const { return Raw(server_->port()); }

  std::unique_ptr<Server> server_;
};

TEST_F(TcpTest, KnowsTheAddress) {
  serve([](const Request& request) {
    return plain_text(request.peer.address + (request.peer.local ? " local" : "") +
                      (request.peer.secure ? " secure" : ""));
  });
  EXPECT_THAT(connect().ask(), HasSubstr("\r\n\r\n127.0.0.1"));
  // Nobody is believed unasked.
  EXPECT_TRUE(connect().ask("X-Forwarded-For: 1.2.3.4\r\nX-Forwarded-Proto: https\r\n").ends_with("\r\n127.0.0.1"));
}

TEST_F(TcpTest, BelievesItsProxyAboutTheLastOneBeforeIt) {
  TcpOptions options;
  options.trusted_proxies = {"127.0.0.1", "10.0.0.1"};
  serve(
      [](const Request& request) { return plain_text(request.peer.address + (request.peer.secure ? " secure" : "")); },
      {}, options);
  EXPECT_TRUE(connect().ask().ends_with("\r\n127.0.0.1"));
  EXPECT_TRUE(connect().ask("X-Forwarded-For: 1.2.3.4\r\n").ends_with("\r\n1.2.3.4"));
  EXPECT_TRUE(connect().ask("X-Forwarded-For: 6.6.6.6, 1.2.3.4, 10.0.0.1\r\n").ends_with("\r\n1.2.3.4"));
  EXPECT_TRUE(connect().ask("X-Forwarded-For: 6.6.6.6\r\nX-Forwarded-For: 1.2.3.4\r\n").ends_with("\r\n1.2.3.4"));
  EXPECT_TRUE(connect().ask("X-Forwarded-For: 1.2.3.4, nonsense\r\n").ends_with("\r\n127.0.0.1"));
  EXPECT_TRUE(
      connect().ask("X-Forwarded-For: ::ffff:1.2.3.4\r\nX-Forwarded-Proto: https\r\n").ends_with("\r\n1.2.3.4 secure"));
}

TEST_F(TcpTest, AnswersToItsNamesOnly) {
  TcpOptions options;
  options.hosts = {"localhost", "[::1]", "log.example.org"};
  serve([](const Request&) { return plain_text("in"); }, {}, options);
  for (const char* host : {"localhost", "LocalHost:7070", "[::1]:7070", "log.example.org"})
    EXPECT_THAT(connect().ask("", host), StartsWith("HTTP/1.1 200")) << host;
  for (const char* host :
       {"evil.example", "localhost.evil.example", "localhost@evil.example", "[::1].evil", "x:localhost"})
    EXPECT_THAT(connect().ask("", host), StartsWith("HTTP/1.1 421")) << host;
  EXPECT_THAT(connect().ask("Host: localhost\r\n"), StartsWith("HTTP/1.1 400"));
}

TEST_F(TcpTest, ARequestMustBeThereInTimeHoweverItDrips) {
  ServerLimits limits;
  limits.idle_timeout_ms = 300;
  serve([](const Request&) { return plain_text("no"); }, limits);
  const Raw slow = connect();
  const auto begun = Clock::now();
  slow.send("GET / HTTP/1.1\r\nX: ");
  auto dripping = std::async(std::launch::async, [&] {
    while (Clock::now() - begun < std::chrono::seconds(20) && slow.send("x"))
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
  });
  EXPECT_EQ(slow.read_some(), "");
  EXPECT_LT(Clock::now() - begun, std::chrono::seconds(8)) << "not by our own patience, which is 10 s";
  dripping.wait();
}

TEST_F(TcpTest, WhoTakesAnAnswerByTheByteIsGivenUp) {
  ServerLimits limits;
  limits.idle_timeout_ms = 300;
  limits.least_bytes_per_second = 100 << 20;
  std::promise<void> gone;
  serve(
      [&](const Request& request) {
        if (request.target == "/whole") return plain_text(std::string(64 << 20, 'x'));
        Response out;
        out.stream = [&gone](BodySink& sink) {
          while (sink.write(std::string(8 << 20, 'x'))) {
          }
          gone.set_value();
        };
        return out;
      },
      limits);
  // Far longer than the whole, or a stream of its size, takes at this pace where nobody is given up.
  constexpr auto kGivenUpWithin = std::chrono::seconds(60);
  for (const char* target : {"/whole", "/stream"}) {
    const Raw slow = connect();
    slow.send("GET " + std::string(target) + " HTTP/1.1\r\nHost: x\r\n\r\n");
    const auto begun = Clock::now();
    // Something is taken all the while.
    size_t taken = 0;
    for (std::string piece; !(piece = slow.read_some(16 << 10)).empty() && Clock::now() - begun < kGivenUpWithin;) {
      taken += piece.size();
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
    EXPECT_LT(taken, 64u << 20) << target;
    EXPECT_LT(Clock::now() - begun, kGivenUpWithin) << target;
  }
  EXPECT_EQ(gone.get_future().wait_for(std::chrono::seconds(30)), std::future_status::ready)
      << "its thread is free again";
}

TEST_F(TcpTest, LongAnswersLeaveThreadsForOthers) {
  ServerLimits limits;
  limits.streams = 2;
  limits.handler_threads = 1;
  std::promise<void> end;
  const auto ended = end.get_future().share();
  serve(
      [&](const Request& request) {
        if (request.target != "/long") return plain_text("quick");
        Response out;
        out.stream = [ended](BodySink& sink) {
          sink.write("begun");
          ended.wait();
        };
        return out;
      },
      limits);
  std::vector<Raw> longer;
  for (int i = 0; i < 2; ++i) {
    longer.push_back(connect());
    longer.back().send("GET /long HTTP/1.1\r\nHost: x\r\n\r\n");
    std::string seen;
    while (seen.find("begun") == std::string::npos) seen += longer.back().read_some();
  }
  EXPECT_THAT(connect().ask(), HasSubstr("quick"));
  const Raw third = connect();
  third.send("GET /long HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  EXPECT_THAT(third.read_all(), StartsWith("HTTP/1.1 503"));
  end.set_value();
  // The connection can be used again, and so can the place.
  std::string seen;
  while (!seen.ends_with("0\r\n\r\n")) seen += longer[0].read_some();
  longer[0].send("GET /long HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  EXPECT_THAT(longer[0].read_all(), HasSubstr("begun"));
}

TEST_F(TcpTest, OneNetworkHasOnlyItsShare) {
  ServerLimits limits;
  limits.connections_per_network = 2;
  serve([](const Request&) { return plain_text("in"); }, limits);
  {
    const Raw first = connect(), second = connect();
    for (const Raw* each : {&first, &second}) {
      each->send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
      EXPECT_THAT(each->read_some(), StartsWith("HTTP/1.1 200"));
    }
    EXPECT_THAT(connect().read_all(), StartsWith("HTTP/1.1 503"));
  }
  // They count until the server has noticed that they are gone.
  const auto begun = Clock::now();
  while (connect().ask().find("200 OK") == std::string::npos && Clock::now() - begun < std::chrono::seconds(5)) {
  }
  EXPECT_THAT(connect().ask(), StartsWith("HTTP/1.1 200"));
}

TEST_F(TcpTest, ARefusalArrivesWhileTheClientStillSends) {
  ServerLimits limits;
  limits.body_bytes = 1'000;
  serve([](const Request&) { return plain_text("no"); }, limits);
  const Raw client = connect();
  client.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3000000\r\n\r\n");
  auto sending = std::async(std::launch::async, [&] { client.send(std::string(3'000'000, 'x')); });
  EXPECT_THAT(client.read_all(), StartsWith("HTTP/1.1 413"));
  sending.wait();
}

TEST_F(TcpTest, SaysWhyItCannotListen) {
  serve([](const Request&) { return plain_text(""); });
  TcpOptions options;
  options.port = server_->port();
  const auto second = Server::listen_tcp(options, [](const Request&) { return plain_text(""); }, {});
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::kConflict);
  options.address = "nowhere";
  EXPECT_EQ(Server::listen_tcp(options, {}, {}).error().code, ErrorCode::kInvalid);
  options = {.certificate = "/nonexistent/c.pem", .key = "/nonexistent/k.pem"};
  EXPECT_THAT(Server::listen_tcp(options, {}, {}).error().message, HasSubstr("/nonexistent/c.pem"));
}

TEST(NetworkOf, IsAnAddressOrAnIpv6Network) {
  EXPECT_EQ(network_of("203.0.113.7"), "203.0.113.7");
  EXPECT_EQ(network_of("::ffff:203.0.113.7"), "203.0.113.7");
  EXPECT_EQ(network_of("2001:db8:1:2:3:4:5:6"), network_of("2001:db8:1:2::1"));
  EXPECT_NE(network_of("2001:db8:1:2::1"), network_of("2001:db8:1:3::1"));
  EXPECT_EQ(network_of(""), "");
}

// ---- compression --------------------------------------------------------------------------------

Response compressed(std::string_view accept, Response response) {
  Request request;
  request.headers = {{"accept-encoding", std::string(accept)}};
  compress(request, response);
  return response;
}

std::string header(const Response& response, std::string_view name) {
  for (const auto& [key, value] : response.headers)
    if (key == name) return value;
  return "";
}

TEST(Compress, GivesBackTheSame) {
  std::string body;
  for (int i = 0; i < 5'000; ++i) body += "entry " + std::to_string(i) + "\n";
  const auto with_zstd = compressed("gzip, zstd", plain_text(body)), with_gzip = compressed("gzip", plain_text(body));
  EXPECT_EQ(header(with_zstd, "Content-Encoding"), "zstd");
  std::string out(body.size(), '\0');
  EXPECT_EQ(ZSTD_decompress(out.data(), out.size(), with_zstd.body.data(), with_zstd.body.size()), body.size());
  EXPECT_EQ(out, body);
  EXPECT_EQ(header(with_gzip, "Content-Encoding"), "gzip");
  z_stream stream{};
  ASSERT_EQ(inflateInit2(&stream, 15 + 16), Z_OK);
  std::string again(body.size() + 1, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(with_gzip.body.data()));
  stream.avail_in = static_cast<uInt>(with_gzip.body.size());
  stream.next_out = reinterpret_cast<Bytef*>(again.data());
  stream.avail_out = static_cast<uInt>(again.size());
  EXPECT_EQ(inflate(&stream, Z_FINISH), Z_STREAM_END);
  again.resize(stream.total_out);
  inflateEnd(&stream);
  EXPECT_EQ(again, body);
}

// What has come of a compressed body so far, uncompressed.
class Unpacked {
 public:
  explicit Unpacked(std::string_view encoding)
      : gzip_(encoding == "gzip"), zstd_(::ZSTD_createDCtx(), ::ZSTD_freeDCtx) {
    if (gzip_) {
      EXPECT_EQ(inflateInit2(&inflate_, 15 + 16), Z_OK);
    }
  }
  ~Unpacked() {
    if (gzip_) ::inflateEnd(&inflate_);
  }
  void add(std::string_view piece) {
    std::string out(1 << 20, '\0');
    if (gzip_) {
      inflate_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(piece.data()));
      inflate_.avail_in = static_cast<uInt>(piece.size());
      inflate_.next_out = reinterpret_cast<Bytef*>(out.data());
      inflate_.avail_out = static_cast<uInt>(out.size());
      ended = ::inflate(&inflate_, Z_SYNC_FLUSH) == Z_STREAM_END;
      out.resize(out.size() - inflate_.avail_out);
    } else {
      ZSTD_inBuffer in{piece.data(), piece.size(), 0};
      ZSTD_outBuffer into{out.data(), out.size(), 0};
      ended = ::ZSTD_decompressStream(zstd_.get(), &into, &in) == 0;
      out.resize(into.pos);
    }
    text += out;
  }
  std::string text;
  bool ended = false;

 private:
  const bool gzip_;
  z_stream inflate_{};
  const std::unique_ptr<ZSTD_DCtx, decltype(&::ZSTD_freeDCtx)> zstd_;
};

class Collected final : public BodySink {
 public:
  bool write(std::string_view bytes) override {
    largest = std::max(largest, bytes.size());
    if (take) take(bytes);
    return !gone();
  }
  bool gone() const override { return left; }
  std::function<void(std::string_view)> take;
  size_t largest = 0;
  bool left = false;
};

TEST(Compress, AStreamPieceByPiece) {
  for (const std::string encoding : {"gzip", "zstd"}) {
    Unpacked got(encoding);
    Collected sink;
    sink.take = [&](std::string_view piece) { got.add(piece); };
    std::string sent;
    Response response = plain_text({});
    response.headers.emplace_back("ETag", "\"abc\"");
    response.headers.emplace_back("Accept-Ranges", "bytes");
    response.stream = [&](BodySink& out) {
      for (int i = 0; i < 300; ++i) {
        const std::string piece = std::to_string(i * 7'919) + std::string(static_cast<size_t>(i) * 11, 'x') + "\n";
        sent += piece;
        EXPECT_TRUE(out.write(piece));
        EXPECT_EQ(got.text, sent) << "nothing waits for what comes next";
      }
    };
    response = compressed(encoding, std::move(response));
    EXPECT_EQ(header(response, "Content-Encoding"), encoding);
    EXPECT_EQ(header(response, "Vary"), "Accept-Encoding");
    // The same bytes in another form: no part of them is a part of this.
    EXPECT_EQ(header(response, "ETag"), "W/\"abc\"");
    EXPECT_EQ(header(response, "Accept-Ranges"), "");
    response.stream(sink);
    EXPECT_EQ(got.text, sent);
    EXPECT_TRUE(got.ended);
  }
}

TEST(Compress, ALargePieceLeavesInSmallOnes) {
  std::string noise(1 << 20, '\0');
  uint32_t state = 1;
  for (char& c : noise) c = static_cast<char>((state = state * 1'664'525 + 1'013'904'223) >> 24);
  for (const std::string encoding : {"gzip", "zstd"}) {
    Collected sink;
    Response response = plain_text({});
    response.stream = [&](BodySink& out) { out.write(noise); };
    compressed(encoding, std::move(response)).stream(sink);
    EXPECT_GT(sink.largest, 0u);
    EXPECT_LE(sink.largest, 128u << 10);
  }
}

TEST(Compress, AStreamThatBreaksOffHasNoEnd) {
  Unpacked got("gzip");
  Collected sink;
  sink.take = [&](std::string_view piece) { got.add(piece); };
  Response response = plain_text({});
  response.stream = [](BodySink& out) {
    out.write("half");
    throw std::runtime_error("broken");
  };
  response = compressed("gzip", std::move(response));
  EXPECT_THROW(response.stream(sink), std::runtime_error);
  EXPECT_EQ(got.text, "half");
  EXPECT_FALSE(got.ended);
  // Whoever left is not told anything any more, and the producer hears it.
  Response again = plain_text({});
  again.stream = [](BodySink& out) { EXPECT_FALSE(out.write("half")); };
  sink.left = true;
  compressed("gzip", std::move(again)).stream(sink);
}

TEST(Compress, NeverALiveBodyNorAPart) {
  Response live = plain_text({});
  live.headers = {{"Content-Type", "text/event-stream"}};
  live.live.emplace();
  EXPECT_EQ(header(compressed("gzip, zstd", std::move(live)), "Content-Encoding"), "");
  Response part = plain_text({});
  part.headers.emplace_back("Content-Range", "bytes 0-9/10");
  part.stream = [](BodySink&) {};
  EXPECT_EQ(header(compressed("gzip, zstd", std::move(part)), "Content-Encoding"), "");
}

TEST(Compress, OnlyWhereItPays) {
  const std::string body(10'000, 'x');
  EXPECT_EQ(compressed("gzip", plain_text("short")).body, "short");
  EXPECT_EQ(compressed("", plain_text(body)).body, body);
  Response image = plain_text(body);
  image.headers = {{"Content-Type", "image/png"}};
  EXPECT_EQ(compressed("gzip", image).body, body);
  Response secret = plain_text(body);
  secret.headers.emplace_back("Set-Cookie", "session=secret");
  EXPECT_EQ(compressed("gzip", secret).body, body);
  Response done = plain_text(body);
  done.headers.emplace_back("Content-Encoding", "br");
  EXPECT_EQ(compressed("gzip", done).body, body);
}

TEST(Compress, ChoosesWhatTheClientTakes) {
  for (const char* accept : {"gzip", "GZIP", "br,gzip;q=0.5", "gzip;q=1.0 , br", "zstd;q=0, gzip"})
    EXPECT_EQ(choose_encoding(accept), "gzip") << accept;
  EXPECT_EQ(choose_encoding("gzip, zstd"), "zstd");
  for (const char* accept : {"", "br", "gzip;q=0", "gzip;q=0.000", "*", "gzipx", ";;,,"})
    EXPECT_EQ(choose_encoding(accept), "") << accept;
}

}  // namespace
}  // namespace rowledger::http
