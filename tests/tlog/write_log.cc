// Writes a log in the layout of C2SP tlog-tiles, for the check by other people's code (main.go):
//   write_log DIR SIZE [OLD_SIZE]
// DIR gets checkpoint, tile/, tile/entries/ and some proofs/SEQ.tlog-proof; the verifier key goes to standard output.
// With OLD_SIZE, there are also checkpoints of the same key: DIR/old_checkpoint is what the log had signed at that
// size, DIR/forked_checkpoint is of other entries, DIR/longer_checkpoint of a log with one entry more.
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>

#include "base/check.h"
#include "ledger/tile_tree.h"
#include "ledger/tlog_layout.h"
#include "ledger/tlog_proof.h"
#include "ledger/tree_edge.h"

namespace rowledger::ledger {
namespace {

namespace fs = std::filesystem;

class MemoryTiles : public TileSource {
 public:
  Result<std::string> read_tile(TileId id) const override { return tiles.at(id); }
  std::map<TileId, std::string> tiles;
};

// Of all lengths from none on; a few are as long as an entry can be.
std::string entry_at(uint64_t index) {
  if (index % 20'000 == 19'999) return std::string(kMaxEntryBytes, 'e');
  return "entry " + std::to_string(index) + std::string(index * index % 300, '.');
}

void write_file(const fs::path& path, std::string_view bytes) {
  fs::create_directories(path.parent_path());
  std::ofstream file(path, std::ios::binary);
  file << bytes;
  CHECK(file.flush().good());
}

void write_log(const fs::path& directory, uint64_t size, const char* old_size) {
  const SigningKey key = SigningKey::generate("rowledger.example/written-by-a-test").value();
  MemoryTiles tiles;
  TreeEdge edge;
  for (uint64_t i = 0; i < size; ++i)
    edge.append(leaf_hash(entry_at(i)), [&](TileId id, std::string_view bytes) { tiles.tiles.emplace(id, bytes); });
  const TileTree tree(tiles, edge);
  const SignedCheckpoint checkpoint = sign_checkpoint({size}, edge.root(), key);
  const auto written = write_tlog_layout(
      checkpoint, tree,
      [](LeafIndex first, uint32_t count) -> Result<std::vector<std::string>> {
        std::vector<std::string> out;
        for (uint64_t i = first.value; i < first.value + count; ++i) out.push_back(entry_at(i));
        return out;
      },
      [&](const std::string& path, std::string_view bytes) -> Status {
        write_file(directory / path, bytes);
        return {};
      });
  CHECK(written.has_value());
  for (uint64_t index = 0; index < size; index = index * 2 + 1) {
    const TlogProof proof{{index}, *tree.prove_inclusion({index}, {size}), checkpoint.encode(), ""};
    write_file(directory / "proofs" / (std::to_string(index) + ".tlog-proof"), format_tlog_proof(proof));
  }
  if (old_size != nullptr) {
    const TreeSize old{std::strtoull(old_size, nullptr, 10)};
    write_file(directory / "old_checkpoint", sign_checkpoint(old, tree.root(old).value(), key).encode());
    const Digest other = leaf_hash("another history");
    if (old.value > 0) write_file(directory / "forked_checkpoint", sign_checkpoint(old, other, key).encode());
    write_file(directory / "longer_checkpoint", sign_checkpoint({size + 1}, other, key).encode());
  }
  std::printf("%s\n", key.verifier().format().c_str());
}

}  // namespace
}  // namespace rowledger::ledger

int main(int argc, char** argv) {
  if (argc < 3 || argc > 4) {
    std::fprintf(stderr, "usage: write_log DIR SIZE [OLD_SIZE]\n");
    return 2;
  }
  rowledger::ledger::write_log(argv[1], std::strtoull(argv[2], nullptr, 10), argc > 3 ? argv[3] : nullptr);
  return 0;
}
