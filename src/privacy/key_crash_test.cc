// The key ring survives kill -9 at any moment: what was acknowledged is there, what was destroyed is gone.
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <map>

#include "privacy/key_keeper.h"
#include "privacy/key_ring.h"
#include "privacy/master_key.h"
#include "privacy/privacy_testing.h"

namespace rowledger::privacy {
namespace {

// What the child says through a pipe once it is durable. 64 bytes are written to a pipe in one piece.
struct Note {
  uint64_t id;
  bool destroyed;
  char sealed[21];
};

std::string sealed_with(const SubjectKey& key) {
  std::string out;
  key.seal(Nonce{}, "", "value", out);
  return out;
}

void say(int fd, KeyId id, bool destroyed, const std::string& sealed) {
  Note note{.id = id.value, .destroyed = destroyed, .sealed = {}};
  sealed.copy(note.sealed, sizeof note.sealed);
  if (::write(fd, &note, sizeof note) != sizeof note) ::_exit(2);
}

// Makes, destroys and rotates until it is killed.
[[noreturn]] void work(const std::filesystem::path& dir, const MasterKey& master, int fd) {
  auto ring = KeyRing::open(dir, master);
  if (!ring) ::_exit(1);
  for (uint64_t round = 0;; ++round) {
    const auto owner = (*ring)->tenant_key(std::to_string(round % 5));
    if (!owner) ::_exit(1);
    std::vector<std::pair<KeyId, std::string>> made;
    for (uint64_t i = 0; i < 1 + round * 37 % 400; ++i) {
      SubjectKey key;
      const auto id = (*ring)->new_subject_key(*owner, key);
      if (!id) ::_exit(1);
      made.emplace_back(*id, sealed_with(key));
    }
    if (!(*ring)->sync()) ::_exit(1);
    for (const auto& [id, sealed] : made) say(fd, id, false, sealed);
    if (!(*ring)->destroy(made[made.size() / 2].first)) ::_exit(1);
    say(fd, made[made.size() / 2].first, true, "");
    if (round % 4 == 3 && !(*ring)->rotate_master(master)) ::_exit(1);
  }
}

// The child does `work`, which does not return, with the writing end of a pipe; `from` is its reading end.
template <class Work>
pid_t start_child(const Work& work, int& from) {
  int ends[2];
  if (::pipe(ends) != 0) return -1;
  const pid_t child = ::fork();
  if (child == 0) {
    ::close(ends[0]);
    work(ends[1]);
  }
  ::close(ends[1]);
  from = ends[0];
  return child;
}

TEST(KeyCrash, KillAtAnyMoment) {
  TempDir dir;
  const MasterKey master = master_of('m');
  KeyRing::create(dir.path, master).value().reset();
  std::map<uint64_t, Note> acknowledged;
  for (int round = 0; round < 25; ++round) {
    int from = -1;
    const pid_t child = start_child([&](int to) { work(dir.path, master, to); }, from);
    ASSERT_GE(child, 0);
    // Killed after some number of notes, at whatever the child does then; the last notes are still read.
    Note note;
    int seen = 0;
    while (::read(from, &note, sizeof note) == sizeof note) {
      if (note.destroyed || acknowledged.find(note.id) == acknowledged.end()) acknowledged[note.id] = note;
      if (++seen == 1 + round * 61 % 700) ::kill(child, SIGKILL);
    }
    ::close(from);
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status)) << WEXITSTATUS(status);

    const auto ring = KeyRing::open(dir.path, master);
    ASSERT_TRUE(ring) << error_of(ring);
    for (const auto& [id, expected] : acknowledged) {
      SubjectKey key;
      const auto state = (*ring)->find(KeyId{id}, key);
      ASSERT_TRUE(state) << error_of(state);
      if (expected.destroyed) {
        ASSERT_EQ(*state, KeyState::kDestroyed);
      } else if (*state == KeyState::kLive) {  // the note of its destruction may not have been sent any more
        ASSERT_EQ(sealed_with(key), std::string_view(expected.sealed, sizeof expected.sealed));
      }
    }
    EXPECT_FALSE(std::filesystem::exists(dir / "tenants.keys.new") ||
                 std::filesystem::exists(dir / "tenants.keys.old"));
  }
  EXPECT_GT(acknowledged.size(), 500U);
}

TEST(KeyCrash, KillWhileTheMasterKeyIsChanged) {
  TempDir dir;
  const auto file = dir / "master.key", keys = dir / "keys";
  std::filesystem::create_directory(keys);
  KeyRing::create(keys, generate_master_key(file).value()).value()->tenant_key("7").value();
  for (int round = 0; round < 40; ++round) {
    const auto rotate = [&](int to) {
      auto ring = open_ring_to_write(keys, file);
      if (!ring) ::_exit(1);
      KeyKeeper keeper(**ring, file);
      while (::write(to, "", 1) == 1) {
        if (!keeper.rotate()) ::_exit(1);
      }
      ::_exit(2);
    };
    int from = -1;
    const pid_t child = start_child(rotate, from);
    ASSERT_GE(child, 0);
    char byte = 0;
    for (int seen = 0; seen <= round % 4; ++seen) ASSERT_EQ(::read(from, &byte, 1), 1);
    ::usleep(static_cast<useconds_t>(round * 97 % 1'500));  // anywhere in a change, not to wait for anything
    ::kill(child, SIGKILL);
    ::close(from);
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status)) << WEXITSTATUS(status);
    const auto ring = open_ring_to_write(keys, file);
    ASSERT_TRUE(ring) << error_of(ring);
    ASSERT_TRUE((*ring)->find_tenant("7"));
    EXPECT_FALSE(std::filesystem::exists(dir / "master.key.new") || std::filesystem::exists(dir / "master.key.old"));
  }
}

TEST(KeyCrash, KeysThatWereNotSyncedAreNotThereAndTheirPlacesAreFree) {
  TempDir dir;
  const MasterKey master = master_of('m');
  KeyRing::create(dir.path, master).value().reset();
  const pid_t child = ::fork();
  if (child == 0) {
    auto ring = KeyRing::open(dir.path, master);
    const KeyId owner = (*ring)->tenant_key("").value();
    for (int i = 0; i < 5; ++i) (*ring)->new_subject_key(owner).value();
    ::_exit((*ring)->sync() && (*ring)->new_subject_key(owner) ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_EQ(status, 0);
  auto ring = KeyRing::open(dir.path, master).value();
  EXPECT_EQ(ring->status().subjects_live, 5U);
  EXPECT_EQ(ring->new_subject_key(ring->find_tenant("").value()).value(), subject_key_id(5));
}

}  // namespace
}  // namespace rowledger::privacy
