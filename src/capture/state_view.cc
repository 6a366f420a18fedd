#include "capture/state_view.h"

#include <algorithm>

#include "store/store_keys.h"

namespace rowledger::capture {
namespace {
constexpr size_t kWorthReadingTogether = 8;
constexpr ptrdiff_t kReadTogether = 128;
}  // namespace

void StateView::make_cache_key(TableId table, std::string_view key) {
  cache_key_.clear();
  store::append_state_key(table, key, cache_key_);
}

bool StateView::is_here(TableId table, std::string_view key) {
  make_cache_key(table, key);
  return young_.find(cache_key_) || old_.find(cache_key_);
}

Result<const store::RowState*> StateView::find(TableId table, std::string_view key) {
  make_cache_key(table, key);
  if (const auto young = young_.find(cache_key_)) {
    RL_ASSIGN(found_, store::decode_row(*young));
    return &found_;
  }
  if (const auto old = old_.find(cache_key_)) {
    RL_ASSIGN(found_, store::decode_row(*old));
  } else {
    RL_ASSIGN(auto stored, store_.row(table, key));
    if (!stored) return nullptr;
    found_ = std::move(*stored);
  }
  remember(table, key, found_);
  return &found_;
}

Status StateView::read_ahead(TableId table, std::vector<std::string_view>& keys) {
  std::erase_if(keys, [&](std::string_view key) { return is_here(table, key); });
  if (keys.size() < kWorthReadingTogether) return {};
  std::ranges::sort(keys);
  keys.erase(std::unique(keys.begin(), keys.end()), keys.end());
  std::vector<std::string_view> some;
  for (auto next = keys.begin(); next != keys.end() && young_.bytes() <= 2 * generation_bytes_;) {
    const auto end = next + std::min(keys.end() - next, kReadTogether);
    some.assign(next, end);
    RL_TRY(store_.rows(table, some, [&](std::string_view key, store::RowState&& row) { remember(table, key, row); }));
    next = end;
  }
  return {};
}

Result<std::string> StateView::tenant_of_erased(const store::RowState& row) const {
  RL_ASSIGN(const std::vector<std::string> headers, store_.headers(row.newest, 1));
  RL_ASSIGN(const record::EntryHeader header, record::decode_header(headers.front()));
  return std::string(header.tenant);
}

void StateView::forget_all() {
  young_.clear();
  old_.clear();
  old_complete_at_batch_ = 0;
}

void StateView::put(TableId table, std::string_view key, store::RowState row) {
  remember(table, key, row);
  writer_.batch().set_state({table, std::string(key), std::move(row)});
}

void StateView::remember(TableId table, std::string_view key, const store::RowState& row) {
  // While rows of the old generation are not durable, the young one grows beyond its size: a few batches.
  if (young_.bytes() > generation_bytes_ && (old_.empty() || old_complete_at_batch_ <= writer_.durable().batches)) {
    std::swap(young_, old_);
    old_complete_at_batch_ = writer_.batch_number();
    young_.clear();
  }
  young_.put(table, key, row, row.key);
}

}  // namespace rowledger::capture
