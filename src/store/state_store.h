#pragma once
// The newest image of every row. Written to a hash table first and, generation by generation, to the database by a
// thread of its own: no WAL, since the log's redo records tell everything again. What is persisted is the state
// after the append persisted(), and perhaps some rows' newer states.
//
// Put in random order into RocksDB's memtable by the append itself, a row cost four times as much.
#include <atomic>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <string_view>
#include <thread>
#include <vector>

#include "base/result.h"
#include "store/database.h"
#include "store/dictionaries.h"
#include "store/row_table.h"
#include "store/sealing.h"
#include "store/store.h"

namespace rowledger::store {

class StateStore {
 public:
  // A generation of so many bytes is flushed; while that lasts, the next may grow to twice as many. find_schema: called
  // by the thread that flushes, until stop() returns.
  StateStore(Database& database, Sealing& sealing, DictionaryMaker::FindSchema find_schema, size_t generation_bytes,
             bool read_only);
  ~StateStore() { stop(); }
  // Flushes. Nothing is to be put after it.
  void stop();

  // Reads which append the database has the state of.
  Status load();
  uint64_t persisted() const { return persisted_.load(std::memory_order_acquire); }

  // The writer: waits while a flush is overdue. An error: the disk is full, or worse.
  Status make_room();
  // key_of tells what an image is sealed with when it is written out, by the row's newest entry.
  void put(const StateChange* begin, const StateChange* end,
           const std::function<privacy::KeyId(const StateChange&)>& key_of);
  // All that was put so far is what append `number` and those before it made.
  void mark(uint64_t number);

  // The writer, after keys were destroyed: rows that are in memory in clear go to the database, where they are erased.
  void flush_soon() { hand_over_if_full(true); }

  // Any thread.
  Result<std::optional<RowState>> row(TableId table, std::string_view key) const;
  Status rows(TableId table, const std::vector<std::string_view>& keys,
              const std::function<void(std::string_view key, RowState&& row)>& visit) const;
  Status scan_rows(TableId table, std::string_view from,
                   const std::function<bool(std::string_view key, const RowState&)>& visit) const;

 private:
  struct Generation {
    RowTable rows;
    uint64_t applied = 0;
  };
  struct Chunk {
    std::vector<std::pair<std::string, std::string>> rows;  // from memory, ascending
    bool is_last = false;
    std::unique_ptr<rocksdb::Iterator> stored;
  };

  std::optional<std::string_view> find_in_memory(std::string_view stored_key) const;  // rows_mutex_ held
  Chunk chunk(std::string_view prefix, std::string_view from) const;
  Result<RowState> open_memory_row(std::string_view value) const;
  Result<RowState> open_row(std::string_view stored_key, std::string_view value) const;
  Status seal_row(const RowTable::Row& row, const privacy::RecordDictionary* dictionary, std::string& out) const;
  void hand_over_if_full(bool even_if_not);
  void flush_loop();
  Status flush(const Generation& generation);

  Database& database_;
  const Sealing& sealing_;
  DictionaryMaker dictionary_maker_;
  const size_t generation_bytes_;
  const bool read_only_;
  std::atomic<uint64_t> persisted_{0};

  mutable std::shared_mutex rows_mutex_;           // guards the two generations' rows
  std::unique_ptr<Generation> active_, flushing_;  // flushing_ is not changed while it is being flushed
  std::unique_ptr<Generation> spare_;

  std::mutex flush_mutex_;  // guards those below
  std::condition_variable flush_wanted_, flush_done_;
  bool flush_pending_ = false, stopping_ = false;
  std::optional<Error> flush_error_;
  std::thread flusher_;
};

}  // namespace rowledger::store
