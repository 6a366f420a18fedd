#pragma once
// The index of one range of 65,536 entries: bitmaps and tokens, in memory while the range grows, as stored
// records once it is complete (docs/format/store.md). No database here.
#include <array>
#include <bitset>
#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <optional>
#include <shared_mutex>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/crypto.h"
#include "base/result.h"
#include "base/time.h"
#include "store/bundle.h"
#include "store/store.h"

namespace rowledger::store {

// What can be said of a bundle without reading it: when its entries were committed, by which xids.
struct Bounds {
  Timestamp from{std::numeric_limits<int64_t>::max()}, to{std::numeric_limits<int64_t>::min()};
  uint32_t xid_min = std::numeric_limits<uint32_t>::max(), xid_max = 0;

  void add(Timestamp committed_at, std::optional<uint32_t> xid);
  bool operator==(const Bounds&) const = default;
};

// One bit for each entry of a range.
class PositionSet {
 public:
  void set(uint16_t position) { words_[position >> 6] |= uint64_t{1} << (position & 63); }
  void set_range(size_t begin, size_t end);
  void operator&=(const PositionSet& other);
  void operator|=(const PositionSet& other);
  // What of [0, count) is not in it.
  void invert(size_t count);
  bool has(uint16_t position) const { return (words_[position >> 6] >> (position & 63) & 1) != 0; }
  size_t count() const;
  std::vector<Seq> seqs(uint64_t range) const;

 private:
  std::array<uint64_t, Store::kIndexRange / 64> words_{};
};

// A token is a keyed hash, cut to 24 bits: 65,536 entries with ten tokens each give a lookup about 4 false
// entries in 100 ranges, at a third of the size.
using Token = uint32_t;
Token token_of(const ShortHashKey& key, std::string_view dimension_and_value);
Token token_of(const ShortHashKey& key, const Term& term);

// Each tenant's tokens are made with a key of its own, those of entries without a tenant with that of the empty name:
// so the index does not show that two tenants know the same person. Const use from any thread.
class TokenKeys {
 public:
  explicit TokenKeys(const ShortHashKey& installation);
  ShortHashKey of(std::string_view tenant) const;

 private:
  const HmacSha256 hmac_;
  mutable std::shared_mutex mutex_;
  mutable std::map<std::string, ShortHashKey, std::less<>> known_;  // a search asks for each tenant's in each range
};

// Tokens are stored in blocks by their first bits, so that one lookup reads little.
inline constexpr unsigned kTokenBits = 24, kTokenBlockBits = 7;
// Of a block, at least, for a token that stands there once.
inline constexpr size_t kBytesAToken = 3;
constexpr uint8_t token_block(Token token) { return static_cast<uint8_t>(token >> (kTokenBits - kTokenBlockBits)); }

// Of positions whose values were erased: the tokens that what is left of the entry still has.
using KeptTokens = std::unordered_map<uint16_t, std::vector<Token>>;

using TokenVisit = std::function<void(Token, uint16_t position)>;

// What answers for one range, in memory or stored.
class RangeTerms {
 public:
  virtual ~RangeTerms() = default;
  virtual size_t count() const = 0;  // entries in the range
  virtual Result<void> bitmap(const Term& term, PositionSet& out) const = 0;
  // Calls visit for each place of each of these tokens (ascending, each once).
  virtual Result<void> tokens(std::span<const Token> wanted, const TokenVisit& visit) const = 0;
  // Positions of the bundles that may have the xid.
  virtual void xid(uint32_t xid, PositionSet& out) const = 0;
  // Each value of a bitmap dimension with where it is.
  virtual Result<void> each_bitmap(Dimension dimension,
                                   const std::function<void(std::string_view, const PositionSet&)>& visit) const = 0;
  // Each value of a bitmap dimension.
  virtual Result<void> values_of(Dimension dimension, const std::function<void(std::string_view)>& visit) const = 0;
};

Result<PositionSet> evaluate(const Filter& filter, const RangeTerms& terms, const TokenKeys& keys);

// Written by the append thread, read under the store's lock.
class RangeIndex final : public RangeTerms {
 public:
  // keys outlives it.
  RangeIndex(uint64_t range, const TokenKeys& keys) : range_(range), keys_(keys), no_tenant_key_(keys.of({})) {}

