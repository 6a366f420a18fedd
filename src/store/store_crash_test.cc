// Processes that are killed while they append, and disks that fill up. The store under test runs in a
// process of its own: this test program again, with the name of one of the disabled tests.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <functional>

#include "store/index_files_testing.h"
#include "store/rocksdb_store_impl.h"
#include "store/store_testing.h"
#include "store/store_verification.h"

namespace rowledger::store {
namespace {

using testing::expect_store_is;
using testing::Workload;

constexpr uint64_t kSeed = 77;
constexpr const char* kDirectoryVariable = "ROWLEDGER_STORE_TEST_DIRECTORY";

StoreOptions options(const std::filesystem::path& directory, bool read_only = false, privacy::KeyRing* keys = nullptr) {
  StoreOptions out;
  out.keys = keys;
  out.directory = directory;
  out.read_only = read_only;
  out.write_buffer_bytes = 4 << 20;  // so that memtables are flushed now and then
  out.cache_bytes = 8 << 20;
  return out;
}

// Makes the model catch up with the batches that the store has.
void catch_up(Workload& model, const Store& store) {
  const uint64_t batches = std::stoull(store.meta("batches").value().value_or("0"));
  ASSERT_LE(model.batches, batches);
  for (Batch batch; model.batches < batches; batch.clear()) model.next(batch);
}

// Starts this program again for one disabled test; prepare runs in the child before that.
pid_t start_child(const char* test, const std::filesystem::path& directory, const std::function<bool()>& prepare) {
  const std::string filter = std::string("--gtest_filter=") + test;
  const pid_t child = ::fork();
  if (child != 0) return child;
  ::setenv(kDirectoryVariable, directory.c_str(), 1);
  const int null = ::open("/dev/null", O_WRONLY);
  if (prepare && !prepare()) ::_exit(99);
  if (std::getenv("ROWLEDGER_TEST_VERBOSE") == nullptr) ::dup2(null, STDOUT_FILENO);
  ::execl("/proc/self/exe", "store_test", filter.c_str(), "--gtest_also_run_disabled_tests", nullptr);
  ::_exit(98);
}

TEST(StoreCrashChild, DISABLED_AppendUntilKilled) {
  const char* directory = std::getenv(kDirectoryVariable);
  ASSERT_NE(directory, nullptr);
  const auto keys = testing::open_keys(std::string(directory) + ".keys");
  auto store = open_rocksdb_store(options(directory, false, keys.get()));
  ASSERT_TRUE(store.has_value()) << store.error().message;
  Workload workload(kSeed, {});
  workload.keep_entries = false;
  catch_up(workload, **store);
  while (true) {
    Batch batch;
    workload.next(batch);
    ASSERT_TRUE((*store)->append(batch).has_value());
    // The parent learns here what must be there after the kill.
    std::ofstream(std::string(directory) + ".durable", std::ios::trunc) << workload.seq << std::flush;
  }
}

// Waits for the first word of this child; gives up when it ended.
void wait_until_appended(const std::filesystem::path& durable, pid_t child) {
  while (!std::filesystem::exists(durable) && ::kill(child, 0) == 0) {
    siginfo_t ended{};
    ::waitid(P_PID, static_cast<id_t>(child), &ended, WEXITED | WNOHANG | WNOWAIT);
    if (ended.si_pid == child) return;
    ::usleep(1'000);
  }
}

TEST(StoreCrash, AKilledWriterLosesNothingDurable) {
  const testing::TempDirectory directory;
  const std::filesystem::path log = directory.path() / "log", durable = log.string() + ".durable";
  Workload model(kSeed, {});
  std::mt19937 random(4);
  uint64_t end = 0;
  for (int round = 0; round < 50; ++round) {
    std::filesystem::remove(durable);
    const pid_t child = start_child("StoreCrashChild.DISABLED_AppendUntilKilled", log, {});
    ASSERT_GT(child, 0);
    // A random moment, of opening or, in most rounds, of appending; this is the test's input, not synchronisation.
    if (round % 4 != 0) wait_until_appended(durable, child);
    ::usleep(random() % 100'000);
    ASSERT_EQ(::kill(child, SIGKILL), 0);
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status)) << "the child ended by itself: " << status;
    if (!std::filesystem::exists(log / "CURRENT")) continue;
    const bool read_only = round % 5 == 4;
    const auto keys = testing::open_keys(log.string() + ".keys");
    auto store = open_rocksdb_store(options(log, read_only, keys.get()));
    ASSERT_TRUE(store.has_value()) << store.error().message;
    catch_up(model, **store);
    uint64_t promised = 0;
    std::ifstream(durable) >> promised;
    EXPECT_GE((*store)->end().value, promised);
    expect_store_is(**store, model);
    ASSERT_FALSE(HasFailure()) << "round " << round;
    end = (*store)->end().value;
  }
  EXPECT_GT(end, 1'000) << "the children were killed before they did anything";
}

// Who is erased: one person after the other, of organisation 1 (store_testing.h).
std::string erased_person(uint64_t number) { return "public.contacts/" + std::to_string(number * 3); }
constexpr uint64_t kErasedPersons = 100;

TEST(StoreCrashChild, DISABLED_EraseUntilKilled) {
  const std::string directory = std::getenv(kDirectoryVariable);
  const auto keys = testing::open_keys(directory + ".keys");
  auto store = open_rocksdb_store(options(directory, false, keys.get()));
  ASSERT_TRUE(store.has_value()) << store.error().message;
  uint64_t number = 0;
  std::ifstream(directory + ".erased") >> number;
  while (++number < kErasedPersons) {
    ASSERT_TRUE((*store)->destroy_keys({{"1", erased_person(number)}}).has_value());
    std::ofstream(directory + ".erased", std::ios::trunc) << number << std::flush;
    std::ofstream(directory + ".durable") << number << std::flush;
    ASSERT_TRUE((*store)->drop_tokens(erased_person(number)).has_value());
  }
}

// Also when the tokens were out of the records already, and the files were still to be rewritten.
TEST(StoreCrash, WhatAKilledErasureLeftInTheFilesGoesWhenItIsDoneAgain) {
  const testing::TempDirectory directory;
  const std::filesystem::path log = directory.path() / "log", durable = log.string() + ".durable";
  {
    const auto keys = testing::open_keys(log.string() + ".keys");
    auto store = open_rocksdb_store(options(log, false, keys.get()));
    ASSERT_TRUE(store.has_value());
    Workload workload(kSeed, {.max_entries = 500, .odd_cases = false, .inserts_first = kErasedPersons * 3});
    workload.keep_entries = false;
    for (Batch batch; workload.seq < Store::kIndexRange + 500; batch.clear()) {
      workload.next(batch);
      ASSERT_TRUE((*store)->append(batch).has_value());
    }
  }
  std::mt19937 random(5);
  size_t hits = 0;
  for (int round = 0; round < 60 && hits == 0; ++round) {
    std::filesystem::remove(durable);
    const pid_t child = start_child("StoreCrashChild.DISABLED_EraseUntilKilled", log, {});
    ASSERT_GT(child, 0);
    wait_until_appended(durable, child);
    // On a slow machine the first step alone takes longer than the first rounds wait.
    ::usleep(random() % (100'000U << std::min(round / 8, 5)));
    ASSERT_EQ(::kill(child, SIGKILL), 0);
    ASSERT_EQ(::waitpid(child, nullptr, 0), child);
    uint64_t number = 0;
    std::ifstream(log.string() + ".erased") >> number;
    const auto keys = testing::open_keys(log.string() + ".keys");
    auto store = open_rocksdb_store(options(log, false, keys.get()));
    ASSERT_TRUE(store.has_value()) << store.error().message;
    const KeptTokens kept = testing::kept_tokens(**store, 0);
    {
      const auto noted = static_cast<RocksdbStore&>(**store).database().iterate(Family::kMeta);
      noted->Seek(wipe_key(0));
      const bool is_between = noted->Valid() && noted->key() == wipe_key(0);
      hits += is_between && testing::stale_blocks(log, 0, kept).stale > 0;
    }
    // The next one, too: the child may have been killed before it said so.
    for (const uint64_t person : {number, number + 1})
      ASSERT_TRUE((*store)->drop_tokens(erased_person(person)).has_value());
    store->reset();
    const auto blocks = testing::stale_blocks(log, 0, kept);
    EXPECT_EQ(blocks.stale, 0u) << "round " << round;
    EXPECT_GT(blocks.all, 100u);
  }
  EXPECT_EQ(hits, 1u) << "no child was killed between the two steps";
}

bool write_line(const char* path, const std::string& text) {
  std::ofstream out(path);
  out << text << std::flush;
  return out.good();
}

// A file system of 32 MB at the directory, seen by this process alone. Without being root, inside a user
// namespace.
bool mount_small_disk(const std::filesystem::path& directory) {
  const uid_t uid = ::getuid();
  const gid_t gid = ::getgid();
  if (uid == 0 ? ::unshare(CLONE_NEWNS) != 0 : ::unshare(CLONE_NEWNS | CLONE_NEWUSER) != 0) return false;
  if (uid != 0) {
    write_line("/proc/self/setgroups", "deny");
    if (!write_line("/proc/self/uid_map", "0 " + std::to_string(uid) + " 1")) return false;
    if (!write_line("/proc/self/gid_map", "0 " + std::to_string(gid) + " 1")) return false;
  }
  return ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
         ::mount("tmpfs", directory.c_str(), "tmpfs", 0, "size=32m") == 0;
}

TEST(StoreCrashChild, DISABLED_FillTheDisk) {
  const std::filesystem::path directory = std::getenv(kDirectoryVariable);
  Workload::Options shape;
  shape.odd_cases = false;
  shape.inserts_first = 3'000;
  Workload workload(kSeed, shape);
  auto store = open_rocksdb_store(options(directory / "log"));
  ASSERT_TRUE(store.has_value()) << store.error().message;
  const std::filesystem::path ballast = directory / "ballast";
  for (int time = 0; time < 3; ++time) {
    { std::ofstream(ballast) << std::string((time + 1) * 1'000'000, 'b'); }
    std::ofstream(ballast, std::ios::app) << std::string(12'000'000, 'b');
    Batch batch;
    Status status;
    // Trying again may succeed while the disk is full, when what was in memory could be written out and its
    // WAL be dropped; it is full when trying again does not help either.
    for (bool full = false; !full;) {
      batch.clear();
      workload.next(batch);
      const Seq end = (*store)->end();
      status = (*store)->append(batch);
      if (!status) {
        ASSERT_EQ(status.error().code, ErrorCode::kIo) << status.error().message;
        EXPECT_EQ((*store)->end(), end);
        status = (*store)->append(batch);
      }
      full = !status;
    }
    ASSERT_EQ(status.error().code, ErrorCode::kIo) << status.error().message;
    EXPECT_EQ((*store)->end().value + batch.entries(), workload.seq);
    EXPECT_TRUE((*store)->read({0}).value().has_value());
    std::filesystem::remove(ballast);
    // As the caller does: the state's own thread may have to try again first.
    for (int attempt = 0; attempt < 100; ++attempt) {
      status = (*store)->append(batch);
      if (status || status.error().code != ErrorCode::kIo) break;
      ::usleep(100'000);
    }
    ASSERT_TRUE(status.has_value()) << status.error().message;
    expect_store_is(**store, workload);
    if (time == 1) {
      store->reset();
      store = open_rocksdb_store(options(directory / "log"));
      ASSERT_TRUE(store.has_value()) << store.error().message;
      expect_store_is(**store, workload);
    }
  }
}

TEST(StoreCrash, AFullDiskStopsAppendingUntilThereIsSpace) {
  const testing::TempDirectory directory;
  const pid_t child = start_child("StoreCrashChild.DISABLED_FillTheDisk", directory.path(),
                                  [&] { return mount_small_disk(directory.path()); });
  ASSERT_GT(child, 0);
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFEXITED(status)) << status;
  ASSERT_NE(WEXITSTATUS(status), 99) << "this machine allows no mount, not even in a user namespace";
  EXPECT_EQ(WEXITSTATUS(status), 0) << "run again with ROWLEDGER_TEST_VERBOSE=1 to see why";
}

}  // namespace
}  // namespace rowledger::store
