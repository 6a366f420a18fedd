#pragma once
// RocksDB as the store uses it: column families, options, errors as Rowledger's.
#include <rocksdb/db.h>
#include <rocksdb/write_batch.h>

#include <array>
#include <atomic>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "store/lock_file.h"
#include "store/rocksdb_store.h"

namespace rowledger::store {

// One column family for each kind of record, so that those whose keys ascend are never rewritten
// by compaction. Keys and values: docs/format/store.md.
enum class Family : size_t { kHeaders, kBodies, kRuns, kState, kRedo, kIndex, kMeta, kTiles, kSubjects };
inline constexpr size_t kFamilies = 9;

inline rocksdb::Slice slice(std::string_view bytes) { return {bytes.data(), bytes.size()}; }
inline std::string_view view(const rocksdb::Slice& bytes) { return {bytes.data(), bytes.size()}; }

class Database {
 public:
  static Result<std::unique_ptr<Database>> open(const StoreOptions& options);
  ~Database();

  rocksdb::DB& db() const { return *db_; }
  rocksdb::ColumnFamilyHandle* family(Family family) const { return handles_[static_cast<size_t>(family)]; }

  // After an error in writing, RocksDB refuses all writes until told to go on. Nothing when there was none.
  rocksdb::Status resume();
  // True from such an error on until then: who is not the writer had better leave RocksDB alone, for Debian's build
  // asserts that nothing is done to a file whose writing failed.
  bool stopped() const { return *stopped_; }

  // kIo when the disk has less free than that and a reserve. Asked before each append, so that RocksDB rarely finds the
  // disk full itself: when its WAL cannot be written twice in a row, Debian's build ends the program by an assertion.
  Status has_room_for(uint64_t bytes) const;

  // False when there is no such key.
  Result<bool> get(Family family, std::string_view key, rocksdb::PinnableSlice& out, bool fill_cache = true) const;
  std::unique_ptr<rocksdb::Iterator> iterate(Family family) const;

 private:
  Database() = default;
  std::unique_ptr<LockFile> lock_;
  const std::shared_ptr<std::atomic<bool>> stopped_ = std::make_shared<std::atomic<bool>>(false);
  std::unique_ptr<rocksdb::DB> db_;
  std::vector<rocksdb::ColumnFamilyHandle*> handles_;
};

// For what must be durable when the write returns.
rocksdb::WriteOptions synced();
bool is_no_space(const rocksdb::Status& status);
Error error_of(const rocksdb::Status& status, std::string_view doing);

}  // namespace rowledger::store
