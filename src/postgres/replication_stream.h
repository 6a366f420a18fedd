#pragma once
// The walsender's side of the wire: one replication connection with START_REPLICATION under way
// (https://www.postgresql.org/docs/15/protocol-replication.html).
// Owned and used by one thread, except wake(), which any thread may call.
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "base/time.h"

namespace rowledger::postgres {

// One message of the stream inside a StreamBuffer.
struct StreamFrame {
  enum class Kind : uint8_t { kData, kKeepalive } kind;
  bool reply_requested = false;  // kKeepalive
  Lsn wal_start, wal_end;        // kKeepalive: wal_end only
  size_t at = 0, size = 0;       // kData: the pgoutput message in the buffer
};

// The messages of one drain, in order, over one arena; reused by clear().
struct StreamBuffer {
  std::string bytes;
  std::vector<StreamFrame> frames;
  std::string_view payload(const StreamFrame& f) const { return std::string_view(bytes).substr(f.at, f.size); }
  void clear() {
    bytes.clear();
    frames.clear();
  }
};

struct StreamOptions {
  std::string conninfo;  // URL or key=value; replication=database and the pinned text settings are added
  std::string slot;
  std::string publication;
  Lsn start_lsn;          // 0: where the slot stands
  bool streaming = true;  // proto 2: receive large transactions while they are in progress
};

class ReplicationStream {
 public:
  // Errors: kUnavailable (cannot connect, slot in use by another process), kNotFound (no such slot
  // or publication), kInvalid (a pooler in between, slot invalidated), kPermission.
  static Result<std::unique_ptr<ReplicationStream>> open(const StreamOptions& options);
  virtual ~ReplicationStream() = default;

  // Waits up to timeout_ms for something to arrive, then takes everything that is there without
  // waiting, up to about max_bytes, appending to out. Zero frames on timeout or wake().
  // An error ends the stream: open a new one.
  virtual Result<size_t> drain(StreamBuffer& out, size_t max_bytes, int timeout_ms) = 0;

  // How many bytes have arrived and wait in the socket.
  virtual size_t waiting_bytes() const = 0;

  // Standby status update: written, flushed and applied are all `durable`.
  virtual Status confirm(Lsn durable) = 0;

  // Ends a drain that waits, now or the next one.
  virtual void wake() = 0;

  // wal_sender_timeout of the server, 0 when off. Confirm at least every third of it.
  virtual int sender_timeout_ms() const = 0;
};

// The settings that fix the text forms of values, the same on the stream and on the snapshot
// connection, or the same value would look different. For libpq's `options`.
std::string pinned_text_settings();

}  // namespace rowledger::postgres
