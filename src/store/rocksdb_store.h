#pragma once
// The embedded store: one RocksDB database in a directory (docs/format/store.md).
#include <filesystem>
#include <functional>
#include <memory>

#include "base/crypto.h"
#include "privacy/key_ring.h"
#include "store/store.h"

namespace rowledger::store {

struct StoreOptions {
  std::filesystem::path directory;
  // For tokens of values in the index; from the key file, never stored beside the log.
  ShortHashKey token_key;
  // Makes the salts of entries that are not sealed; from the key file.
  std::string salt_key;
  // Seals values; borrowed. Null: values are stored in clear, and those that are sealed cannot be read.
  privacy::KeyRing* keys = nullptr;
  bool seal = true;                                  // what is written from now on, when there are keys
  uint32_t key_period_days = 30;                     // how long one key serves a subject (docs/format/keys.md)
  std::function<Timestamp()> now = &Timestamp::now;  // tells which period it is
  bool tree = true;                                  // off only to measure what it costs: such a log can prove nothing
  bool read_only = false;                            // for rescue and verification, without a daemon
  size_t cache_bytes = 64 << 20;                     // RocksDB's block cache and decoded bundles together
  size_t write_buffer_bytes = 32 << 20;              // memtables
};

// Opens, creating when absent (unless read_only). Brings the state and the indexes up to the log's
// end before it returns.
// Errors: kConflict when another process has it open for writing, kCorrupt, kIo.
Result<std::unique_ptr<Store>> open_rocksdb_store(const StoreOptions& options);

}  // namespace rowledger::store
