#include "api/cursor.h"

#include "base/bytes.h"
#include "base/crypto.h"

namespace rowledger::api {
namespace {

constexpr uint8_t kVersion = 2;
constexpr size_t kMaxTextBytes = 16 << 10;

Digest digest_of(const people::Principal& reader, std::string_view what) {
  std::string bytes;
  ByteWriter writer(bytes);
  writer.u8(kVersion);
  for (const std::string_view part : {std::string_view(reader.id), to_string(reader.role), what}) writer.string(part);
  writer.u8(reader.tenant.has_value());
  if (reader.tenant) writer.string(*reader.tenant);
  return sha256(bytes);
}

}  // namespace

Cursors::Cursors(const Digest& key, const people::Principal& reader, std::string_view what)
    : key_(key), bound_to_(digest_of(reader, what)) {}

std::string Cursors::to_text(const Cursor& cursor) const {
  std::string bytes;
  ByteWriter writer(bytes);
  writer.u64(static_cast<uint64_t>(cursor.now.us));
  writer.varint(cursor.from.value);
  writer.string(cursor.place);
  std::string text = to_base64(encrypt(key_, bytes, as_view(bound_to_)));
  while (text.ends_with('=')) text.pop_back();
  for (char& c : text) c = c == '+' ? '-' : c == '/' ? '_' : c;
  return text;
}

std::optional<Cursor> Cursors::parse(std::string_view text) const {
  if (text.size() > kMaxTextBytes) return std::nullopt;
  std::string padded(text);
  for (char& c : padded) c = c == '-' ? '+' : c == '_' ? '/' : c;
  while (padded.size() % 4 != 0) padded += '=';
  const auto sealed = from_base64(padded);
  const auto bytes = sealed ? decrypt(key_, *sealed, as_view(bound_to_)) : std::nullopt;
  if (!bytes) return std::nullopt;
  ByteReader reader(*bytes);
  Cursor out;
  out.now = {static_cast<int64_t>(reader.u64())};
  out.from = {reader.varint()};
  out.place = reader.string();
  if (!reader.ok() || !reader.at_end()) return std::nullopt;
  return out;
}

}  // namespace rowledger::api
