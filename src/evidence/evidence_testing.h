#pragma once
// A log of some hundred entries for the room's tests, sealed or in clear, signed, and altered behind its back.
#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>

#include "evidence/verify.h"
#include "ledger/ledger_testing.h"
#include "ledger/tile_tree.h"
#include "store/database.h"
#include "store/rocksdb_store.h"
#include "store/rocksdb_store_impl.h"
#include "store/store_testing.h"
#include "view/view.h"

namespace rowledger::evidence::testing {

class TestLog {
 public:
  explicit TestLog(bool sealed) {
    if (sealed) keys_ = store::testing::open_keys(directory_.path());
  }

  size_t cache_bytes = 8 << 20, write_buffer_bytes = 4 << 20;

  store::StoreOptions options(bool read_only = false) const {
    store::StoreOptions out;
    out.directory = directory_.path() / "log";
    out.read_only = read_only;
    out.token_key.bytes.fill(7);
    out.salt_key = "a salt key";
    out.keys = keys_.get();
    out.write_buffer_bytes = write_buffer_bytes;
    out.cache_bytes = cache_bytes;
    return out;
  }
  Result<std::unique_ptr<store::Store>> try_open(bool read_only = false) const {
    return store::open_rocksdb_store(options(read_only));
  }
  void open() {
    store_.reset();
    auto opened = try_open();
    ASSERT_TRUE(opened.has_value()) << opened.error().message;
    store_ = std::move(*opened);
  }
  void close() { store_.reset(); }

  // Appends batches until there are so many entries, and signs.
  void grow_to(store::testing::Workload& workload, uint64_t entries) {
    while (workload.seq < entries) {
      store::Batch batch;
      workload.next(batch);
      const Status status = store_->append(batch);
      ASSERT_TRUE(status.has_value()) << status.error().message;
    }
    sign();
  }
  void sign() {
    const ledger::TreeEdge edge = store_->tree_edge();
    ASSERT_TRUE(store_->set_checkpoint(ledger::sign_checkpoint(edge.size(), edge.root(), key_).encode()).has_value());
  }

  // An entry that says, truly or not, which keys were destroyed; signed.
  void append_erase_entry(const std::string& detail) {
    store::Batch batch;
    record::Entry entry;
    entry.header.seq = store_->end();
    entry.header.kind = record::EntryKind::kErase;
    entry.body.detail = detail;
    batch.add(entry);
    ASSERT_TRUE(store_->append(batch).has_value());
    sign();
  }

  VerifyReport verify(const VerifyOptions& options = {}) const { return verify(*store_, options); }
  VerifyReport verify(const store::Store& store, const VerifyOptions& options = {}) const {
    auto report = verify_log(store, key_.verifier(), options);
    EXPECT_TRUE(report.has_value()) << report.error().message;
    return report ? std::move(*report) : VerifyReport();
  }

  // What is wrong with the log as it is on disk: why it does not open, or what verify finds; empty: nothing.
  std::string complaint() const {
    const auto opened = try_open(true);
    if (!opened) return opened.error().code == ErrorCode::kCorrupt ? opened.error().message : std::string();
    return complaint_of(verify(**opened));
  }
  static std::string complaint_of(const VerifyReport& report) {
    if (report.ok()) return {};
    const Finding& first = report.findings.front();
    return (first.seq ? "entry " + std::to_string(first.seq->value) + " " : std::string()) + first.what;
  }

  // Behind the store's back; the log is closed.
  void alter(const std::function<void(store::Database&)>& change) {
    store_.reset();
    auto database = store::Database::open(options());
    ASSERT_TRUE(database.has_value()) << database.error().message;
    change(**database);
  }

  store::Store& store() const { return *store_; }
  const store::RocksdbStore& rocksdb_store() const { return static_cast<store::RocksdbStore&>(*store_); }
  // The open log's own.
  const store::Database& database() const { return rocksdb_store().database(); }
  const ledger::SigningKey& key() const { return key_; }
  privacy::KeyRing* keys() const { return keys_.get(); }
  const std::filesystem::path& directory() const { return directory_.path(); }

 private:
  store::testing::TempDirectory directory_;
  std::unique_ptr<privacy::KeyRing> keys_;
  const ledger::SigningKey key_ = ledger::testing::test_key();
  std::unique_ptr<store::Store> store_;
};

inline view::View everything_of(const store::Store& store) {
  static const view::Policy policy = view::Policy::make({}).value();
  return view::View({.id = "uid:0", .role = people::Role::kOwner}, policy, store);
}

using Records = std::vector<std::pair<std::string, std::string>>;

inline Records records_of(const store::Database& database, store::Family family) {
  Records out;
  const auto at = database.iterate(family);
  for (at->SeekToFirst(); at->Valid(); at->Next()) out.emplace_back(at->key().ToString(), at->value().ToString());
  return out;
}

inline void put(const store::Database& database, store::Family family, std::string_view key, std::string_view value) {
  const auto status = database.db().Put({}, database.family(family), store::slice(key), store::slice(value));
  ASSERT_TRUE(status.ok()) << status.ToString();
}

inline void drop(const store::Database& database, store::Family family, std::string_view key) {
  const auto status = database.db().Delete({}, database.family(family), store::slice(key));
  ASSERT_TRUE(status.ok()) << status.ToString();
}

}  // namespace rowledger::evidence::testing
