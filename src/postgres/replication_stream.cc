#include "postgres/replication_stream.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstring>
#include <optional>

#include "base/bytes.h"
#include "base/check.h"
#include "base/log.h"
#include "postgres/connection.h"
#include "postgres/libpq.h"
#include "postgres/stream_errors.h"

namespace rowledger::postgres {
namespace {

constexpr int kOldestServer = 140'000;  // in-progress streaming (protocol 2) came with it

// While much arrives, the kernel wakes us for this many bytes rather than for each row, which the
// walsender sends one by one; or after this time, which bounds what it costs the last rows of a burst.
constexpr int kBatchBytes = 64 * 1024;
constexpr int kBatchWaitMs = 1;
constexpr size_t kMuchBytes = 8 * 1024;

// An encrypted connection may hold decrypted bytes that poll() knows nothing of. They are rare (the rest of
// a record that did not fit into libpq's buffer when the traffic paused), so looking now and then is enough.
constexpr int kEncryptedWaitMs = 20;

using Clock = std::chrono::steady_clock;

struct FreeCopyData {
  void operator()(char* data) const { PQfreemem(data); }
};

class Fd {
 public:
  explicit Fd(int fd) : fd_(fd) {}
  ~Fd() {
    if (fd_ >= 0) ::close(fd_);
  }
  Fd(const Fd&) = delete;
  Fd& operator=(const Fd&) = delete;
  int get() const { return fd_; }

 private:
  const int fd_;
};

std::string start_command(const StreamOptions& options) {
  return fmt::format(
      "START_REPLICATION SLOT {} LOGICAL {} (proto_version '2', publication_names {}, messages 'true', streaming '{}')",
      quote_identifier(options.slot), options.start_lsn.to_string(),
      quote_literal(quote_identifier(options.publication)), options.streaming ? "true" : "false");
}

class PqReplicationStream : public ReplicationStream {
 public:
  PqReplicationStream(const StreamOptions& options, PgConn conn)
      : names_{options.slot, options.publication},
        conn_(std::move(conn)),
        wake_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

  Status start(const StreamOptions& options);

  Result<size_t> drain(StreamBuffer& out, size_t max_bytes, int timeout_ms) override;
  size_t waiting_bytes() const override;
  Status confirm(Lsn durable) override;
  void wake() override;
  int sender_timeout_ms() const override { return sender_timeout_ms_; }

 private:
  Status read_sender_timeout();
  Status check_publication();
  Status receive_until(Clock::time_point deadline, size_t limit, StreamBuffer& out, size_t frames_before);
  Status receive(StreamBuffer& out, size_t limit);
  Status take_buffered(StreamBuffer& out, size_t limit);
  Status take(std::string_view copy_data, StreamBuffer& out);
  Result<bool> woken_while_waiting(Clock::time_point deadline);
  void set_low_water(int bytes);
  Status flush();
  Error end_of_copy();
  Error lost() const;

