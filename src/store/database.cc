#include "store/database.h"

#include <fmt/format.h>
#include <rocksdb/cache.h>
#include <rocksdb/env.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/listener.h>
#include <rocksdb/table.h>
#include <sys/statvfs.h>

#include <algorithm>
#include <cstdarg>
#include <cstdio>

#include "base/log.h"

namespace rowledger::store {
namespace {

constexpr std::array<const char*, kFamilies> kNames = {"headers", "bodies", "runs",  "state",   "redo",
                                                       "index",   "meta",   "tiles", "subjects"};
constexpr size_t kBitsPerKey = 10;
constexpr uint64_t kReserveBytes = 8 << 20;

// RocksDB's own messages. Not a file beside the data: writing it when the disk is full trips an assertion of
// Debian's build of RocksDB 7.8, which is made with assertions.
class Messages final : public rocksdb::Logger {
 public:
  Messages() : rocksdb::Logger(rocksdb::WARN_LEVEL) {}
  using rocksdb::Logger::Logv;
  void Logv(const char* format, va_list arguments) override {
    char text[512];
    std::vsnprintf(text, sizeof(text), format, arguments);
    log::debug("rocksdb: {}", text);
  }
};

// The writer itself tells RocksDB when to try again: its own way looks only every five seconds, and in
// between refuses to be asked.
class Errors final : public rocksdb::EventListener {
 public:
  explicit Errors(std::shared_ptr<std::atomic<bool>> stopped) : stopped_(std::move(stopped)) {}
  void OnErrorRecoveryBegin(rocksdb::BackgroundErrorReason, rocksdb::Status, bool* automatic) override {
    *automatic = false;
  }
  void OnBackgroundError(rocksdb::BackgroundErrorReason, rocksdb::Status* status) override {
    log::error("{}", error_of(*status, "writing the data directory").message);
    *stopped_ = true;
  }

 private:
  const std::shared_ptr<std::atomic<bool>> stopped_;
};

rocksdb::DBOptions database_options() {
  rocksdb::DBOptions options;
  options.info_log = std::make_shared<Messages>();
  options.create_if_missing = true;
  options.create_missing_column_families = true;
  options.max_background_jobs = 2;
  options.max_open_files = 512;
  options.max_total_wal_size = 64 << 20;
  options.bytes_per_sync = 1 << 20;                 // no burst of writing back at the end of a flush
  options.allow_concurrent_memtable_write = false;  // there is one writer
  options.enable_write_thread_adaptive_yield = false;
  options.stats_dump_period_sec = 0;
  options.stats_persist_period_sec = 0;
  return options;
}

rocksdb::BlockBasedTableOptions table_options(std::shared_ptr<rocksdb::Cache> cache) {
  rocksdb::BlockBasedTableOptions table;
  table.block_cache = std::move(cache);
  table.cache_index_and_filter_blocks = true;  // so that the cache's size bounds them too
  table.pin_l0_filter_and_index_blocks_in_cache = true;
  table.format_version = 5;
  return table;
}

// Bundles and index records are large and compressed, or bitmaps, already.
rocksdb::ColumnFamilyOptions ascending_family(const rocksdb::BlockBasedTableOptions& table, size_t write_buffer) {
  rocksdb::ColumnFamilyOptions options;
  options.write_buffer_size = write_buffer;
  options.compression = rocksdb::kNoCompression;
  options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  return options;
}

// Sealed images are compressed already, and would not compress any more.
void compress_images(rocksdb::ColumnFamilyOptions& options) {
  options.compression = rocksdb::kLZ4Compression;
  options.bottommost_compression = rocksdb::kZSTD;
  options.bottommost_compression_opts.enabled = true;
  options.bottommost_compression_opts.level = 1;
}

rocksdb::ColumnFamilyOptions state_family(rocksdb::BlockBasedTableOptions table, bool sealed) {
  table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(kBitsPerKey));
  // A filter of half a megabyte that is not in the cache is read whole for one row.
  table.partition_filters = true;
  table.index_type = rocksdb::BlockBasedTableOptions::kTwoLevelIndexSearch;
  table.block_size = 8 << 10;
  rocksdb::ColumnFamilyOptions options;
  // A whole generation (state_store.h) in one memtable, of which there is one, just filled, just flushed.
  options.write_buffer_size = 256 << 20;
  options.compression = rocksdb::kNoCompression;
  if (!sealed) compress_images(options);
  options.level_compaction_dynamic_level_bytes = true;
  // Compaction of the state is what the background has most work with: later and in larger steps, for
  // reads that pass some more filters.
  options.level0_file_num_compaction_trigger = 8;
  options.level0_slowdown_writes_trigger = 40;
  options.level0_stop_writes_trigger = 60;
  options.max_bytes_for_level_base = 256 << 20;
  options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  return options;
}

std::vector<rocksdb::ColumnFamilyDescriptor> families(const StoreOptions& options) {
  const auto table = table_options(rocksdb::NewLRUCache(options.cache_bytes * 3 / 4));
  const size_t whole = std::max<size_t>(options.write_buffer_bytes, 4 << 20);
  std::vector<rocksdb::ColumnFamilyDescriptor> out;
  out.emplace_back(rocksdb::kDefaultColumnFamilyName, rocksdb::ColumnFamilyOptions());
  for (size_t i = 0; i < kFamilies; ++i) {
    const auto family = static_cast<Family>(i);
    const bool is_bulk = family == Family::kHeaders || family == Family::kBodies;
    out.emplace_back(kNames[i], family == Family::kState ? state_family(table, options.keys != nullptr && options.seal)
                                                         : ascending_family(table, is_bulk ? whole / 8 : whole / 16));
  }
  return out;
}

// Flushes and compactions share two cores with the application's database.
void yield_in_background(rocksdb::Env& env) {
  env.SetBackgroundThreads(1, rocksdb::Env::HIGH);
  env.SetBackgroundThreads(1, rocksdb::Env::LOW);
  env.LowerThreadPoolCPUPriority(rocksdb::Env::LOW);
}

Status prepare_directory(const StoreOptions& options) {
  std::error_code error;
  if (options.read_only) {
    if (std::filesystem::exists(options.directory / "CURRENT", error)) return {};
    return fail(ErrorCode::kNotFound,
                fmt::format("{} holds no log: is this the data directory?", options.directory.string()));
  }
  std::filesystem::create_directories(options.directory, error);
  if (error)
    return fail(ErrorCode::kIo,
                fmt::format("cannot make the directory {}: {}", options.directory.string(), error.message()));
  return {};
}

}  // namespace

