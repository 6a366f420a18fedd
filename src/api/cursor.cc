#include "api/cursor.h"

#include "base/bytes.h"
#include "base/crypto.h"

namespace rowledger::api {
namespace {
constexpr uint8_t kVersion = 1;
}

std::string to_text(const Cursor& cursor) {
  std::string bytes;
  ByteWriter writer(bytes);
  writer.u8(kVersion);
  writer.u32(cursor.query);
  writer.u64(static_cast<uint64_t>(cursor.now.us));
  writer.varint(cursor.from.value);
  std::string text = to_base64(bytes);
  while (text.ends_with('=')) text.pop_back();
  for (char& c : text) c = c == '+' ? '-' : c == '/' ? '_' : c;
  return text;
}

std::optional<Cursor> parse_cursor(std::string_view text) {
  if (text.size() > 64) return std::nullopt;
  std::string padded(text);
  for (char& c : padded) c = c == '-' ? '+' : c == '_' ? '/' : c;
  while (padded.size() % 4 != 0) padded += '=';
  const auto bytes = from_base64(padded);
  if (!bytes) return std::nullopt;
  ByteReader reader(*bytes);
  if (reader.u8() != kVersion) return std::nullopt;
  Cursor out;
  out.query = reader.u32();
  out.now = {static_cast<int64_t>(reader.u64())};
  out.from = {reader.varint()};
  if (!reader.ok() || !reader.at_end()) return std::nullopt;
  return out;
}

uint32_t query_fingerprint(std::string_view parameters) {
  const Digest digest = sha256(parameters);
  ByteReader reader(as_view(digest));
  return reader.u32();
}

}  // namespace rowledger::api
