#pragma once
// Transactions that PostgreSQL sends while they are in progress wait on disk until they commit: one file a
// transaction, read back in order without the parts that were rolled back. Files do not outlive the stream:
// after a reconnect the server sends such a transaction again from its beginning. So they are encrypted with a key that
// only this object has: no value of a person stands in clear on the disk, not even in a file that was removed. One
// thread (the builder).
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "base/crypto.h"
#include "base/result.h"

namespace rowledger::capture {

class TransactionSpool {
 public:
  // Removes what an earlier run left in the directory.
  static Result<TransactionSpool> open(const std::filesystem::path& directory);
  TransactionSpool(TransactionSpool&&) = default;
  ~TransactionSpool();

  // Between begin_segment(xid) and end_segment() every message of the stream is appended. subxid: the
  // (sub)transaction that the message itself names.
  Status begin_segment(uint32_t xid);
  Status append(uint32_t subxid, std::string_view message);
  Status end_segment();

  // Drops a rolled back subtransaction, or the whole transaction when the two are the same. Called between
  // segments, in the order of the stream.
  void abort(uint32_t xid, uint32_t subxid);

  struct Message {
    std::string_view bytes;  // empty where a subtransaction was rolled back
    bool aborted = false;    // belongs to a subtransaction that was rolled back
  };
  // Calls visit with the messages in order, some hundred KB together, which stand until it returns; then removes the
  // transaction.
  Status replay(uint32_t xid, const std::function<Status(const std::vector<Message>& messages)>& visit);

  bool holds(uint32_t xid) const { return transactions_.contains(xid); }

 private:
  struct Transaction {
    std::unordered_set<uint32_t> aborted;
    std::string unwritten;  // appended to the file when large, and at the end of a segment
    bool has_file = false;  // a segment may be empty: the server streams what none of our tables needs, too
  };
  explicit TransactionSpool(std::filesystem::path directory);
  std::filesystem::path path_of(uint32_t xid) const;
  Status write_out(uint32_t xid, Transaction& transaction);
  void remove(uint32_t xid);

  std::filesystem::path directory_;
  Digest key_;  // random
  std::unordered_map<uint32_t, Transaction> transactions_;
  uint32_t current_ = 0;  // the transaction whose segment is open; 0: none
};

}  // namespace rowledger::capture
