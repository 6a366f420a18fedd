#include "capture/state_view.h"

#include <algorithm>

#include "base/bytes.h"

namespace rowledger::capture {
namespace {
constexpr size_t kNodeOverheadBytes = 160;
constexpr size_t kWorthReadingTogether = 8;
}  // namespace

void StateView::make_cache_key(TableId table, std::string_view key) {
  cache_key_.clear();
  ByteWriter(cache_key_).u32(table.value);
  cache_key_.append(key);
}

Result<const store::RowState*> StateView::find(TableId table, std::string_view key) {
  make_cache_key(table, key);
  if (auto found = young_.find(std::string_view(cache_key_)); found != young_.end()) return &found->second;
  if (auto found = old_.find(std::string_view(cache_key_)); found != old_.end()) {
    // Moved, not copied; the old generation's leftover is never looked at again before it is dropped,
    // because young_ is asked first.
    store::RowState row = std::move(found->second);
    old_.erase(found);
    remember(std::move(row));
    return &young_.find(std::string_view(cache_key_))->second;
  }
  RL_ASSIGN(auto stored, store_.row(table, key));
  if (!stored) return nullptr;
  remember(std::move(*stored));
  return &young_.find(std::string_view(cache_key_))->second;
}

Status StateView::read_ahead(TableId table, std::vector<std::string_view>& keys) {
  std::erase_if(keys, [&](std::string_view key) {
    make_cache_key(table, key);
    return young_.contains(std::string_view(cache_key_)) || old_.contains(std::string_view(cache_key_));
  });
  if (keys.size() < kWorthReadingTogether) return {};
  std::ranges::sort(keys);
  const auto doubles = std::ranges::unique(keys);
  keys.erase(doubles.begin(), doubles.end());
  return store_.rows(table, keys, [&](std::string_view key, store::RowState&& row) {
    make_cache_key(table, key);
    remember(std::move(row));
  });
}

void StateView::forget_all() {
  young_.clear();
  old_.clear();
  young_bytes_ = 0;
  old_complete_at_batch_ = 0;
}

void StateView::put(TableId table, std::string_view key, store::RowState row) {
  writer_.batch().set_state({table, std::string(key), row});
  make_cache_key(table, key);
  remember(std::move(row));
}

void StateView::remember(store::RowState row) {
  const size_t bytes = kNodeOverheadBytes + cache_key_.size() + row.image.size();
  // While rows of the old generation are not durable, the young one grows beyond its size: a few batches.
  if (young_bytes_ + bytes > generation_bytes_ &&
      (old_.empty() || old_complete_at_batch_ <= writer_.durable().batches)) {
    old_ = std::move(young_);
    old_complete_at_batch_ = writer_.batch_number();
    young_.clear();
    young_bytes_ = 0;
  }
  auto [place, inserted] = young_.try_emplace(cache_key_);
  if (inserted) {
    // A row in young_ must not also be in old_, or a stale image would outlive it.
    old_.erase(cache_key_);
    young_bytes_ += bytes;
  } else {
    young_bytes_ += row.image.size();
    young_bytes_ -= place->second.image.size();
  }
  place->second = std::move(row);
}

}  // namespace rowledger::capture
