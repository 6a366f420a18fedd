#include "ledger/tile.h"

#include <fmt/format.h>

#include <array>
#include <bit>
#include <charconv>
#include <cstring>
#include <optional>

#include "base/bytes.h"
#include "base/check.h"

namespace rowledger::ledger {
namespace {

constexpr std::string_view kTilePrefix = "tile/", kEntriesPrefix = "tile/entries/", kPartial = ".p/";

void append_index(uint64_t index, std::string& out) {
  if (index >= 1000) {
    std::array<uint64_t, 7> groups{};  // 2^64 has 20 digits
    size_t n = 0;
    for (uint64_t rest = index / 1000; rest > 0; rest /= 1000) groups[n++] = rest % 1000;
    while (n-- > 0) out += fmt::format("x{:03}/", groups[n]);
  }
  out += fmt::format("{:03}", index % 1000);
}

void append_width(uint32_t width, std::string& out) {
  CHECK(width >= 1 && width <= kTileWidth);
  if (width < kTileWidth) out += fmt::format("{}{}", kPartial, width);
}

// Digits alone, no sign; whether they have a leading zero is seen when the whole path is compared.
std::optional<uint64_t> read_digits(std::string_view text) {
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::optional<uint64_t> read_index(std::string_view text) {
  std::string digits;
  for (size_t slash = text.find('/'); slash != std::string_view::npos; slash = text.find('/')) {
    if (slash != 4 || text.front() != 'x') return std::nullopt;
    digits += text.substr(1, 3);
    text.remove_prefix(slash + 1);
  }
  if (text.size() != 3 || digits.size() > 21) return std::nullopt;
  digits += text;
  return read_digits(digits);
}

std::optional<TilePath> read_path(std::string_view rest) {
  TilePath out;
  if (const size_t at = rest.find(kPartial); at != std::string_view::npos) {
    const auto width = read_digits(rest.substr(at + kPartial.size()));
    if (!width || *width < 1 || *width >= kTileWidth) return std::nullopt;
    out.width = static_cast<uint32_t>(*width);
    rest = rest.substr(0, at);
  }
  if (rest.starts_with(kEntriesPrefix)) {
    out.entries = true;
    rest.remove_prefix(kEntriesPrefix.size());
  } else {
    if (!rest.starts_with(kTilePrefix)) return std::nullopt;
    rest.remove_prefix(kTilePrefix.size());
    const size_t slash = rest.find('/');
    if (slash == std::string_view::npos) return std::nullopt;
    const auto level = read_digits(rest.substr(0, slash));
    if (!level || *level > kMaxPathLevel) return std::nullopt;
    out.id.level = static_cast<uint32_t>(*level);
    rest.remove_prefix(slash + 1);
  }
  const auto index = read_index(rest);
  if (!index) return std::nullopt;
  out.id.index = *index;
  return out;
}

}  // namespace

uint64_t hashes_at_level(TreeSize size, uint32_t level) {
  CHECK(level < kTileLevels);
  return size.value >> (kTileHeight * level);
}

uint32_t partial_width(TreeSize size, uint32_t level) {
  return static_cast<uint32_t>(hashes_at_level(size, level) % kTileWidth);
}

std::string tile_path(TileId id, uint32_t width) {
  CHECK(id.level <= kMaxPathLevel);
  std::string out = fmt::format("{}{}/", kTilePrefix, id.level);
  append_index(id.index, out);
  append_width(width, out);
  return out;
}

std::string entries_path(uint64_t index, uint32_t width) {
  std::string out(kEntriesPrefix);
  append_index(index, out);
  append_width(width, out);
  return out;
}

Result<TilePath> parse_tile_path(std::string_view path) {
  const auto parsed = read_path(path);
  // A path has one spelling only; what reads alike but is spelled otherwise is refused.
  if (!parsed ||
      path != (parsed->entries ? entries_path(parsed->id.index, parsed->width) : tile_path(parsed->id, parsed->width)))
    return fail(ErrorCode::kInvalid,
                "this is no path of a tile; one looks like tile/0/x001/067 or tile/entries/067.p/8");
  return *parsed;
}

void append_to_bundle(std::string_view entry, std::string& bundle) {
  CHECK(entry.size() <= kMaxEntryBytes);
  ByteWriter writer(bundle);
  writer.u16(static_cast<uint16_t>(entry.size()));
  writer.raw(entry);
}

Result<std::vector<std::string_view>> decode_bundle(std::string_view bundle, uint32_t width) {
  CHECK(width >= 1 && width <= kTileWidth);
  ByteReader reader(bundle);
  std::vector<std::string_view> entries;
  entries.reserve(width);
  for (uint32_t i = 0; i < width && reader.ok(); ++i) entries.push_back(reader.raw(reader.u16()));
  if (!reader.ok())
    return fail(ErrorCode::kCorrupt, fmt::format("an entry bundle ends before its {} entries do", width));
  if (!reader.at_end())
    return fail(ErrorCode::kCorrupt, fmt::format("an entry bundle has bytes behind its {} entries", width));
  return entries;
}

Digest subtree_root(std::string_view hashes) {
  size_t n = hashes.size() / kHashBytes;
  CHECK(hashes.size() % kHashBytes == 0 && std::has_single_bit(n) && n <= kTileWidth);
  std::array<Digest, kTileWidth> row;
  std::memcpy(row.data(), hashes.data(), hashes.size());
  for (; n > 1; n /= 2)
    for (size_t i = 0; i < n / 2; ++i) row[i] = node_hash(row[2 * i], row[2 * i + 1]);
  return row[0];
}

}  // namespace rowledger::ledger