Result<std::unique_ptr<Database>> Database::open(const StoreOptions& options) {
  RL_TRY(prepare_directory(options));
  std::unique_ptr<Database> out(new Database);
  RL_ASSIGN(out->lock_, LockFile::take(options.directory, !options.read_only));
  rocksdb::DB* db = nullptr;
  std::vector<rocksdb::ColumnFamilyHandle*> handles;
  rocksdb::DBOptions database = database_options();
  database.listeners.push_back(std::make_shared<Errors>(out->stopped_));
  if (!options.read_only) yield_in_background(*database.env);
  const std::string path = options.directory.string();
  const rocksdb::Status status = options.read_only
                                     ? rocksdb::DB::OpenForReadOnly(database, path, families(options), &handles, &db)
                                     : rocksdb::DB::Open(database, path, families(options), &handles, &db);
  if (!status.ok()) return fail(error_of(status, fmt::format("opening the log in {}", path)));
  out->db_.reset(db);
  db->DestroyColumnFamilyHandle(handles.front());  // the default family is not used
  out->handles_.assign(handles.begin() + 1, handles.end());
  return out;
}

Database::~Database() {
  if (!db_) return;
  for (rocksdb::ColumnFamilyHandle* handle : handles_) db_->DestroyColumnFamilyHandle(handle);
  db_->Close().PermitUncheckedError();
}

rocksdb::Status Database::resume() {
  if (!*stopped_) return rocksdb::Status::OK();
  *stopped_ = false;
  rocksdb::Status status = db_->Resume();
  if (!status.ok()) *stopped_ = true;
  return status;
}

Status Database::has_room_for(uint64_t bytes) const {
  struct statvfs disk;
  if (::statvfs(db_->GetName().c_str(), &disk) != 0) return {};  // writing will tell
  if (uint64_t{disk.f_bavail} * disk.f_frsize >= bytes + kReserveBytes) return {};
  return fail(error_of(rocksdb::Status::NoSpace(), "appending to the log"));
}

Result<bool> Database::get(Family family, std::string_view key, rocksdb::PinnableSlice& out, bool fill_cache) const {
  rocksdb::ReadOptions options;
  options.fill_cache = fill_cache;
  const rocksdb::Status status = db_->Get(options, this->family(family), slice(key), &out);
  if (status.ok()) return true;
  if (status.IsNotFound()) return false;
  return fail(error_of(status, "reading the log"));
}

std::unique_ptr<rocksdb::Iterator> Database::iterate(Family family) const {
  return std::unique_ptr<rocksdb::Iterator>(db_->NewIterator(rocksdb::ReadOptions(), this->family(family)));
}

rocksdb::WriteOptions synced() {
  rocksdb::WriteOptions options;
  options.sync = true;
  return options;
}

bool is_no_space(const rocksdb::Status& status) {
  return status.IsIOError() && status.subcode() == rocksdb::Status::SubCode::kNoSpace;
}

Error error_of(const rocksdb::Status& status, std::string_view doing) {
  if (is_no_space(status))
    return {ErrorCode::kIo,
            fmt::format("{}: no space left on the disk of the data directory; free some, and it goes on", doing)};
  const ErrorCode code = status.IsCorruption()                    ? ErrorCode::kCorrupt
                         : status.IsBusy() || status.IsTryAgain() ? ErrorCode::kConflict
                                                                  : ErrorCode::kIo;
  return {code, fmt::format("{}: {}", doing, status.ToString())};
}

}  // namespace rowledger::store
