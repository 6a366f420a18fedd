#include "store/row_table.h"

#include <algorithm>
#include <cstring>
#include <functional>

#include "store/store_keys.h"

namespace rowledger::store {

void RowTable::put(TableId table, std::string_view row_key, const RowState& row, privacy::KeyId seal_key) {
  if ((rows_.size() + 1) * 4 > slots_.size() * 3) grow();
  key_.clear();
  append_state_key(table, row_key, key_);
  const uint64_t hash = std::hash<std::string_view>()(key_);
  Slot& slot = slots_[slot_of(key_, hash)];
  const size_t key_size = slot.row == 0 ? key_.size() : 0;  // a known row's key is there already
  const size_t most = max_row_bytes(row);
  char* const at = allocate(key_size + most);
  const std::string_view value(at + key_size, encode_row(row, seal_key, at + key_size));
  block_at_ -= most - value.size();
  bytes_ -= most - value.size();
  if (slot.row != 0) {
    rows_[slot.row - 1].value = value;
    return;
  }
  bytes_ += sizeof(Row) + 2 * sizeof(Slot);
  std::memcpy(at, key_.data(), key_.size());
  rows_.push_back({{at, key_.size()}, value});
  slot = {static_cast<uint32_t>(hash >> 32), static_cast<uint32_t>(rows_.size())};
}

std::optional<std::string_view> RowTable::find(std::string_view key) const {
  if (rows_.empty()) return std::nullopt;
  const Slot& slot = slots_[slot_of(key, std::hash<std::string_view>()(key))];
  if (slot.row == 0) return std::nullopt;
  return rows_[slot.row - 1].value;
}

std::vector<RowTable::Row> RowTable::smallest(std::string_view prefix, std::string_view from, size_t limit) const {
  std::vector<Row> out;
  for (const Row& row : rows_)
    if (row.key.starts_with(prefix) && row.key >= from) out.push_back(row);
  auto before = [](const Row& a, const Row& b) { return a.key < b.key; };
  if (out.size() > limit) {
    std::nth_element(out.begin(), out.begin() + static_cast<ptrdiff_t>(limit), out.end(), before);
    out.resize(limit);
  }
  std::sort(out.begin(), out.end(), before);
  return out;
}

void RowTable::clear() {
  // Blocks of huge rows are given back.
  std::erase_if(blocks_, [](const Block& block) { return block.size > kBlockBytes; });
  used_blocks_ = block_at_ = bytes_ = 0;
  rows_.clear();
  std::fill(slots_.begin(), slots_.end(), Slot{});
}

char* RowTable::allocate(size_t size) {
  bytes_ += size;
  if (used_blocks_ == 0 || block_at_ + size > blocks_[used_blocks_ - 1].size) {
    const size_t wanted = std::max(size, kBlockBytes);
    if (used_blocks_ == blocks_.size() || blocks_[used_blocks_].size < wanted)
      blocks_.insert(blocks_.begin() + static_cast<ptrdiff_t>(used_blocks_),
                     {std::make_unique_for_overwrite<char[]>(wanted), wanted});
    ++used_blocks_;
    block_at_ = 0;
  }
  char* const at = blocks_[used_blocks_ - 1].memory.get() + block_at_;
  block_at_ += size;
  return at;
}

// Where the key is, or the empty slot where it would be.
size_t RowTable::slot_of(std::string_view key, uint64_t hash) const {
  const size_t mask = slots_.size() - 1;
  const auto half = static_cast<uint32_t>(hash >> 32);
  for (size_t at = hash & mask;; at = (at + 1) & mask) {
    const Slot& slot = slots_[at];
    if (slot.row == 0 || (slot.hash == half && rows_[slot.row - 1].key == key)) return at;
  }
}

void RowTable::grow() {
  slots_.assign(std::max<size_t>(slots_.size() * 2, 1'024), Slot{});
  for (size_t i = 0; i < rows_.size(); ++i) {
    const uint64_t hash = std::hash<std::string_view>()(rows_[i].key);
    slots_[slot_of(rows_[i].key, hash)] = {static_cast<uint32_t>(hash >> 32), static_cast<uint32_t>(i + 1)};
  }
}

}  // namespace rowledger::store
