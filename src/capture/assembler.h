#pragma once
// From the messages of the stream to whole transactions in the log: order, restart inside a transaction,
// streamed transactions, who acts where. One thread (the builder), with the writer's lock held.
//
// Entries are written in commit order. A transaction that arrives between Begin and Commit is committed
// already, so that its entries are written as they come, and a large one needs no memory; after a crash
// inside it, the cursor tells how many of its messages are done. Streamed transactions wait in the spool.
#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "capture/attribution.h"
#include "capture/entry_writer.h"
#include "capture/row_recorder.h"
#include "capture/tables.h"
#include "capture/transaction_spool.h"
#include "postgres/pgoutput.h"
#include "postgres/replication_stream.h"

namespace rowledger::capture {

class Assembler {
 public:
  struct Parts {
    const Settings& settings;
    const store::Store& store;
    EntryWriter& writer;
    Tables& tables;
    StateView& state;
    Attributor& attributor;
    TransactionSpool& spool;
    // The table as the catalogue has it now; nothing when it has none of that name.
    std::function<Result<std::optional<postgres::TableDefinition>>(const std::string& table)> definition_of;
    // A table was marked to be compared (baseline.h): start a new session when it can be.
    std::function<void()> comparison_due;
  };
  explicit Assembler(const Parts& parts);

  // Runs `work` once, as soon as everything that was committed before lsn is in the log and nothing later is:
  // between two transactions. Set before the first message. tables: what the work compares.
  void at_barrier(Lsn lsn, std::vector<std::string> tables, std::function<Status()> work);

  // Handles the messages of a buffer. Afterwards nothing points into it.
  Status consume(const postgres::StreamBuffer& buffer);

  // Between transactions: the batch may be flushed without splitting one.
  bool between_transactions() const { return !transaction_; }

  // Of the transaction under way, or of the last one; for the lag in seconds.
  Timestamp last_commit_time() const { return last_commit_time_; }
  // Where the first transaction ended that was wholly handled.
  std::optional<Lsn> first_end() const { return first_end_; }

  // The tables whose changes are left out because their baseline is still to come.
  void ignore_until_baseline(std::vector<std::string> tables) { ignored_tables_ = std::move(tables); }

 private:
  struct Transaction {
    ChangeContext context;
    std::string origin;
    Who who;
    uint64_t messages_seen = 0;     // rows and truncates, in order
    uint64_t messages_to_skip = 0;  // done before a restart
    bool captured_already = false;
    bool size_known = false;      // context.bulk is decided
    bool told_since_row = false;  // a message about who acts came after the last row
  };

  Status read_ahead(const std::vector<std::string_view>& messages, bool streamed);
  Status on_message(std::string_view bytes);
  Status on_streamed(std::string_view bytes, const postgres::Message& message);
  Status on_keepalive(Lsn wal_end);
  Status begin(Lsn commit_lsn, Timestamp committed_at, uint32_t xid);
  Status commit(Lsn end_lsn);
  Status commit_streamed(const postgres::StreamCommit& commit);
  Status apply_spooled(const TransactionSpool::Message& spooled);
  void forget_who_after_rollback();
  Status apply(const postgres::Message& message);
  Status apply_row(const postgres::Message& message);
  Status apply_truncate(const postgres::Truncate& truncate);
  Status remove_all_known(TablePlan& plan);
  Status learn(const postgres::Relation& relation);
  Result<TablePlan*> plan_of(uint32_t relation);
  Status release_held();
  void keep_held();
  void note_partial(uint64_t messages_done);
  void advance(Lsn lsn);
  Status run_barrier_if_due(Lsn next_lsn);

  const Parts parts_;
  RowRecorder recorder_;
  std::optional<Transaction> transaction_;
  bool in_stream_ = false;
  uint32_t stream_xid_ = 0;
  // The first messages of a transaction wait until it is known whether it is a bulk change.
  std::vector<std::string_view> held_;
  std::deque<std::string> held_copies_;  // of the first ones, when they outlived their buffer
  size_t held_bytes_ = 0;
  Lsn barrier_lsn_;
  std::function<Status()> barrier_work_;
  std::vector<std::string> barrier_tables_, ignored_tables_;
  Timestamp last_commit_time_, last_cursor_kept_;
  std::optional<Lsn> first_end_;
};

}  // namespace rowledger::capture
