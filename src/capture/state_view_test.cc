#include "capture/state_view.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <string>
#include <vector>

#include "store/rocksdb_store.h"

namespace rowledger::capture {
namespace {

// Updates that leave long values alone are short themselves: hundreds of thousands of bytes of the stream can concern
// gigabytes of rows.
TEST(StateViewTest, ReadsAheadNoMoreThanHasRoom) {
  const auto directory =
      std::filesystem::temp_directory_path() / ("rowledger-state-view-" + std::to_string(::getpid()));
  std::filesystem::remove_all(directory);
  auto store = store::open_rocksdb_store({.directory = directory});
  ASSERT_TRUE(store) << store.error().message;
  constexpr size_t kRows = 1'000, kImageBytes = 50'000, kCacheBytes = 1 << 20;
  std::vector<std::string> names;
  store::Batch batch;
  for (size_t i = 0; i < kRows; ++i) {
    names.push_back(std::to_string(i) + std::string(1, '\0'));
    batch.set_state({{1}, names.back(), {{0}, false, {1}, std::string(kImageBytes, static_cast<char>('a' + i % 26))}});
  }
  ASSERT_TRUE((*store)->append(batch));

  {
    Settings settings;
    settings.source_name = "test";
    EntryWriter writer(settings, **store);
    StateView state(**store, writer, kCacheBytes);
    std::vector<std::string_view> keys(names.begin(), names.end());
    ASSERT_TRUE(state.read_ahead({1}, keys));
    EXPECT_GT(state.bytes(), kCacheBytes / 2) << "something is read ahead";
    EXPECT_LT(state.bytes(), kRows * kImageBytes / 4);
    for (size_t i = 0; i < kRows; ++i) {
      const auto row = state.find({1}, names[i]);
      ASSERT_TRUE(row && *row != nullptr) << i;
      ASSERT_EQ((*row)->image, std::string(kImageBytes, static_cast<char>('a' + i % 26)));
    }
  }
  store->reset();
  std::filesystem::remove_all(directory);
}

}  // namespace
}  // namespace rowledger::capture
