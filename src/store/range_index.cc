#include "store/range_index.h"

#include <roaring/roaring.h>

#include <algorithm>
#include <mutex>

#include "base/bytes.h"
#include "base/check.h"
#include "store/token_filter.h"

namespace rowledger::store {
namespace {

constexpr uint8_t kIndexVersion = 2;  // 1: all tenants' tokens had one key
// When so many have gathered they are sorted and packed; 4 MiB of memory.
constexpr size_t kTokensBeforePacking = 512 << 10;
// Whose keys are kept. Searches may name tenants that there are not.
constexpr size_t kMostKnownTenants = 1 << 16;

enum RecordType : char { kSummary = 0, kBitmap = 1, kTokens = 2, kTokenFilter = 3 };

Result<void> malformed_index() { return fail(ErrorCode::kCorrupt, "a record of the index is malformed"); }

void append_bounds(const Bounds& bounds, std::string& out) {
  ByteWriter writer(out);
  writer.u64(static_cast<uint64_t>(bounds.from.us));
  writer.u64(static_cast<uint64_t>(bounds.to.us));
  writer.u32(bounds.xid_min);
  writer.u32(bounds.xid_max);
}

// By token, then position: positions ascend already, so two stable passes over the token's halves do.
void sort_tokens(std::vector<uint64_t>& tokens) {
  constexpr unsigned kHalf = kTokenBits / 2;
  std::vector<uint64_t> other(tokens.size());
  for (const unsigned shift : {16u, 16u + kHalf}) {
    std::array<uint32_t, 1 << kHalf> at{};
    auto digit = [shift](uint64_t t) { return t >> shift & ((1u << kHalf) - 1); };
    for (const uint64_t t : tokens) ++at[digit(t)];
    uint32_t sum = 0;
    for (uint32_t& n : at) sum += std::exchange(n, sum);
    for (const uint64_t t : tokens) other[at[digit(t)]++] = t;
    tokens.swap(other);
  }
}

// token: as in RangeIndex::tokens_, with its position.
bool is_dropped(uint64_t token, const KeptTokens& erased) {
  const auto found = erased.find(static_cast<uint16_t>(token));
  return found != erased.end() &&
         std::ranges::find(found->second, static_cast<Token>(token >> 16)) == found->second.end();
}

// Calls visit(token, position) for each in the block until it returns false.
template <class Visit>
Result<void> read_block(uint8_t block, std::string_view record, const Visit& visit) {
  if (record.empty()) return {};
  ByteReader reader(record);
  if (reader.u8() != kIndexVersion) reader.fail();
  uint64_t token = Token{block} << (kTokenBits - kTokenBlockBits), position = 0;
  for (bool first = true; !reader.at_end(); first = false) {
    const uint64_t step = reader.varint();
    token += step;
    position = !first && step == 0 ? position + reader.varint() : reader.u16();
    if (position >= Store::kIndexRange || token >> kTokenBits != 0) reader.fail();
    if (!reader.ok()) return malformed_index();
    if (!visit(static_cast<Token>(token), static_cast<uint16_t>(position))) return {};
  }
  return reader.ok() ? Result<void>() : malformed_index();
}

}  // namespace

void Bounds::add(Timestamp committed_at, std::optional<uint32_t> xid) {
  from = std::min(from, committed_at);
  to = std::max(to, committed_at);
  if (xid) {
    xid_min = std::min(xid_min, *xid);
    xid_max = std::max(xid_max, *xid);
  }
}

// ---- sets -----------------------------------------------------------------------------------

void PositionSet::set_range(size_t begin, size_t end) {
  for (size_t i = begin; i < end; ++i) set(static_cast<uint16_t>(i));
}

void PositionSet::operator&=(const PositionSet& other) {
  for (size_t i = 0; i < words_.size(); ++i) words_[i] &= other.words_[i];
}

void PositionSet::operator|=(const PositionSet& other) {
  for (size_t i = 0; i < words_.size(); ++i) words_[i] |= other.words_[i];
}

void PositionSet::invert(size_t count) {
  for (size_t i = 0; i < words_.size(); ++i) {
    const size_t begin = i * 64;
    const uint64_t all = count >= begin + 64 ? ~uint64_t{0} : count <= begin ? 0 : (uint64_t{1} << (count - begin)) - 1;
    words_[i] = ~words_[i] & all;
  }
}

size_t PositionSet::count() const {
  size_t out = 0;
  for (const uint64_t word : words_) out += static_cast<size_t>(__builtin_popcountll(word));
  return out;
}

std::vector<Seq> PositionSet::seqs(uint64_t range) const {
  std::vector<Seq> out;
  for (size_t i = 0; i < words_.size(); ++i)
    for (uint64_t word = words_[i]; word != 0; word &= word - 1)
      out.push_back({range * Store::kIndexRange + i * 64 + static_cast<size_t>(__builtin_ctzll(word))});
  return out;
}

TokenKeys::TokenKeys(const ShortHashKey& installation)
    : hmac_({reinterpret_cast<const char*>(installation.bytes.data()), installation.bytes.size()}) {}

ShortHashKey TokenKeys::of(std::string_view tenant) const {
  {
    const std::shared_lock lock(mutex_);
    if (const auto found = known_.find(tenant); found != known_.end()) return found->second;
  }
  const Digest digest = hmac_("rowledger tenant's tokens v1", tenant);
  ShortHashKey out;
  std::copy_n(digest.begin(), out.bytes.size(), out.bytes.begin());
  const std::unique_lock lock(mutex_);
  if (known_.size() < kMostKnownTenants) known_.emplace(tenant, out);
  return out;
}

Token token_of(const ShortHashKey& key, std::string_view dimension_and_value) {
  return static_cast<Token>(short_hash(key, dimension_and_value) & ((1u << kTokenBits) - 1));
}

Token token_of(const ShortHashKey& key, const Term& term) {
  std::string bytes(1, static_cast<char>(term.dimension));
  bytes += term.value;
  return token_of(key, bytes);
}

// ---- in memory ------------------------------------------------------------------------------

void RangeIndex::add(const Batch& batch, size_t from, size_t to) {
  seen_.clear();  // positions in another batch's arena mean nothing
  const std::vector<Batch::TermRef>& terms = batch.terms();
  for (size_t i = from; i < to; ++i) {
    const Batch::Item& item = batch.items()[i];
    CHECK(item.seq.value == range_ * Store::kIndexRange + count_);
    const auto position = static_cast<uint16_t>(count_++);
    bounds_[position / kBundleEntries].add(item.committed_at, item.xid);
    if (seen_.size() < item.terms_count) seen_.resize(item.terms_count);
    uint32_t tenant = 0;  // its term stands before the tokens'
    ShortHashKey key = no_tenant_key_;
    for (size_t t = 0; t < item.terms_count; ++t) {
      const Batch::TermRef& term = terms[item.terms_at + t];
      if (term.dimension == Dimension::kTx) continue;  // found by the bundles' bounds
      Seen& seen = seen_[t];
      const bool known = seen.at == term.at;  // never 0 in a batch: a dimension stands before
      seen.at = term.at;
      if (is_token(term.dimension)) {
        if (!known || seen.tenant != tenant) seen.token = token_of(key, batch.term_bytes(term));
        seen.tenant = tenant;
        tokens_.push_back(uint64_t{seen.token} << 16 | position);
      } else {
        if (!known) seen.posting = posting_of(batch.term_bytes(term));
        if (term.dimension == Dimension::kTenant) {
          tenant = term.at;
          key = postings_[seen.posting].token_key;
        }
        std::vector<uint16_t>& positions = postings_[seen.posting].positions;
        if (positions.empty() || positions.back() != position) positions.push_back(position);
      }
    }
    if (tokens_.size() >= kTokensBeforePacking) pack_tokens();
  }
}

uint32_t RangeIndex::posting_of(std::string_view dimension_and_value) {
  const auto [at, is_new] =
      posting_ids_.try_emplace(std::string(dimension_and_value), static_cast<uint32_t>(postings_.size()));
  if (is_new) {
    Posting& posting = postings_.emplace_back();
    posting.dimension = static_cast<Dimension>(dimension_and_value[0]);
    posting.value = dimension_and_value.substr(1);
    if (posting.dimension == Dimension::kTenant) posting.token_key = keys_.of(posting.value);
  }
  return at->second;
}

void RangeIndex::pack_tokens() {
  if (tokens_.empty()) return;
  sort_tokens(tokens_);
  TokenBlocks& blocks = packed_.emplace_back();
  const uint64_t* at = tokens_.data();
  const uint64_t* const end = at + tokens_.size();
  for (size_t block = 0; block < blocks.size(); ++block) {
    const uint64_t* const begin = at;
    while (at != end && token_block(static_cast<Token>(*at >> 16)) == block) ++at;
    encode_token_block(static_cast<uint8_t>(block), begin, at, blocks[block]);
  }
  tokens_.clear();
}

Result<void> RangeIndex::drop_tokens(const KeptTokens& erased) {
  std::erase_if(tokens_, [&](uint64_t token) { return is_dropped(token, erased); });
  for (TokenBlocks& blocks : packed_) {
    for (size_t block = 0; block < blocks.size(); ++block) {
      RL_ASSIGN(std::optional<std::string> left, without_dropped(static_cast<uint8_t>(block), blocks[block], erased));
      if (left) blocks[block] = std::move(*left);
    }
  }
  return {};
}

Result<void> RangeIndex::bitmap(const Term& term, PositionSet& out) const {
  std::string key(1, static_cast<char>(term.dimension));
  const auto found = posting_ids_.find(key += term.value);
  if (found != posting_ids_.end())
    for (const uint16_t position : postings_[found->second].positions) out.set(position);
  return {};
}

Result<void> RangeIndex::tokens(std::span<const Token> wanted, const TokenVisit& visit) const {
  if (wanted.empty()) return {};
  for (const TokenBlocks& blocks : packed_)
    RL_TRY(for_each_block(wanted, [&](uint8_t block, std::span<const Token> of_it) {
      return read_token_block(block, blocks[block], of_it, visit);
    }));
  // Of hundreds of thousands hardly any passes.
  constexpr unsigned kSieveBits = 4'096;
  std::bitset<kSieveBits> sieve;
  for (const Token token : wanted) sieve.set(token % kSieveBits);
  for (const uint64_t t : tokens_) {
    const auto token = static_cast<Token>(t >> 16);
    if (sieve[token % kSieveBits] && std::ranges::binary_search(wanted, token)) visit(token, static_cast<uint16_t>(t));
  }
  return {};
}

void RangeIndex::xid(uint32_t xid, PositionSet& out) const {
  positions_of_xid(bounds_.data(), (count_ + kBundleEntries - 1) / kBundleEntries, xid, out);
}

Result<void> RangeIndex::each_bitmap(Dimension dimension,
                                     const std::function<void(std::string_view, const PositionSet&)>& visit) const {
  for (const Posting& posting : postings_) {
    if (posting.dimension != dimension) continue;
    PositionSet set;
    for (const uint16_t position : posting.positions) set.set(position);
    visit(posting.value, set);
  }
  return {};
}

Result<void> RangeIndex::values_of(Dimension dimension, const std::function<void(std::string_view)>& visit) const {
  for (const Posting& posting : postings_)
    if (posting.dimension == dimension) visit(posting.value);
  return {};
}

std::vector<std::pair<std::string, std::string>> RangeIndex::records() {
  CHECK(complete());
  std::vector<std::pair<std::string, std::string>> out;
  std::string summary(1, static_cast<char>(kIndexVersion));
  for (const Bounds& bounds : bounds_) append_bounds(bounds, summary);
  out.emplace_back(summary_key(), std::move(summary));
  std::vector<uint32_t> wide;
  for (const Posting& posting : postings_) {
    wide.assign(posting.positions.begin(), posting.positions.end());
    roaring_bitmap_t* bitmap = roaring_bitmap_of_ptr(wide.size(), wide.data());
    CHECK(bitmap != nullptr);
    roaring_bitmap_run_optimize(bitmap);
    std::string record(roaring_bitmap_portable_size_in_bytes(bitmap), '\0');
    roaring_bitmap_portable_serialize(bitmap, record.data());
    roaring_bitmap_free(bitmap);
    out.emplace_back(bitmap_key(posting.dimension, posting.value), std::move(record));
  }
  pack_tokens();
  size_t bytes = 0;
  for (const TokenBlocks& blocks : packed_)
    for (const std::string& block : blocks) bytes += block.size();
  TokenFilter filter(bytes / kBytesAToken);
  for (size_t segment = 0; segment < packed_.size(); ++segment) {
    for (size_t block = 0; block < packed_[segment].size(); ++block) {
      if (packed_[segment][block].empty()) continue;
      CHECK(read_token_block(static_cast<uint8_t>(block), packed_[segment][block], [&](Token token, uint16_t) {
              filter.add(token);
            }).has_value());
      std::string key = token_key_prefix(static_cast<uint8_t>(block));
      ByteWriter(key).u16(static_cast<uint16_t>(segment));
      out.emplace_back(std::move(key), packed_[segment][block]);
    }
  }
  out.emplace_back(token_filter_key(), filter.record());
  std::sort(out.begin(), out.end());
  return out;
}

// ---- stored form ----------------------------------------------------------------------------

std::string summary_key() { return std::string(1, kSummary); }

std::string bitmap_key(Dimension dimension, std::string_view value) {
  std::string key{kBitmap, static_cast<char>(dimension)};
  // Role names and the like are short; a tenant may be any text, and a key has no use for more of it.
  return key.append(value);
}

std::string token_filter_key() { return std::string(1, kTokenFilter); }

std::string token_key_prefix(uint8_t block) { return {kTokens, static_cast<char>(block)}; }

Result<std::vector<Bounds>> decode_summary(std::string_view record) {
  ByteReader reader(record);
  std::vector<Bounds> out(Store::kIndexRange / kBundleEntries);
  if (reader.u8() != kIndexVersion) reader.fail();
  for (Bounds& bounds : out) {
    bounds.from = {static_cast<int64_t>(reader.u64())};
    bounds.to = {static_cast<int64_t>(reader.u64())};
    bounds.xid_min = reader.u32();
    bounds.xid_max = reader.u32();
  }
  if (!reader.ok() || !reader.at_end()) return fail(malformed_index().error());
  return out;
}

Result<void> read_bitmap(std::string_view record, PositionSet& out) {
  roaring_bitmap_t* bitmap = roaring_bitmap_portable_deserialize_safe(record.data(), record.size());
  if (bitmap == nullptr) return malformed_index();
  bool in_range = true;
  auto visit = [](uint32_t position, void* into) {
    if (position >= Store::kIndexRange) return false;
    static_cast<PositionSet*>(into)->set(static_cast<uint16_t>(position));
    return true;
  };
  in_range = roaring_iterate(bitmap, visit, &out);
  roaring_bitmap_free(bitmap);
  return in_range ? Result<void>() : malformed_index();
}

// Per token: varint of the difference to the token before; when 0, a varint of the difference to the position
// before, else the position in two bytes.
void encode_token_block(uint8_t block, const uint64_t* begin, const uint64_t* end, std::string& out) {
  if (begin == end) return;
  ByteWriter writer(out);
  writer.u8(kIndexVersion);
  Token token = static_cast<Token>(block) << (kTokenBits - kTokenBlockBits);
  uint16_t position = 0;
  bool first = true;
  for (const uint64_t* at = begin; at != end; ++at) {
    const auto next = static_cast<Token>(*at >> 16);
    const auto next_position = static_cast<uint16_t>(*at);
    if (!first && next == token && next_position == position) continue;
    // The first token of a block may have difference 0 although no position stands before it.
    writer.varint(next - token);
    if (!first && next == token) {
      writer.varint(next_position - position);
    } else {
      writer.u16(next_position);
    }
    token = next;
    position = next_position;
    first = false;
  }
}

Result<void> read_token_block(uint8_t block, std::string_view record, const TokenVisit& visit) {
  return read_block(block, record, [&](Token token, uint16_t position) {
    visit(token, position);
    return true;
  });
}

Result<void> read_token_block(uint8_t block, std::string_view record, std::span<const Token> wanted,
                              const TokenVisit& visit) {
  return read_block(block, record, [&](Token token, uint16_t position) {
    while (!wanted.empty() && wanted.front() < token) wanted = wanted.subspan(1);
    if (!wanted.empty() && wanted.front() == token) visit(token, position);
    return !wanted.empty();
  });
}

Result<std::optional<std::string>> without_dropped(uint8_t block, std::string_view record, const KeptTokens& erased) {
  std::vector<uint64_t> left;
  bool dropped = false;
  RL_TRY(read_block(block, record, [&](Token token, uint16_t position) {
    const uint64_t both = uint64_t{token} << 16 | position;
    if (is_dropped(both, erased)) {
      dropped = true;
    } else {
      left.push_back(both);
    }
    return true;
  }));
  if (!dropped) return std::nullopt;
  std::string out;
  encode_token_block(block, left.data(), left.data() + left.size(), out);
  return std::optional<std::string>(std::move(out));
}

void positions_of_xid(const Bounds* begin, size_t bundles, uint32_t xid, PositionSet& out) {
  for (size_t i = 0; i < bundles; ++i)
    if (begin[i].xid_min <= xid && xid <= begin[i].xid_max) out.set_range(i * kBundleEntries, (i + 1) * kBundleEntries);
}

}  // namespace rowledger::store
