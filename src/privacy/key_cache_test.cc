#include "privacy/key_cache.h"

#include "privacy/privacy_testing.h"

namespace rowledger::privacy {
namespace {

SubjectKey key_of(char fill) { return SubjectKey(DataKey(std::string(kKeyBytes, fill))); }

bool is_in(KeyCache& cache, KeyId id) {
  SubjectKey out;
  KeyCache::Epoch epoch = 0;
  return cache.find(id, out, epoch);
}

TEST(KeyCacheTest, FindsWhatWasPut) {
  KeyCache cache(1 << 20);
  SubjectKey out;
  KeyCache::Epoch epoch = 0;
  EXPECT_FALSE(cache.find(KeyId{2}, out, epoch));
  cache.put(KeyId{2}, key_of('a'), epoch);
  ASSERT_TRUE(cache.find(KeyId{2}, out, epoch));
  EXPECT_EQ(out.salt(Seq{1}), key_of('a').salt(Seq{1}));
  cache.drop(KeyId{2});
  EXPECT_FALSE(is_in(cache, KeyId{2}));
}

TEST(KeyCacheTest, AReaderThatWasOvertakenBringsNothingBack) {
  KeyCache cache(1 << 20);
  SubjectKey out;
  KeyCache::Epoch before = 0;
  ASSERT_FALSE(cache.find(KeyId{2}, out, before));
  cache.drop(KeyId{2});  // destroyed, while the reader unwraps what it had read
  cache.put(KeyId{2}, key_of('a'), before);
  EXPECT_FALSE(is_in(cache, KeyId{2}));
  ASSERT_FALSE(cache.find(KeyId{4}, out, before));
  cache.drop_all();
  cache.put(KeyId{4}, key_of('a'), before);
  EXPECT_FALSE(is_in(cache, KeyId{4}));
}

TEST(KeyCacheTest, IsBoundedAndKeepsWhatIsUsed) {
  KeyCache cache(100'000);
  EXPECT_LT(cache.capacity() * sizeof(SubjectKey), 100'000U);
  const KeyId used{2};
  cache.put(used, key_of('u'));
  for (uint64_t i = 2; i < 10'000; ++i) {
    EXPECT_TRUE(is_in(cache, used)) << i;
    cache.put(KeyId{2 * i}, key_of('x'));
  }
  size_t there = 0;
  for (uint64_t i = 2; i < 10'000; ++i) there += is_in(cache, KeyId{2 * i}) ? 1 : 0;
  EXPECT_GT(there, cache.capacity() / 2);
  EXPECT_LE(there, cache.capacity());
}

}  // namespace
}  // namespace rowledger::privacy
