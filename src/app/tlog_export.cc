#include "app/tlog_export.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/write_all.h"
#include "ledger/tlog_layout.h"

namespace rowledger::app {
namespace {

// The resources below /tlog/, from the daemon or from the store.
class AskedTiles final : public ledger::TileSource {
 public:
  explicit AskedTiles(Client& client) : client_(client) {}
  Result<std::string> read_tile(ledger::TileId id) const override {
    return client_.get("/tlog/" + ledger::tile_path(id));
  }
  Result<std::vector<std::string>> entries(uint64_t first, uint32_t count) const {
    RL_ASSIGN(const std::string bundle,
              client_.get("/tlog/" + ledger::entries_path(first / ledger::kTileWidth, count)));
    RL_ASSIGN(const auto views, ledger::decode_bundle(bundle, count));
    return std::vector<std::string>(views.begin(), views.end());
  }

 private:
  Client& client_;
};

Status prepare(const std::filesystem::path& directory) {
  std::error_code error;
  if (std::filesystem::exists(directory, error) && !std::filesystem::is_empty(directory, error))
    return fail(ErrorCode::kInvalid, fmt::format("{} is there already, and not empty", directory.string()));
  std::filesystem::create_directories(directory, error);
  if (error) return fail(ErrorCode::kIo, fmt::format("cannot make {}: {}", directory.string(), error.message()));
  return {};
}

Result<ledger::TreeEdge> edge_of(const AskedTiles& tiles, uint64_t size) {
  std::string last;
  if (const auto count = static_cast<uint32_t>(size % ledger::kTileWidth)) {
    RL_ASSIGN(const auto entries, tiles.entries(size - count, count));
    for (const std::string& entry : entries) last.append(as_view(ledger::leaf_hash(entry)));
  }
  return ledger::TreeEdge::restore({size}, last, tiles);
}

}  // namespace

Result<uint64_t> write_tlog(Client& client, const ledger::VerifierKey& key, const std::filesystem::path& directory,
                            ProgressBar& bar) {
  RL_TRY(prepare(directory));
  RL_ASSIGN(const std::string note, client.get("/tlog/checkpoint"));
  RL_ASSIGN(const auto checkpoint, ledger::open_checkpoint(note, {&key, 1}));
  const uint64_t size = checkpoint.checkpoint.size.value;
  const AskedTiles tiles(client);
  RL_ASSIGN(const ledger::TreeEdge edge, edge_of(tiles, size));
  const auto read = [&](ledger::LeafIndex first, uint32_t count) {
    bar.show("entries", first.value, size);
    return tiles.entries(first.value, count);
  };
  const auto write = [&](const std::string& path, std::string_view bytes) -> Status {
    const auto file = directory / path;
    std::error_code error;
    std::filesystem::create_directories(file.parent_path(), error);
    return write_new_file(file, bytes);
  };
  RL_TRY(ledger::write_tlog_layout(checkpoint, ledger::TileTree(tiles, edge), read, write));
  return size;
}

Status write_new_file(const std::filesystem::path& file, std::string_view bytes, unsigned mode) {
  const int fd = ::open(file.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
  bool written = fd >= 0 && write_all(fd, bytes);
  const int error = errno;
  if (fd >= 0 && ::close(fd) != 0) written = false;
  if (written) return {};
  return fail(error == EEXIST ? ErrorCode::kInvalid : ErrorCode::kIo,
              fmt::format("cannot write {}: {}", file.string(), std::strerror(error)));
}

}  // namespace rowledger::app
