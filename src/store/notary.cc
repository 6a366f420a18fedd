#include "store/notary.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <chrono>
#include <cstring>
#include <fstream>
#include <sstream>

#include "base/check.h"
#include "base/log.h"
#include "base/thread_name.h"
#include "base/write_all.h"
#include "ledger/tile_tree.h"
#include "ledger/verifier.h"
#include "privacy/private_file.h"

namespace rowledger::store {
namespace {

using ledger::SignedCheckpoint;
using ledger::TreeSize;

constexpr int kLookMs = 100;
constexpr auto kRetryAfter = std::chrono::seconds(1);

Error older_than_signed(std::string_view where, uint64_t signed_size, uint64_t size) {
  return {ErrorCode::kCorrupt,
          fmt::format(
              "this log has {} entries, but {} were signed ({}): the data directory is an older copy of itself. Put "
              "back the newest copy. If that is lost, keep this one as it is, for what it proves, and begin a new log "
              "in another directory: `rowledger init`. A log that was signed is never written differently",
              size, signed_size, where)};
}

Error other_than_signed(std::string_view where, uint64_t size) {
  return {ErrorCode::kCorrupt,
          fmt::format(
              "the first {} entries are not those that were signed ({}): the log was altered, or belongs to another "
              "installation. `rowledger verify` tells where; put back a copy that was not altered",
              size, where)};
}

Error not_there(const std::filesystem::path& second_place) {
  return {ErrorCode::kNotFound,
          fmt::format("the last signed checkpoint is also kept in {}, but that is not there, so that an older copy of "
                      "the data directory could not be told from the newest one. Put the file back, or mount its disk; "
                      "after `ledger.second_checkpoint` was changed, copy it to its new place. If it is lost, and this "
                      "is the newest copy: `rowledger serve --without-second-checkpoint`, once",
                      second_place.string())};
}

Status check_one(const ledger::TileTree& tree, std::string_view note, const ledger::VerifierKey& key,
                 std::string_view where) {
  auto opened = ledger::open_checkpoint(note, {&key, 1});
  if (!opened)
    return fail(std::move(opened.error())
                    .with_context(fmt::format("the last signed checkpoint ({}) cannot be believed: it was altered, or "
                                              "is of another log",
                                              where)));
  const ledger::Checkpoint& last = opened->checkpoint;
  if (last.size > tree.size()) return fail(older_than_signed(where, last.size.value, tree.size().value));
  RL_ASSIGN(const Digest root, tree.root(last.size));
  if (root != last.root) return fail(other_than_signed(where, last.size.value));
  return {};
}

}  // namespace

Result<std::optional<std::string>> read_second_place(const std::filesystem::path& second_place) {
  if (second_place.empty()) return std::nullopt;
  std::error_code error;
  if (!std::filesystem::exists(second_place, error) && !error) return std::nullopt;
  std::ifstream in(second_place, std::ios::binary);
  std::ostringstream out;
  out << in.rdbuf();
  if (!in)
    return fail(ErrorCode::kIo, fmt::format("cannot read the last signed checkpoint in {}: {}", second_place.string(),
                                            std::strerror(errno)));
  return std::optional<std::string>(out.str());
}

Status check_against_signed(const Store& store, const ledger::VerifierKey& key,
                            const std::filesystem::path& second_place, MissingSecondPlace missing) {
  const ledger::TreeEdge edge = store.tree_edge();
  const ledger::TileTree tree(store.tiles(), edge);
  RL_ASSIGN(const std::optional<StoredCheckpoint> own, store.checkpoint());
  if (own) RL_TRY(check_one(tree, own->note, key, "in the data directory"));
  if (second_place.empty()) return {};
  RL_ASSIGN(const std::optional<std::string> kept, read_second_place(second_place));
  if (kept) return check_one(tree, *kept, key, second_place.string());
  if (own && missing == MissingSecondPlace::kRefused) return fail(not_there(second_place));
  return {};
}

Result<std::optional<SignedCheckpoint>> last_checkpoint(const Store& store, const ledger::VerifierKey& key) {
  RL_ASSIGN(const std::optional<StoredCheckpoint> stored, store.checkpoint());
  if (!stored) return std::nullopt;
  RL_ASSIGN(SignedCheckpoint out, ledger::open_checkpoint(stored->note, {&key, 1}));
  return std::optional<SignedCheckpoint>(std::move(out));
}

Notary::Notary(Store& store, const ledger::SigningKey& key, NotaryOptions options)
    : store_(store), key_(key), options_(std::move(options)), thread_([this] { run(); }) {}

Notary::~Notary() {
  stopping_ = true;
  thread_.join();
  if (const Status status = sign(); !status) log::warning("{}", status.error().message);
}

void Notary::run() {
  name_this_thread("sign");
  using std::chrono::steady_clock;
  uint64_t signed_size = 0;
  while (!stopping_) {
    // Something new, or nothing for a moment: then whether to stop is looked at.
    if (store_.wait_beyond({signed_size}, kLookMs).value <= signed_size) continue;
    const auto begun = steady_clock::now();
    const uint64_t size = store_.end().value;
    auto pause = std::chrono::milliseconds(options_.shortest_interval_ms);
    if (const Status status = sign()) {
      signed_size = size;
    } else {
      log::warning("no checkpoint is signed: {}", status.error().message);
      pause = kRetryAfter;
    }
    while (!stopping_ && steady_clock::now() < begun + pause)
      std::this_thread::sleep_for(std::chrono::milliseconds(std::min(kLookMs, options_.shortest_interval_ms)));
  }
}

Status Notary::sign() {
  std::lock_guard lock(mutex_);
  const ledger::TreeEdge edge = store_.tree_edge();
  const ledger::TileTree tree(store_.tiles(), edge);
  RL_ASSIGN(const std::optional<SignedCheckpoint> last, last_checkpoint(store_, key_.verifier()));
  const Digest root = edge.root();
  if (last && last->checkpoint.size == edge.size() && last->checkpoint.root == root)
    return write_second_place(last->encode(), tree);
  if (last) {
    const ledger::Checkpoint& before = last->checkpoint;
    RL_ASSIGN(const std::vector<Digest> proof, tree.prove_consistency(before.size, edge.size()));
    RL_TRY(ledger::verify_consistency(before.size, before.root, edge.size(), root, proof));
  }
  const std::string note = ledger::sign_checkpoint(edge.size(), root, key_).encode();
  // First there: what it signs is durable in the log already, and the log's own must never be the newer one.
  RL_TRY(write_second_place(note, tree));
  return store_.set_checkpoint(note);
}

Status Notary::write_second_place(const std::string& note, const ledger::TileTree& tree) {
  if (options_.second_place.empty() || note == second_note_) return {};
  // Another copy of this log may have written there meanwhile: what that one signed is not to be contradicted either.
  RL_ASSIGN(const std::optional<std::string> kept, read_second_place(options_.second_place));
  if (kept && *kept != second_note_) RL_TRY(check_one(tree, *kept, key_.verifier(), options_.second_place.string()));
  const std::string file = options_.second_place.string(), fresh = file + ".new";
  const auto failed = [&] {
    return fail(ErrorCode::kIo, fmt::format("cannot write the checkpoint to {}: {}", file, std::strerror(errno)));
  };
  const int fd = ::open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (fd < 0) return failed();
  const bool written = write_all(fd, note) && ::fdatasync(fd) == 0;
  ::close(fd);
  if (!written || ::rename(fresh.c_str(), file.c_str()) != 0) return failed();
  RL_TRY(privacy::sync_directory(options_.second_place.parent_path()));
  second_note_ = note;
  return {};
}

}  // namespace rowledger::store