  // Adds the items [from, to) of the batch, which all lie in this range and follow what is there.
  void add(const Batch& batch, size_t from, size_t to);

  uint64_t range() const { return range_; }
  bool complete() const { return count_ == Store::kIndexRange; }
  size_t count() const override { return count_; }
  Result<void> bitmap(const Term& term, PositionSet& out) const override;
  Result<void> tokens(std::span<const Token> wanted, const TokenVisit& visit) const override;
  void xid(uint32_t xid, PositionSet& out) const override;
  Result<void> each_bitmap(Dimension dimension,
                           const std::function<void(std::string_view, const PositionSet&)>& visit) const override;
  Result<void> values_of(Dimension dimension, const std::function<void(std::string_view)>& visit) const override;

  // Forgets the tokens of the positions that `erased` names, but for those that it keeps.
  Result<void> drop_tokens(const KeptTokens& erased);

  // The records of the complete range, keys without the range's number.
  std::vector<std::pair<std::string, std::string>> records();

 private:
  struct Posting {
    Dimension dimension;
    std::string value;
    std::vector<uint16_t> positions;
    ShortHashKey token_key{};  // kTenant
  };
  // What was seen last at the same place of an entry's terms.
  struct Seen {
    uint32_t at = 0;
    uint32_t posting = 0;  // of bitmap terms
    uint32_t tenant = 0;   // whose token it is: where its term stands; 0: nobody's
    Token token = 0;
  };
  using TokenBlocks = std::array<std::string, 1 << kTokenBlockBits>;

  uint32_t posting_of(std::string_view dimension_and_value);
  void add_token(Token token, uint16_t position);
  void pack_tokens();

  const uint64_t range_;
  const TokenKeys& keys_;
  const ShortHashKey no_tenant_key_;
  size_t count_ = 0;
  std::vector<Posting> postings_;
  std::unordered_map<std::string, uint32_t> posting_ids_;  // by dimension byte and value
  std::vector<Seen> seen_;
  std::vector<uint64_t> tokens_;  // token << 16 | position, not packed yet
  std::vector<TokenBlocks> packed_;
  std::array<Bounds, Store::kIndexRange / kBundleEntries> bounds_;
};

// ---- stored form ----------------------------------------------------------------------------
std::string summary_key();
std::string bitmap_key(Dimension dimension, std::string_view value);
std::string token_key_prefix(uint8_t block);
std::string token_filter_key();  // token_filter.h

Result<std::vector<Bounds>> decode_summary(std::string_view record);
Result<void> read_bitmap(std::string_view record, PositionSet& out);
// wanted: ascending, all of them of this block.
Result<void> read_token_block(uint8_t block, std::string_view record, std::span<const Token> wanted,
                              const TokenVisit& visit);
// Calls visit for each token of a block with its place.
Result<void> read_token_block(uint8_t block, std::string_view record, const TokenVisit& visit);
// Calls read(block, of it) for each block that has some of the wanted tokens.
template <class Read>
Result<void> for_each_block(std::span<const Token> wanted, const Read& read) {
  while (!wanted.empty()) {
    const uint8_t block = token_block(wanted.front());
    size_t count = 1;
    while (count < wanted.size() && token_block(wanted[count]) == block) ++count;
    RL_TRY(read(block, wanted.first(count)));
    wanted = wanted.subspan(count);
  }
  return {};
}

// A block without what KeptTokens drops; nothing when it has none of that.
Result<std::optional<std::string>> without_dropped(uint8_t block, std::string_view record, const KeptTokens& erased);

void encode_token_block(uint8_t block, const uint64_t* begin, const uint64_t* end, std::string& out);

// Positions of the bundles whose bounds include the xid.
void positions_of_xid(const Bounds* begin, size_t bundles, uint32_t xid, PositionSet& out);

}  // namespace rowledger::store
