#pragma once
// The embedded store's parts: rocksdb_open.cc (open and recovery), rocksdb_append.cc (the writer),
// rocksdb_store.cc (readers), rocksdb_erase.cc and rocksdb_retention.cc (erasure).
#include <atomic>
#include <condition_variable>
#include <map>
#include <mutex>
#include <shared_mutex>
#include <unordered_map>

#include "ledger/tree_edge.h"
#include "store/bundle.h"
#include "store/database.h"
#include "store/log_reader.h"
#include "store/range_index.h"
#include "store/recent_entries.h"
#include "store/redo.h"
#include "store/rocksdb_store.h"
#include "store/state_store.h"
#include "store/store_keys.h"
#include "store/stored_tiles.h"
#include "store/subject_keys.h"

namespace rowledger::store {

class RocksdbStore final : public Store {
 public:
  static Result<std::unique_ptr<Store>> open(const StoreOptions& options);
  ~RocksdbStore() override;

  Status append(const Batch& batch) override;
  Seq end() const override { return {end_.load(std::memory_order_acquire)}; }
  Seq wait_beyond(Seq seq, int timeout_ms) const override;
  Result<std::optional<record::OwnedEntry>> read(Seq seq) const override;
  Status scan(SeqRange range, const VisitEntry& visit) const override;
  Status follow(SeqRange range, const VisitEntry& visit) const override;
  Result<std::vector<Seq>> candidates(uint64_t range, const Filter& filter) const override;
  Result<SeqRange> seqs_between(std::optional<Timestamp> from, std::optional<Timestamp> to) const override;
  Result<std::vector<std::string>> values_of(Dimension dimension, size_t limit) const override;
  Result<std::vector<Tally>> tally(uint64_t range, const std::vector<Seq>& seqs, Dimension dimension) const override;
  Result<std::optional<RowState>> row(TableId table, std::string_view key) const override;
  Status rows(TableId table, const std::vector<std::string_view>& keys,
              const std::function<void(std::string_view key, RowState&& row)>& visit) const override;
  Status scan_rows(TableId table, std::string_view from,
                   const std::function<bool(std::string_view key, const RowState&)>& visit) const override;
  Cursor cursor() const override;
  bool cursor_altered() const override { return cursor_altered_; }
  std::vector<record::TableSchema> schemas() const override;
  std::shared_ptr<const record::TableSchema> schema(SchemaId id) const override;
  uint64_t next_tenant_seq(std::string_view tenant) const override;
  Result<std::optional<std::string>> meta(std::string_view key) const override;
  ledger::TreeEdge tree_edge() const override;
  const ledger::TileSource& tiles() const override { return tiles_; }
  Result<std::vector<std::string>> headers(Seq first, uint32_t count) const override;
  Result<std::optional<StoredCheckpoint>> checkpoint() const override;
  Status set_checkpoint(std::string_view note) override;
  StoreStats stats() const override;
  Result<uint64_t> destroy_keys(const std::vector<Owner>& owners) override;
  Status drop_tokens(std::string_view subject) override;
  Result<std::vector<privacy::KeyId>> destroy_expired(const RetentionRules& rules, uint32_t today,
                                                      size_t at_most) override;
  Result<std::vector<privacy::KeyId>> untold_keys() const override;
  Status drop_expired_tokens() override;
  Status note_lost_keys(const std::vector<privacy::KeyId>& keys) override;
  Result<std::vector<privacy::KeyId>> lost_keys() const override { return noted_keys(kLostKeys); }
  Result<std::vector<privacy::KeyId>> keys_of(const std::vector<Owner>& owners) const override;
  std::string name_of(const Owner& owner) const override;
  Result<KeySlots> key_slots() const override { return subject_keys_.stored_slots(); }
  Status scan_keys(SeqRange range, const std::function<void(Seq, privacy::KeyId)>& visit) const override;
  Result<Trace> trace_of(std::string_view subject, Seq end) const override;

  // For tests that alter what is stored behind the store's back.
  const Database& database() const { return *database_; }
  void forget_bundles() const { reader_.forget(); }
  // Another store over the same database, as if it were opened now.
  Result<std::unique_ptr<Store>> open_again_to_read() const;

 private:
  // An entry of the bundle that is not full yet.
  struct OpenEntry {
    std::string header, frame, values;  // values empty when they are stored apart
    KeyId key;
    bool values_apart = false;
    bool locked = false;  // the header is all that is here: the keys cannot be had

    BundleEntry parts() const { return {header, frame, values, key, values_apart}; }
  };
  // Where an entry of the batch stands in prepared_bytes_: header, frame, values, one after the other.
  struct Prepared {
    size_t header_at = 0, frame_at = 0, values_at = 0, end = 0;
    KeyId key;
    bool values_apart = false;
  };
  struct OpenBundle {
    Seq first;  // a multiple of kBundleEntries
    std::vector<OpenEntry> entries;
    std::vector<Seq> runs;  // keys of its parts in the database
  };
  // What append() changes in memory once the write is durable.
  struct Appended {
    size_t left = 0;  // how many of the batch's last entries stay in the open bundle
    bool bundle_filled = false;
    std::vector<Seq> runs;
  };

