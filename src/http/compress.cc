#include "http/compress.h"

#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <array>
#include <functional>
#include <memory>
#include <new>
#include <stdexcept>
#include <vector>

#include "base/ascii.h"
#include "http/accept_encoding.h"

namespace rowledger::http {
namespace {

constexpr size_t kLeastBytes = 1'400;
constexpr int kZstdLevel = 1, kGzipLevel = 1;  // more costs more time than it saves on the way
constexpr int kGzipWindow = 15 + 16;           // zlib's way of asking for gzip

std::string_view header_of(const Response& response, std::string_view name) {
  for (const auto& [key, value] : response.headers)
    if (equals_ignoring_case(key, name)) return value;
  return {};
}

bool worth_it(const Response& response) {
  if (response.live || (!response.stream && response.body.size() < kLeastBytes)) return false;
  if (!header_of(response, "Content-Encoding").empty() || !header_of(response, "Set-Cookie").empty() ||
      !header_of(response, "Content-Range").empty())
    return false;
  const std::string_view type = header_of(response, "Content-Type");
  static constexpr std::array<std::string_view, 7> kTexts = {
      "text/",         "application/json",     "application/problem+json", "application/javascript",
      "image/svg+xml", "application/x-ndjson", "application/manifest+json"};
  return std::ranges::any_of(kTexts, [&](std::string_view prefix) { return type.starts_with(prefix); });
}

// Turns pieces into the pieces of one compressed body. Each comes out whole, so that nobody waits for the next one.
class Encoder {
 public:
  virtual ~Encoder() = default;
  // Calls take for what comes out, about kPieceBytes at a time, until it returns false. False then, and at an error.
  using Take = std::function<bool(std::string_view)>;
  virtual bool encode(std::string_view bytes, bool is_last, const Take& take) = 0;
};

constexpr size_t kPieceBytes = 64 << 10;

class ZstdEncoder final : public Encoder {
 public:
  ZstdEncoder() : context_(::ZSTD_createCCtx(), ::ZSTD_freeCCtx) {
    if (context_ == nullptr) throw std::bad_alloc();
    ::ZSTD_CCtx_setParameter(context_.get(), ZSTD_c_compressionLevel, kZstdLevel);
  }
  bool encode(std::string_view bytes, bool is_last, const Take& take) override {
    ZSTD_inBuffer in{bytes.data(), bytes.size(), 0};
    while (true) {
      ZSTD_outBuffer out{piece_.data(), piece_.size(), 0};
      const size_t left = ::ZSTD_compressStream2(context_.get(), &out, &in, is_last ? ZSTD_e_end : ZSTD_e_flush);
      if (::ZSTD_isError(left)) return false;
      if (out.pos > 0 && !take({piece_.data(), out.pos})) return false;
      if (left == 0) return true;
    }
  }

 private:
  const std::unique_ptr<ZSTD_CCtx, decltype(&::ZSTD_freeCCtx)> context_;
  std::vector<char> piece_ = std::vector<char>(kPieceBytes);
};

class GzipEncoder final : public Encoder {
 public:
  GzipEncoder() {
    if (deflateInit2(&stream_, kGzipLevel, Z_DEFLATED, kGzipWindow, 8, Z_DEFAULT_STRATEGY) != Z_OK)
      throw std::bad_alloc();
  }
  ~GzipEncoder() override { ::deflateEnd(&stream_); }
  GzipEncoder(const GzipEncoder&) = delete;
  GzipEncoder& operator=(const GzipEncoder&) = delete;
  bool encode(std::string_view bytes, bool is_last, const Take& take) override {
    if (bytes.size() > UINT32_MAX) return false;
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
    stream_.avail_in = static_cast<uInt>(bytes.size());
    do {
      stream_.next_out = reinterpret_cast<Bytef*>(piece_.data());
      stream_.avail_out = static_cast<uInt>(piece_.size());
      if (::deflate(&stream_, is_last ? Z_FINISH : Z_SYNC_FLUSH) == Z_STREAM_ERROR) return false;
      const size_t size = piece_.size() - stream_.avail_out;
      if (size > 0 && !take({piece_.data(), size})) return false;
    } while (stream_.avail_out == 0);
    return true;
  }

 private:
  z_stream stream_{};
  std::vector<char> piece_ = std::vector<char>(kPieceBytes);
};

std::unique_ptr<Encoder> encoder_of(std::string_view encoding) {
  if (encoding == "zstd") return std::make_unique<ZstdEncoder>();
  return std::make_unique<GzipEncoder>();
}

class CompressedSink final : public BodySink {
 public:
  CompressedSink(std::string_view encoding, BodySink& next) : encoder_(encoder_of(encoding)), next_(next) {}
  bool write(std::string_view bytes) override { return bytes.empty() ? !gone() : encode(bytes, false); }
  bool gone() const override { return next_.gone(); }
  // Without it the body has no end, and the client sees that.
  void finish() {
    if (!encode({}, true) && !gone()) throw std::runtime_error("an answer cannot be compressed");
  }

 private:
  bool encode(std::string_view bytes, bool is_last) {
    return encoder_->encode(bytes, is_last, [this](std::string_view piece) { return next_.write(piece); });
  }

  const std::unique_ptr<Encoder> encoder_;
  BodySink& next_;
};

std::string encoded(std::string_view encoding, std::string_view bytes) {
  std::string out;
  const bool whole = encoder_of(encoding)->encode(bytes, true, [&](std::string_view piece) {
    out.append(piece);
    return true;
  });
  return whole ? out : std::string();
}

void weaken(Response& response) {
  std::erase_if(response.headers,
                [](const auto& header) { return equals_ignoring_case(header.first, "Accept-Ranges"); });
  for (auto& [name, value] : response.headers)
    if (equals_ignoring_case(name, "ETag") && !value.starts_with("W/")) value.insert(0, "W/");
}

}  // namespace

std::string_view choose_encoding(std::string_view accept_encoding) {
  if (takes_encoding(accept_encoding, "zstd")) return "zstd";
  return takes_encoding(accept_encoding, "gzip") ? "gzip" : "";
}

void compress(const Request& request, Response& response) {
  if (!worth_it(response)) return;
  response.headers.emplace_back("Vary", "Accept-Encoding");
  const std::string_view encoding = choose_encoding(request.header("accept-encoding"));
  if (encoding.empty()) return;
  if (response.stream) {
    response.stream = [encoding, produce = std::move(response.stream)](BodySink& sink) {
      CompressedSink compressed(encoding, sink);
      produce(compressed);
      compressed.finish();
    };
  } else {
    std::string smaller = encoded(encoding, response.body);
    if (smaller.empty() || smaller.size() >= response.body.size()) return;
    response.body = std::move(smaller);
  }
  response.headers.emplace_back("Content-Encoding", encoding);
  weaken(response);
}

}  // namespace rowledger::http
