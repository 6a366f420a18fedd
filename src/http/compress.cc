#include "http/compress.h"

#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <array>
#include <charconv>

namespace rowledger::http {
namespace {

constexpr size_t kLeastBytes = 1'400;
constexpr int kZstdLevel = 1, kGzipLevel = 1;  // more costs more time than it saves on the way
constexpr int kGzipWindow = 15 + 16;           // zlib's way of asking for gzip

bool equals_ignoring_case(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, [](unsigned char x, unsigned char y) { return std::tolower(x) == std::tolower(y); });
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

std::string_view take_until(std::string_view& text, char separator) {
  const size_t at = text.find(separator);
  const std::string_view out = text.substr(0, at);
  text.remove_prefix(at == std::string_view::npos ? text.size() : at + 1);
  return trimmed(out);
}

// "gzip;q=0" means: not gzip.
bool refused(std::string_view parameters) {
  const std::string_view quality = trimmed(parameters);
  if (!quality.starts_with("q=") && !quality.starts_with("Q=")) return false;
  return quality.substr(2).find_first_not_of("0.") == std::string_view::npos;
}

std::string_view header_of(const Response& response, std::string_view name) {
  for (const auto& [key, value] : response.headers)
    if (equals_ignoring_case(key, name)) return value;
  return {};
}

bool worth_it(const Response& response) {
  if (response.stream || response.live || response.body.size() < kLeastBytes) return false;
  if (!header_of(response, "Content-Encoding").empty() || !header_of(response, "Set-Cookie").empty() ||
      !header_of(response, "Content-Range").empty())
    return false;
  const std::string_view type = header_of(response, "Content-Type");
  static constexpr std::array<std::string_view, 7> kTexts = {
      "text/",         "application/json",     "application/problem+json", "application/javascript",
      "image/svg+xml", "application/x-ndjson", "application/manifest+json"};
  return std::ranges::any_of(kTexts, [&](std::string_view prefix) { return type.starts_with(prefix); });
}

std::string zstd(std::string_view bytes) {
  std::string out(ZSTD_compressBound(bytes.size()), '\0');
  const size_t size = ZSTD_compress(out.data(), out.size(), bytes.data(), bytes.size(), kZstdLevel);
  if (ZSTD_isError(size)) return {};
  out.resize(size);
  return out;
}

std::string gzip(std::string_view bytes) {
  z_stream stream{};
  if (deflateInit2(&stream, kGzipLevel, Z_DEFLATED, kGzipWindow, 8, Z_DEFAULT_STRATEGY) != Z_OK) return {};
  std::string out(deflateBound(&stream, bytes.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  const bool whole = bytes.size() <= UINT32_MAX && deflate(&stream, Z_FINISH) == Z_STREAM_END;
  out.resize(whole ? stream.total_out : 0);
  deflateEnd(&stream);
  return out;
}

}  // namespace

std::string_view choose_encoding(std::string_view accept_encoding) {
  bool with_zstd = false, with_gzip = false;
  while (!accept_encoding.empty()) {
    std::string_view item = take_until(accept_encoding, ',');
    const std::string_view name = take_until(item, ';');
    if (refused(item)) continue;
    with_zstd = with_zstd || equals_ignoring_case(name, "zstd");
    with_gzip = with_gzip || equals_ignoring_case(name, "gzip");
  }
  return with_zstd ? "zstd" : with_gzip ? "gzip" : "";
}

void compress(const Request& request, Response& response) {
  if (!worth_it(response)) return;
  response.headers.emplace_back("Vary", "Accept-Encoding");
  const std::string_view encoding = choose_encoding(request.header("accept-encoding"));
  if (encoding.empty()) return;
  std::string smaller = encoding == "zstd" ? zstd(response.body) : gzip(response.body);
  if (smaller.empty() || smaller.size() >= response.body.size()) return;
  response.body = std::move(smaller);
  response.headers.emplace_back("Content-Encoding", encoding);
}

}  // namespace rowledger::http
