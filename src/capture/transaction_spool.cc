#include "capture/transaction_spool.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/bytes.h"
#include "base/write_all.h"

namespace rowledger::capture {
namespace {

constexpr size_t kWriteBytes = 256 << 10;
constexpr size_t kBlockHeadBytes = 8;  // u64 length of the encrypted block behind it
// In a block: u32 subxid, u32 length, message; one after the other.

Error io_error(std::string_view what, const std::filesystem::path& path) {
  return {ErrorCode::kIo, std::string(what) + " " + path.string() + ": " + std::strerror(errno) +
                              " (large transactions wait there until they commit)"};
}

class File {
 public:
  File(const std::filesystem::path& path, int flags) : fd_(::open(path.c_str(), flags | O_CLOEXEC, 0600)) {}
  ~File() {
    if (fd_ >= 0) ::close(fd_);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  bool is_open() const { return fd_ >= 0; }
  int fd() const { return fd_; }

 private:
  int fd_;
};

// Up to n bytes; fewer at the file's end only.
Result<std::string> read_up_to(const File& file, const std::filesystem::path& path, size_t n) {
  std::string out(n, '\0');
  size_t had = 0;
  while (had < n) {
    const ssize_t got = ::read(file.fd(), out.data() + had, n - had);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail(io_error("cannot read", path));
    if (got == 0) break;
    had += static_cast<size_t>(got);
  }
  out.resize(had);
  return out;
}

}  // namespace

Result<TransactionSpool> TransactionSpool::open(const std::filesystem::path& directory) {
  // Emptied, not made anew: it may be a mount of its own, and whoever looks meanwhile finds it.
  std::error_code error;
  std::filesystem::create_directories(directory, error);
  std::filesystem::directory_iterator file;
  if (!error) file = std::filesystem::directory_iterator(directory, error);
  while (!error && file != std::filesystem::directory_iterator()) {
    std::filesystem::remove_all(file->path(), error);
    if (!error) file.increment(error);
  }
  if (error)
    return fail(ErrorCode::kIo, "cannot prepare the spool directory " + directory.string() + ": " + error.message());
  std::filesystem::permissions(directory, std::filesystem::perms::owner_all, error);
  return TransactionSpool(directory);
}

TransactionSpool::TransactionSpool(std::filesystem::path directory) : directory_(std::move(directory)) {
  random_bytes(reinterpret_cast<char*>(key_.data()), key_.size());
}

TransactionSpool::~TransactionSpool() {
  while (!transactions_.empty()) remove(transactions_.begin()->first);
}

std::filesystem::path TransactionSpool::path_of(uint32_t xid) const {
  return directory_ / (std::to_string(xid) + ".spool");
}

Status TransactionSpool::begin_segment(uint32_t xid) {
  if (current_ != 0) return fail(ErrorCode::kCorrupt, "the stream opens a segment inside another");
  current_ = xid;
  transactions_[xid];
  return {};
}

Status TransactionSpool::append(uint32_t subxid, std::string_view message) {
  if (current_ == 0) return fail(ErrorCode::kCorrupt, "a streamed message outside of a segment");
  if (message.size() > UINT32_MAX) return fail(ErrorCode::kCorrupt, "a streamed message of over 4 GB");
  Transaction& transaction = transactions_[current_];
  ByteWriter writer(transaction.unwritten);
  writer.u32(subxid);
  writer.u32(static_cast<uint32_t>(message.size()));
  writer.raw(message);
  if (transaction.unwritten.size() >= kWriteBytes) return write_out(current_, transaction);
  return {};
}

Status TransactionSpool::end_segment() {
  if (current_ == 0) return fail(ErrorCode::kCorrupt, "the stream closes a segment that it never opened");
  const uint32_t xid = std::exchange(current_, 0);
  return write_out(xid, transactions_[xid]);
}

Status TransactionSpool::write_out(uint32_t xid, Transaction& transaction) {
  if (transaction.unwritten.empty()) return {};
  const auto path = path_of(xid);
  const File file(path, O_WRONLY | O_CREAT | O_APPEND);
  if (!file.is_open()) return fail(io_error("cannot open", path));
  transaction.has_file = true;
  const std::string encrypted = encrypt(key_, transaction.unwritten, {});
  std::string head;
  ByteWriter(head).u64(encrypted.size());
  if (!write_all(file.fd(), head) || !write_all(file.fd(), encrypted)) return fail(io_error("cannot write", path));
  transaction.unwritten.clear();
  if (transaction.unwritten.capacity() > 2 * kWriteBytes) transaction.unwritten.shrink_to_fit();
  return {};
}

void TransactionSpool::abort(uint32_t xid, uint32_t subxid) {
  if (xid == subxid) {
    remove(xid);
  } else if (auto found = transactions_.find(xid); found != transactions_.end()) {
    found->second.aborted.insert(subxid);
    ByteWriter marker(found->second.unwritten);
    marker.u32(subxid);
    marker.u32(0);
  }
}

Status TransactionSpool::replay(uint32_t xid, const std::function<Status(const std::vector<Message>&)>& visit) {
  const auto found = transactions_.find(xid);
  if (found == transactions_.end())
    return fail(ErrorCode::kCorrupt, "the stream commits transaction " + std::to_string(xid) + " which it never began");
  RL_TRY(write_out(xid, found->second));
  const Transaction& transaction = found->second;
  if (!transaction.has_file) {
    remove(xid);
    return {};
  }
  const auto path = path_of(xid);
  const File file(path, O_RDONLY);
  if (!file.is_open()) return fail(io_error("cannot open", path));

  const auto damaged = [&] {
    return fail(ErrorCode::kCorrupt, "the spool file " + path.string() + " is not what was written to it");
  };
  std::error_code error;
  const uint64_t file_bytes = std::filesystem::file_size(path, error);
  if (error) return fail(io_error("cannot read", path));
  std::vector<Message> messages;
  while (true) {
    RL_ASSIGN(const std::string head, read_up_to(file, path, kBlockHeadBytes));
    if (head.empty()) break;
    const uint64_t size = ByteReader(head).u64();
    if (head.size() != kBlockHeadBytes || size > file_bytes) return damaged();
    RL_ASSIGN(const std::string encrypted, read_up_to(file, path, size));
    const auto block = decrypt(key_, encrypted, {});
    if (!block) return damaged();
    messages.clear();
    for (ByteReader frames(*block); !frames.at_end();) {
      const uint32_t subxid = frames.u32(), length = frames.u32();
      messages.push_back({frames.raw(length), transaction.aborted.contains(subxid)});
      if (!frames.ok()) return damaged();
    }
    RL_TRY(visit(messages));
  }
  remove(xid);
  return {};
}

void TransactionSpool::remove(uint32_t xid) {
  if (current_ == xid) current_ = 0;
  transactions_.erase(xid);
  std::error_code ignored;  // what stays is removed by the next open()
  std::filesystem::remove(path_of(xid), ignored);
}

}  // namespace rowledger::capture