  RocksdbStore(const StoreOptions& options, std::shared_ptr<Database> database);

  // rocksdb_open.cc
  Status recover();
  Status load_meta();
  Status load_open_bundle();
  Status load_tree();
  Status load_index();
  Status rebuild_index(uint64_t from_range);
  Status replay_state();
  Result<std::string> redo_image(const RedoChange& change);
  Result<bool> is_destroyed(KeyId id) const;

  // rocksdb_append.cc
  Status check_appendable(const Batch& batch);
  Status find_keys(const Batch& batch, Timestamp now);
  Result<KeyId> another_key(const Batch& batch, const Batch::Item& item, KeyId lost, Timestamp now);
  Status prepare_entries(const Batch& batch);
  privacy::KeyId key_of(const Batch& batch, const StateChange& change) const;
  BundleEntry prepared(size_t i) const;
  void write_log(const Batch& batch, rocksdb::WriteBatch& out, Appended& appended);
  void write_section(Seq first, const std::vector<BundleEntry>& entries, bool is_full, rocksdb::WriteBatch& out);
  void write_values_apart(Seq seq, std::string_view values, rocksdb::WriteBatch& out);
  void write_tree(rocksdb::WriteBatch& out);
  Status write_redo(const Batch& batch, uint64_t number);
  RedoChange redo_of(const Batch& batch, const StateChange& change) const;
  bool has_one_version(TableId table, const Batch& batch) const;
  void write_meta(const Batch& batch, uint64_t number, rocksdb::WriteBatch& out) const;
  void publish(const Batch& batch, const Appended& appended);
  void index_items(const Batch& batch);
  void write_complete_ranges();

  // rocksdb_erase.cc
  std::vector<Token> tokens_left(const record::Entry& entry) const;
  Result<KeptTokens> erased_among(uint64_t range, std::string_view subject) const;
  Status drop_tokens(uint64_t range, const KeptTokens& erased);
  Status drop_stored_tokens(uint64_t range, const KeptTokens& erased);
  Status wipe_index();

  // rocksdb_retention.cc
  Result<KeyDays> key_days() const;
  Result<std::vector<privacy::KeyId>> noted_keys(std::string_view meta_name) const;
  Status note_expired(const std::vector<SubjectKeys::Expired>& expired);
  Result<std::vector<KeyDays::Begin>> ranges_begin() const;
  Result<KeptTokens> all_erased(uint64_t range) const;

  // rocksdb_store.cc
  Result<std::optional<record::OwnedEntry>> read_open(Seq seq) const;
  // bundle: kept from call to call. keep: whether it is likely to be read again.
  Result<record::OwnedEntry> read_next(Seq seq, std::shared_ptr<const Bundle>& bundle, bool keep) const;

  const StoreOptions options_;
  const std::shared_ptr<Database> database_;
  Sealing sealing_;
  const TokenKeys token_keys_;
  SubjectKeys subject_keys_;
  const LogReader reader_;
  const StoredTiles tiles_;
  StateStore state_;
  mutable RecentEntries recent_;

  // The writer's own.
  Compressor compressor_;
  uint64_t appends_ = 0;         // number of the last append
  uint64_t redo_forgotten_ = 0;  // appends up to here need no redo record
  std::optional<Error> broken_;
  const uint64_t check_seed_;      // of the redo records' check values
  rocksdb::WriteBatch log_batch_;  // kept for its memory
  std::string section_, redo_, values_, prepared_bytes_;
  std::vector<Prepared> prepared_;
  std::vector<privacy::KeyId> entry_keys_, state_keys_;
  ledger::TreeEdge next_edge_;
  std::vector<BundleEntry> bundle_entries_;

  std::atomic<uint64_t> end_{0};
  mutable std::mutex wait_mutex_;
  mutable std::condition_variable appended_;
  bool closing_ = false;

  std::mutex completing_;            // before mutex_: held while a range moves into the database, or must not
  mutable std::shared_mutex mutex_;  // guards all below
  OpenBundle open_;
  ledger::TreeEdge edge_;
  std::map<uint64_t, std::unique_ptr<RangeIndex>> live_;  // ranges not in the database yet; mostly one
  std::vector<Bounds> bounds_;                            // of each bundle
  std::vector<std::shared_ptr<const record::TableSchema>> schemas_;
  std::unordered_map<uint32_t, size_t> versions_;  // per table
  std::unordered_map<std::string, uint64_t> tenants_;
  Cursor cursor_;
  bool cursor_altered_ = false;
};

}  // namespace rowledger::store
