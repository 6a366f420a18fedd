// Where capture stands is in clear; that it was written by a holder of the keys is not to be had without them.
#include <gtest/gtest.h>

#include "store/database.h"
#include "store/rocksdb_store.h"
#include "store/store_keys.h"
#include "store/store_testing.h"

namespace rowledger::store {
namespace {

class CursorTest : public ::testing::Test {
 protected:
  void open(bool with_keys = true) {
    store_.reset();
    keys_.reset();
    if (with_keys) keys_ = testing::open_keys(directory_.path());
    store_ = open_rocksdb_store(options()).value();
  }
  StoreOptions options() const {
    StoreOptions out;
    out.directory = directory_.path() / "store";
    out.salt_key = "salt";
    out.keys = keys_.get();
    return out;
  }
  void stand_at(uint64_t lsn) {
    Batch batch;
    Cursor cursor;
    cursor.system_id = 7;
    cursor.end_lsn = Lsn{lsn};
    batch.set_cursor(cursor);
    ASSERT_TRUE(store_->append(batch).has_value());
  }
  void alter(const std::function<void(Database&)>& change) {
    store_.reset();
    const auto database = Database::open(options());
    ASSERT_TRUE(database.has_value());
    change(**database);
  }
  static void put(Database& database, char type, std::string_view value) {
    ASSERT_TRUE(database.db().Put({}, database.family(Family::kMeta), slice(meta_key(type)), slice(value)).ok());
  }

  const testing::TempDirectory directory_;
  std::unique_ptr<privacy::KeyRing> keys_;
  std::unique_ptr<Store> store_;
};

TEST_F(CursorTest, IsBelievedAsItWasWritten) {
  open();
  EXPECT_FALSE(store_->cursor_altered());
  stand_at(100);
  stand_at(200);
  open();
  EXPECT_FALSE(store_->cursor_altered());
  EXPECT_EQ(store_->cursor().end_lsn, Lsn{200});
  open(false);
  EXPECT_FALSE(store_->cursor_altered()) << "nothing can tell";
}

TEST_F(CursorTest, AnyOtherIsNot) {
  open();
  stand_at(100);
  std::string cursor, tag;
  alter([&](Database& database) {
    rocksdb::PinnableSlice value;
    ASSERT_TRUE(database.get(Family::kMeta, meta_key(kCursor), value).value());
    cursor = value.ToString();
    ASSERT_TRUE(database.get(Family::kMeta, meta_key(kCursorTag), value).value());
    tag = value.ToString();
  });
  for (size_t at = 1; at < cursor.size(); ++at) {
    std::string altered = cursor;
    altered[at] = static_cast<char>(altered[at] ^ 1);
    alter([&](Database& database) { put(database, kCursor, altered); });
    open();
    EXPECT_TRUE(store_->cursor_altered()) << at;
  }
  for (const std::string& other : {std::string(), tag.substr(1), std::string(tag.size(), '\0')}) {
    alter([&](Database& database) {
      put(database, kCursor, cursor);
      put(database, kCursorTag, other);
    });
    open();
    EXPECT_TRUE(store_->cursor_altered());
  }
  alter([&](Database& database) { put(database, kCursorTag, tag); });
  open();
  EXPECT_FALSE(store_->cursor_altered());
}

}  // namespace
}  // namespace rowledger::store
