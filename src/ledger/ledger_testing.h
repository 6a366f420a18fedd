#pragma once
// For the room's tests: a tree made the slow way, straight from RFC 6962's definitions, and tiles in memory.
#include <cstdlib>
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "base/check.h"
#include "base/crypto.h"
#include "ledger/note_key.h"
#include "ledger/tile.h"
#include "ledger/tile_source.h"
#include "ledger/tree.h"
#include "ledger/tree_edge.h"

namespace rowledger::ledger::testing {

inline std::string entry_at(uint64_t index) { return "entry " + std::to_string(index); }

inline Digest digest_of(std::string_view hex) {
  const auto bytes = from_hex(hex);
  CHECK(bytes.has_value() && bytes->size() == kHashBytes);
  return digest_at(*bytes, 0);
}

// MTH, PATH and PROOF of RFC 6962 section 2.1, by recursion over the leaves. Shares no code with the room but the
// two hash functions.
class NaiveTree {
 public:
  void append(const Digest& leaf) { leaves_.push_back(leaf); }
  uint64_t size() const { return leaves_.size(); }
  const Digest& leaf(uint64_t index) const { return leaves_.at(index); }

  Digest root(uint64_t n) { return n == 0 ? sha256(std::string_view()) : mth(0, n); }
  std::vector<Digest> path(uint64_t m, uint64_t n) { return path(m, 0, n); }
  std::vector<Digest> proof(uint64_t m, uint64_t n) { return m == 0 ? std::vector<Digest>() : subproof(m, 0, n, true); }
  Digest mth(uint64_t begin, uint64_t end) {
    if (end - begin == 1) return leaves_.at(begin);
    const auto key = std::pair(begin, end);
    if (const auto known = known_.find(key); known != known_.end()) return known->second;
    const uint64_t k = half(end - begin);
    return known_[key] = node_hash(mth(begin, begin + k), mth(begin + k, end));
  }

 private:
  static uint64_t half(uint64_t n) {
    uint64_t k = 1;
    while (k * 2 < n) k *= 2;
    return k;
  }
  std::vector<Digest> path(uint64_t m, uint64_t begin, uint64_t n) {
    if (n == 1) return {};
    const uint64_t k = half(n);
    auto out = m < k ? path(m, begin, k) : path(m - k, begin + k, n - k);
    out.push_back(m < k ? mth(begin + k, begin + n) : mth(begin, begin + k));
    return out;
  }
  std::vector<Digest> subproof(uint64_t m, uint64_t begin, uint64_t n, bool known) {
    if (m == n) return known ? std::vector<Digest>() : std::vector<Digest>{mth(begin, begin + n)};
    const uint64_t k = half(n);
    auto out = m <= k ? subproof(m, begin, k, known) : subproof(m - k, begin + k, n - k, false);
    out.push_back(m <= k ? mth(begin + k, begin + n) : mth(begin, begin + k));
    return out;
  }

  std::vector<Digest> leaves_;
  std::map<std::pair<uint64_t, uint64_t>, Digest> known_;
};

class MemoryTiles : public TileSource {
 public:
  TileSink sink() {
    return [this](TileId id, std::string_view bytes) {
      CHECK(bytes.size() == kTileBytes);
      CHECK(tiles.emplace(id, bytes).second);
    };
  }
  Result<std::string> read_tile(TileId id) const override {
    ++reads;
    const auto found = tiles.find(id);
    if (found == tiles.end()) return fail(ErrorCode::kCorrupt, tile_path(id) + " is missing");
    return found->second;
  }

  std::map<TileId, std::string> tiles;
  mutable size_t reads = 0;
};

// A tree of entry_at(0), entry_at(1), ... in all its forms.
struct TestTree {
  MemoryTiles tiles;
  TreeEdge edge;
  NaiveTree naive;

  void grow_to(uint64_t size) {
    while (edge.size().value < size) {
      const Digest leaf = leaf_hash(entry_at(edge.size().value));
      edge.append(leaf, tiles.sink());
      naive.append(leaf);
    }
  }
};

// Always the same, so that what it signs can stand in a file. It protects nothing.
inline SigningKey test_key(std::string_view name = "rowledger.example/test") {
  auto key = SigningKey::from_seed(name, "a seed of 32 bytes, for tests...");
  CHECK(key.has_value());
  return std::move(*key);
}

// A file of tests/golden/ledger. Formats that others read do not change by accident: what is meant to change is
// written anew by running the test with ROWLEDGER_WRITE_GOLDEN=1, and looked at.
inline std::string golden(const std::string& name, std::string_view now) {
  const std::string path = "tests/golden/ledger/" + name;
  if (std::getenv("ROWLEDGER_WRITE_GOLDEN") != nullptr) std::ofstream(path, std::ios::binary) << now;
  std::ostringstream out;
  out << std::ifstream(path, std::ios::binary).rdbuf();
  return out.str();
}

}  // namespace rowledger::ledger::testing
