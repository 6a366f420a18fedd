#include "privacy/slot_file.h"

#include "privacy/privacy_testing.h"

namespace rowledger::privacy {
namespace {

constexpr KeyFileKind kKind = KeyFileKind::kSubjects;
constexpr size_t kBytes = slot_bytes(kKind);

class SlotFileTest : public testing::Test {
 protected:
  // A slot that the tests know to be genuine: all its bytes tell its number.
  static std::string slot(uint64_t number) {
    SubjectSlot slot{.tenant = 1};
    slot.key.fill(static_cast<char>('a' + number % 26));
    std::string out;
    encode_slot(slot, out);
    return out;
  }
  static bool genuine(uint64_t number, std::string_view bytes) { return bytes == slot(number); }

  SlotFile make() {
    auto file = SlotFile::create(path, kKind, {.ring_id = {'r'}});
    EXPECT_TRUE(file) << error_of(file);
    return std::move(*file);
  }
  void append(SlotFile& file, uint64_t count) {
    std::string bytes;
    for (uint64_t i = 0; i < count; ++i) bytes += slot(file.slots() + i);
    ASSERT_TRUE(file.append(bytes));
  }
  // How many slots are found; the states as letters in `states`.
  Result<uint64_t> reopen() {
    states.clear();
    RL_ASSIGN(SlotFile file, SlotFile::open(path, kKind));
    RL_TRY(file.recover(genuine, [this](uint64_t number, SlotState state, std::string_view) -> Status {
      EXPECT_EQ(number, states.size());
      states += state == SlotState::kLive ? 'l' : 'd';
      return {};
    }));
    return file.slots();
  }
  void damage(uint64_t number, size_t byte = 20) {
    std::string bytes = read_all(path);
    const size_t at = kHeaderBytes + number * kBytes + byte;
    bytes[at] = static_cast<char>(bytes[at] ^ 0x40);
    write_all(path, bytes);
  }

  TempDir dir;
  std::filesystem::path path = dir / "subjects.keys";
  std::string states;
};

TEST_F(SlotFileTest, AppendSyncReopen) {
  {
    SlotFile file = make();
    append(file, 3);
    ASSERT_TRUE(file.sync());
    append(file, 2);
    ASSERT_TRUE(file.sync());
    ASSERT_TRUE(file.destroy(1));
    EXPECT_EQ(std::filesystem::status(path).permissions(),
              std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
  }
  EXPECT_EQ(reopen().value(), 5U);
  EXPECT_EQ(states, "ldlll");
}

TEST_F(SlotFileTest, TornLastBatchIsEmptyFromItsFirstTornSlot) {
  {
    SlotFile file = make();
    append(file, 3);
    ASSERT_TRUE(file.sync());
    append(file, 3);
    ASSERT_TRUE(file.sync());
  }
  const std::string whole = read_all(path);
  const size_t begin = kHeaderBytes + 3 * kBytes;
  for (size_t size = begin; size < whole.size(); ++size) {
    write_all(path, whole.substr(0, size));
    EXPECT_EQ(reopen().value(), 3 + (size - begin) / kBytes) << size;
    EXPECT_EQ(std::filesystem::file_size(path) % kBytes, 0U);
  }
  // A hole where the device had not come to, with a slot behind it.
  std::string holed = whole;
  holed.replace(begin + kBytes, kBytes, kBytes, '\0');
  write_all(path, holed);
  EXPECT_EQ(reopen().value(), 4U);
  // What recovery left is durable, and is not judged again.
  damage(3, 0);
  EXPECT_EQ(reopen().error().code, ErrorCode::kCorrupt);
}

TEST_F(SlotFileTest, DamageBelowTheMarkIsDamage) {
  {
    SlotFile file = make();
    append(file, 3);
    ASSERT_TRUE(file.sync());
    append(file, 1);
    ASSERT_TRUE(file.sync());
  }
  const std::string whole = read_all(path);
  damage(1, 0);
  EXPECT_EQ(reopen().error().code, ErrorCode::kCorrupt);
  write_all(path, whole.substr(0, kHeaderBytes + 2 * kBytes));
  EXPECT_EQ(reopen().error().code, ErrorCode::kCorrupt);
  std::string emptied = whole;
  emptied.replace(kHeaderBytes + kBytes, kBytes, kBytes, '\0');
  write_all(path, emptied);
  EXPECT_EQ(reopen().error().code, ErrorCode::kCorrupt);
  // A failed recovery alters nothing.
  EXPECT_EQ(read_all(path), emptied);
}

TEST_F(SlotFileTest, ACleanEndLeavesNoBatchToJudge) {
  {
    SlotFile file = make();
    append(file, 3);
    ASSERT_TRUE(file.close_cleanly());
  }
  damage(2, 0);
  EXPECT_EQ(reopen().error().code, ErrorCode::kCorrupt);
}

TEST_F(SlotFileTest, TornDestructionIsFinished) {
  {
    SlotFile file = make();
    append(file, 3);
    ASSERT_TRUE(file.sync());
    ASSERT_TRUE(file.close_cleanly());
  }
  std::string bytes = read_all(path);
  bytes[kHeaderBytes + kBytes] = static_cast<char>(SlotState::kDestroyed);
  write_all(path, bytes);
  EXPECT_EQ(reopen().value(), 3U);
  EXPECT_EQ(states, "ldl");
  EXPECT_EQ(read_all(path).substr(kHeaderBytes + kBytes, kBytes), destroyed_slot(kKind));
}

TEST_F(SlotFileTest, BothMarksDamaged) {
  {
    SlotFile file = make();
    append(file, 3);
    ASSERT_TRUE(file.close_cleanly());
  }
  std::string bytes = read_all(path);
  bytes[kMarkOffsets[0]] = bytes[kMarkOffsets[1]] = 'x';
  write_all(path, bytes);
  EXPECT_EQ(reopen().error().code, ErrorCode::kCorrupt);
}

TEST_F(SlotFileTest, RefusesAFileThatOthersMayRead) {
  make();
  std::filesystem::permissions(path, std::filesystem::perms::group_read, std::filesystem::perm_options::add);
  const auto file = SlotFile::open(path, kKind);
  EXPECT_EQ(file.error().code, ErrorCode::kInvalid);
  EXPECT_NE(file.error().message.find("chmod 600"), std::string::npos);
}

TEST_F(SlotFileTest, AnExchangeThatBrokeOffIsFinished) {
  const auto old = dir / "subjects.keys.old", next = dir / "subjects.keys.new";
  write_all(path, "old bytes");
  write_all(next, "new bytes");
  // Before the rename: the new file goes.
  std::filesystem::create_hard_link(path, old);
  ASSERT_TRUE(finish_replacing(path));
  EXPECT_EQ(read_all(path), "old bytes");
  EXPECT_FALSE(std::filesystem::exists(old) || std::filesystem::exists(next));
  // After it: the old one is overwritten, which its other name shows, and goes.
  write_all(next, "new bytes");
  std::filesystem::create_hard_link(path, dir / "witness");
  ASSERT_TRUE(replace_file(path));
  EXPECT_EQ(read_all(old), "old bytes");
  ASSERT_TRUE(finish_replacing(path));
  EXPECT_EQ(read_all(path), "new bytes");
  EXPECT_EQ(read_all(dir / "witness"), std::string(9, '\0'));
  EXPECT_FALSE(std::filesystem::exists(old));
}

}  // namespace
}  // namespace rowledger::privacy
