#pragma once
// Rows of the state in memory, found by key: one generation between two flushes. Not synchronised.
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "store/store.h"

namespace rowledger::store {

class RowTable {
 public:
  // Replaces what is there. key: table and row (store_keys).
  void put(TableId table, std::string_view row_key, const RowState& row, privacy::KeyId seal_key);

  // The row's stored form (encode_row), valid until clear().
  std::optional<std::string_view> find(std::string_view key) const;

  struct Row {
    std::string_view key, value;
  };
  // The `limit` smallest keys from `from` on that begin with `prefix`, ascending.
  std::vector<Row> smallest(std::string_view prefix, std::string_view from, size_t limit) const;
  std::vector<Row> sorted() const { return smallest({}, {}, rows_.size()); }

  bool empty() const { return rows_.empty(); }
  size_t bytes() const { return bytes_; }  // of memory in use, with what was replaced and what finding rows takes
  // Forgets the rows and keeps the memory.
  void clear();

 private:
  static constexpr size_t kBlockBytes = 1 << 20;
  struct Block {
    std::unique_ptr<char[]> memory;
    size_t size = 0;
  };
  // Half of the hash, so that most collisions are seen without looking at the row.
  struct Slot {
    uint32_t hash = 0;
    uint32_t row = 0;  // index in rows_ plus one; 0: empty
  };

  char* allocate(size_t size);
  size_t slot_of(std::string_view key, uint64_t hash) const;
  void grow();

  std::vector<Block> blocks_;  // blocks_[used_blocks_ - 1] is being filled
  size_t used_blocks_ = 0, block_at_ = 0, bytes_ = 0;
  std::vector<Row> rows_;
  std::vector<Slot> slots_;
  std::string key_;
};

}  // namespace rowledger::store
