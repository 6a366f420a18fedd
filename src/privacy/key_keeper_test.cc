#include "privacy/key_keeper.h"

#include <thread>
#include <vector>

#include "privacy/master_key.h"
#include "privacy/privacy_testing.h"

namespace rowledger::privacy {
namespace {

TEST(KeyKeeper, RotationsThatAreAskedForAtOnceComeOneAfterTheOther) {
  const TempDir dir;
  const auto file = dir / "master.key";
  const MasterKey first = generate_master_key(file).value();
  std::filesystem::create_directory(dir / "keys");
  {
    const auto ring = KeyRing::create(dir / "keys", first).value();
    ASSERT_TRUE(ring->tenant_key("7"));
    KeyKeeper keeper(*ring, file);
    std::vector<std::thread> all;
    for (int i = 0; i < 4; ++i) {
      all.emplace_back([&] {
        for (int turn = 0; turn < 10; ++turn) {
          const Status done = keeper.rotate();
          EXPECT_TRUE(done) << error_of(done);
        }
      });
    }
    for (std::thread& each : all) each.join();
  }
  EXPECT_FALSE(std::filesystem::exists(dir / "master.key.new"));
  const auto last = read_master_key(file);
  ASSERT_TRUE(last) << error_of(last);
  const auto ring = KeyRing::open(dir / "keys", *last);
  EXPECT_TRUE(ring) << error_of(ring);
}

}  // namespace
}  // namespace rowledger::privacy
