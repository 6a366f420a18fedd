#include "privacy/key_keeper.h"

#include "privacy/master_key.h"
#include "privacy/private_file.h"

namespace rowledger::privacy {
namespace {

std::filesystem::path next_to(const std::filesystem::path& file) { return file.string() + ".new"; }

Status exchange(const std::filesystem::path& file) {
  RL_TRY(replace_file(file));
  return finish_replacing(file);
}

// The key that a change which failed or broke off left beside the file. Nothing also when its file was not written to
// its end: then nothing can be wrapped with it.
Result<std::optional<MasterKey>> key_left_by(const std::filesystem::path& file) {
  const auto left = read_master_key(next_to(file));
  if (left) return *left;
  if (left.error().code == ErrorCode::kNotFound || left.error().code == ErrorCode::kInvalid) return std::nullopt;
  return fail(left.error());
}

}  // namespace

Result<std::unique_ptr<KeyRing>> open_ring(const std::filesystem::path& directory,
                                           const std::filesystem::path& master_key_file) {
  RL_ASSIGN(const MasterKey master, read_master_key(master_key_file));
  auto ring = KeyRing::open(directory, master);
  std::error_code ignored;
  if (ring || ring.error().code != ErrorCode::kPermission ||
      !std::filesystem::exists(next_to(master_key_file), ignored))
    return ring;
  RL_ASSIGN(const MasterKey next, read_master_key(next_to(master_key_file)));
  return KeyRing::open(directory, next);
}

Result<std::unique_ptr<KeyRing>> open_ring_to_write(const std::filesystem::path& directory,
                                                    const std::filesystem::path& master_key_file) {
  RL_ASSIGN(const MasterKey master, read_master_key(master_key_file));
  auto ring = KeyRing::open(directory, master);
  std::error_code ignored;
  if (!ring && ring.error().code == ErrorCode::kPermission &&
      std::filesystem::exists(next_to(master_key_file), ignored)) {
    RL_ASSIGN(const MasterKey next, read_master_key(next_to(master_key_file)));
    ring = KeyRing::open(directory, next);
    if (ring) RL_TRY(replace_file(master_key_file));
  }
  // Only now: it removes the key that is not in the file's place.
  if (ring) RL_TRY(finish_replacing(master_key_file));
  return ring;
}

std::vector<MasterKey> present_master_keys(const std::filesystem::path& file) {
  std::vector<MasterKey> out;
  for (const auto& path : {file, next_to(file)}) {
    if (const auto key = read_master_key(path)) out.push_back(*key);
  }
  return out;
}

Status put_master_key(const std::filesystem::path& file, const MasterKey& key) {
  std::error_code ignored;
  if (!std::filesystem::exists(file, ignored)) return write_master_key(file, key);
  RL_ASSIGN(const auto left, key_left_by(file));
  if (left && left->view() == key.view()) return exchange(file);
  RL_TRY(finish_replacing(file));
  RL_TRY(write_master_key(next_to(file), key));
  return exchange(file);
}

Status KeyKeeper::rotate() {
  const std::lock_guard one_at_a_time(rotating_);
  if (!has_file())
    return fail(ErrorCode::kInvalid,
                "a command gives the master key: make a new one there, and say in which file it "
                "can be read once (--new-key-file)");
  RL_ASSIGN(const auto left, key_left_by(master_key_file_));
  RL_ASSIGN(const bool is_in_use, left ? ring_.is_wrapped_with(*left) : Result<bool>(false));
  if (is_in_use) RL_TRY(replace_file(master_key_file_));
  // Of the two, the one that is not in use goes.
  RL_TRY(finish_replacing(master_key_file_));
  // Durable before the ring takes it; open_ring() finds it should this end in between.
  RL_ASSIGN(const MasterKey key, generate_master_key(next_to(master_key_file_)));
  RL_TRY(ring_.rotate_master(key));
  return exchange(master_key_file_);
}

Status KeyKeeper::rotate_to(const MasterKey& next) {
  const std::lock_guard one_at_a_time(rotating_);
  if (has_file())
    return fail(ErrorCode::kInvalid, "the master key is in a file, where a new one is put: leave out --new-key-file");
  return ring_.rotate_master(next);
}

}  // namespace rowledger::privacy