  const StreamNames names_;
  PgConn conn_;
  Fd wake_;
  int sender_timeout_ms_ = 0;
  bool encrypted_ = false;
  bool unsent_ = false;    // a confirmation waits in libpq for room in the socket
  bool batching_ = false;  // much arrived last time
  int low_water_ = 1;
  std::optional<Error> ended_;
};

Status PqReplicationStream::start(const StreamOptions& options) {
  if (wake_.get() < 0) return fail(ErrorCode::kIo, fmt::format("cannot make an eventfd: {}", std::strerror(errno)));
  PQsetNoticeReceiver(
      conn_.get(), [](void*, const PGresult* notice) { log::warning("PostgreSQL says: {}", server_message(notice)); },
      nullptr);
  const int version = PQserverVersion(conn_.get());
  if (version < kOldestServer) {
    return fail(ErrorCode::kInvalid,
                fmt::format("the server is PostgreSQL {}; capture needs version 14 or newer", version / 10'000));
  }
  encrypted_ = PQsslInUse(conn_.get()) || PQgssEncInUse(conn_.get());
  RL_TRY(read_sender_timeout());
  RL_TRY(check_publication());
  PgResult result(PQexec(conn_.get(), start_command(options).c_str()));
  if (PQresultStatus(result.get()) != PGRES_COPY_BOTH) {
    return fail(result ? stream_error(names_, StreamPhase::kStarting, result.get()) : lost());
  }
  if (PQsetnonblocking(conn_.get(), 1) != 0) return fail(lost());
  return {};
}

Status PqReplicationStream::read_sender_timeout() {
  // In milliseconds here; SHOW would give "1min".
  PgResult result(PQexec(conn_.get(), "SELECT setting FROM pg_catalog.pg_settings WHERE name = 'wal_sender_timeout'"));
  if (PQresultStatus(result.get()) != PGRES_TUPLES_OK)
    return fail(result ? stream_error(names_, StreamPhase::kStarting, result.get()) : lost());
  if (PQntuples(result.get()) != 1) return fail(ErrorCode::kInvalid, "the server does not know wal_sender_timeout");
  const std::string_view text = PQgetvalue(result.get(), 0, 0);
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), sender_timeout_ms_);
  if (error != std::errc() || end != text.data() + text.size()) {
    return fail(ErrorCode::kInvalid, fmt::format("the server's wal_sender_timeout is no number: {}", text));
  }
  return {};
}

// The server looks for the publication only with the first change, and since version 18 not even then
// complains: a stream that stays empty for ever.
Status PqReplicationStream::check_publication() {
  const std::string sql = "SELECT FROM pg_catalog.pg_publication WHERE pubname = " + quote_literal(names_.publication);
  PgResult result(PQexec(conn_.get(), sql.c_str()));
  if (PQresultStatus(result.get()) != PGRES_TUPLES_OK)
    return fail(result ? stream_error(names_, StreamPhase::kStarting, result.get()) : lost());
  if (PQntuples(result.get()) == 0) return fail(publication_missing(names_));
  return {};
}

Result<size_t> PqReplicationStream::drain(StreamBuffer& out, size_t max_bytes, int timeout_ms) {
  if (ended_) return fail(*ended_);
  const auto deadline = Clock::now() + std::chrono::milliseconds(timeout_ms);
  const size_t frames_before = out.frames.size(), bytes_before = out.bytes.size();
  const size_t limit = bytes_before + max_bytes;
  Status status = take_buffered(out, limit);
  if (status) status = receive_until(deadline, limit, out, frames_before);
  batching_ = out.bytes.size() - bytes_before >= kMuchBytes;
  const size_t taken = out.frames.size() - frames_before;
  if (!status) {
    // What came before the error is good, and the error waits for the next call.
    ended_ = std::move(status.error());
    if (taken == 0) return fail(*ended_);
  }
  return taken;
}

Status PqReplicationStream::receive_until(Clock::time_point deadline, size_t limit, StreamBuffer& out,
                                          size_t frames_before) {
  while (out.bytes.size() < limit) {
    if (out.frames.size() == frames_before) {
      RL_ASSIGN(const bool woken, woken_while_waiting(deadline));
      if (woken) return {};
    }
    const size_t had = out.bytes.size();
    RL_TRY(receive(out, limit));
    if (out.frames.size() == frames_before) {
      // Perhaps a part of a long message.
      batching_ = false;
      if (Clock::now() >= deadline) return {};
    } else if (out.bytes.size() - had < kMuchBytes / 2) {
      // libpq reads at least 8 kB when there are so many: the socket is empty now.
      return {};
    }
  }
  return {};
}

Status PqReplicationStream::receive(StreamBuffer& out, size_t limit) {
  if (!PQconsumeInput(conn_.get())) return fail(lost());
  return take_buffered(out, limit);
}

Status PqReplicationStream::take_buffered(StreamBuffer& out, size_t limit) {
  while (out.bytes.size() < limit) {
    char* data = nullptr;
    const int size = PQgetCopyData(conn_.get(), &data, 1);
    const std::unique_ptr<char, FreeCopyData> owner(data);
    if (size == 0) return {};
    if (size < 0) return fail(end_of_copy());
    RL_TRY(take({data, static_cast<size_t>(size)}, out));
  }
  return {};
}

Status PqReplicationStream::take(std::string_view copy_data, StreamBuffer& out) {
  ByteReader in(copy_data);
  const uint8_t type = in.u8();
  StreamFrame frame{};
  if (type == 'w') {
    frame.kind = StreamFrame::Kind::kData;
    frame.wal_start = Lsn{in.u64()};
    frame.wal_end = Lsn{in.u64()};
    in.u64();  // the server's clock
    frame.at = out.bytes.size();
    frame.size = in.remaining();
  } else if (type == 'k') {
    frame.kind = StreamFrame::Kind::kKeepalive;
    frame.wal_end = Lsn{in.u64()};
    in.u64();
    frame.reply_requested = in.u8() != 0;
  } else {
    in.fail();
  }
  if (!in.ok() || (type == 'k' && !in.at_end())) {
    return fail(
        ErrorCode::kCorrupt,
        fmt::format("a replication message of type 0x{:02x} and {} bytes is not of the protocol. Reconnect to "
                    "receive it again, and check that nothing between here and PostgreSQL alters the connection",
                    type, copy_data.size()));
  }
  if (type == 'w') out.bytes.append(in.rest());
  out.frames.push_back(frame);
  return {};
}

// True when wake() ended the wait. Otherwise it is worth looking whether something has come.
Result<bool> PqReplicationStream::woken_while_waiting(Clock::time_point deadline) {
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now()).count();
  int timeout_ms = static_cast<int>(std::max<int64_t>(left, 0));
  if (encrypted_) timeout_ms = std::min(timeout_ms, kEncryptedWaitMs);
  if (batching_) timeout_ms = std::min(timeout_ms, kBatchWaitMs);
  set_low_water(batching_ ? kBatchBytes : 1);
  const short events = unsent_ ? POLLIN | POLLOUT : POLLIN;
  pollfd fds[] = {{PQsocket(conn_.get()), events, 0}, {wake_.get(), POLLIN, 0}};
  if (poll(fds, 2, timeout_ms) < 0) {
    if (errno == EINTR) return false;
    return fail(ErrorCode::kIo, fmt::format("waiting for PostgreSQL failed: {}", std::strerror(errno)));
  }
  if (fds[0].revents & POLLOUT) RL_TRY(flush());
  if (!fds[1].revents) return false;
  eventfd_t ignored;
  eventfd_read(wake_.get(), &ignored);
  return true;
}

// Not honoured by Unix sockets, which costs nothing but the saving.
void PqReplicationStream::set_low_water(int bytes) {
  if (bytes == low_water_) return;
  setsockopt(PQsocket(conn_.get()), SOL_SOCKET, SO_RCVLOWAT, &bytes, sizeof bytes);
  low_water_ = bytes;
}

size_t PqReplicationStream::waiting_bytes() const {
  int bytes = 0;
  return ::ioctl(PQsocket(conn_.get()), FIONREAD, &bytes) == 0 ? static_cast<size_t>(std::max(bytes, 0)) : 0;
}

Status PqReplicationStream::confirm(Lsn durable) {
  if (ended_) return fail(*ended_);
  std::string message;
  ByteWriter out(message);
  out.u8('r');
  out.u64(durable.value);  // written
  out.u64(durable.value);  // flushed
  out.u64(durable.value);  // applied
  out.u64(static_cast<uint64_t>(Timestamp::now().to_postgres()));
  out.u8(0);  // no reply asked for
  // 0: libpq has no room, since the server has not read for long; the next confirmation says it all.
  if (PQputCopyData(conn_.get(), message.data(), static_cast<int>(message.size())) < 0) return fail(lost());
  return flush();
}

Status PqReplicationStream::flush() {
  const int left = PQflush(conn_.get());
  if (left < 0) return fail(lost());
  unsent_ = left > 0;
  return {};
}

void PqReplicationStream::wake() { eventfd_write(wake_.get(), 1); }

Error PqReplicationStream::end_of_copy() {
  PgResult result(PQgetResult(conn_.get()));
  if (PQresultStatus(result.get()) == PGRES_FATAL_ERROR) {
    if (sqlstate_of(result.get()).empty()) return lost();
    return stream_error(names_, StreamPhase::kRunning, result.get());
  }
  if (PQstatus(conn_.get()) != CONNECTION_OK) return lost();
  return {ErrorCode::kUnavailable, "the server ended the replication stream, as it does when it shuts down"};
}

Error PqReplicationStream::lost() const {
  return {ErrorCode::kUnavailable, "the replication connection broke: " + one_line(PQerrorMessage(conn_.get()))};
}

}  // namespace

Result<std::unique_ptr<ReplicationStream>> ReplicationStream::open(const StreamOptions& options) {
  RL_ASSIGN(PgConn conn, connect(options.conninfo, true));
  auto stream = std::make_unique<PqReplicationStream>(options, std::move(conn));
  RL_TRY(stream->start(options));
  return stream;
}

}  // namespace rowledger::postgres
