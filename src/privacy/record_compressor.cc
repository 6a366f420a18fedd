#include "privacy/record_compressor.h"

#include <zstd.h>

#include <algorithm>
#include <array>

#include "base/bytes.h"
#include "base/check.h"

namespace rowledger::privacy {
namespace {

// Below it nothing is ever won; without a dictionary, too little for the time that it takes.
constexpr size_t kMinCompressed = 16, kMinWithoutDictionary = 96;

// RFC 8878, 3.1.1: magic (4), descriptor (1), window (1 unless a single segment), size (0 to 8). No dictionary's id:
// raw content has none.
size_t frame_header_bytes(const char* frame) {
  const auto descriptor = static_cast<unsigned char>(frame[4]);
  const bool single_segment = (descriptor & 0x20) != 0;
  constexpr std::array<size_t, 4> kSizeBytes{0, 2, 4, 8};
  const size_t size = kSizeBytes[descriptor >> 6];
  return 5 + (single_segment ? std::max<size_t>(size, 1) : 1 + size);
}

// A header for the blocks of a frame of `size` bytes: a single segment, its size in 8 bytes.
constexpr size_t kFrameHeaderBytes = 13;
std::array<char, kFrameHeaderBytes> frame_header(uint64_t size) {
  std::array<char, kFrameHeaderBytes> out{'\x28', '\xb5', '\x2f', '\xfd', '\xe0'};
  for (size_t i = 0; i < 8; ++i) out[5 + i] = static_cast<char>(size >> (8 * i));
  return out;
}

tl::unexpected<Error> malformed() { return fail(ErrorCode::kCorrupt, "a compressed record is malformed"); }

}  // namespace

RecordDictionary::RecordDictionary(std::string_view bytes, int level)
    : compression_(ZSTD_createCDict(bytes.data(), bytes.size(), level)),
      decompression_(ZSTD_createDDict(bytes.data(), bytes.size())) {
  CHECK(compression_ != nullptr && decompression_ != nullptr);
  CHECK(ZSTD_getDictID_fromCDict(compression_) == 0);  // raw content
}

RecordDictionary::~RecordDictionary() {
  ZSTD_freeCDict(compression_);
  ZSTD_freeDDict(decompression_);
}

RecordCompressor::RecordCompressor(int level_without_dictionary)
    : context_(ZSTD_createCCtx()), level_(level_without_dictionary) {
  CHECK(context_ != nullptr);
}

RecordCompressor::~RecordCompressor() { ZSTD_freeCCtx(context_); }

void RecordCompressor::compress(std::string_view record, const RecordDictionary* dictionary, std::string& out) {
  const size_t start = out.size();
  if (record.size() >= (dictionary == nullptr ? kMinWithoutDictionary : kMinCompressed)) {
    const size_t bound = ZSTD_compressBound(record.size());
    out.resize(start + bound);
    char* const frame = out.data() + start;
    const size_t size =
        dictionary == nullptr
            ? ZSTD_compressCCtx(context_, frame, bound, record.data(), record.size(), level_)
            : ZSTD_compress_usingCDict(context_, frame, bound, record.data(), record.size(), dictionary->compression_);
    CHECK(!ZSTD_isError(size));
    const size_t header = frame_header_bytes(frame);
    std::string prefix;  // short: no allocation
    ByteWriter(prefix).varint(record.size());
    const size_t total = prefix.size() + size - header;
    if (total < record.size() + 1) {
      std::memmove(frame + prefix.size(), frame + header, size - header);
      prefix.copy(frame, prefix.size());
      out.resize(start + total);
      return;
    }
    out.resize(start);
  }
  out.push_back('\0');
  out.append(record);
}

Status decompress_record(std::string_view bytes, const RecordDictionary* dictionary, size_t max_bytes,
                         std::string& out) {
  ByteReader reader(bytes);
  const uint64_t size = reader.varint();
  if (!reader.ok()) return malformed();
  const std::string_view blocks = reader.rest();
  if (size == 0) {
    if (blocks.size() > max_bytes) return malformed();
    out.append(blocks);
    return {};
  }
  if (size > max_bytes) return malformed();
  thread_local const std::unique_ptr<ZSTD_DCtx, size_t (*)(ZSTD_DCtx*)> context(ZSTD_createDCtx(), ZSTD_freeDCtx);
  thread_local std::string frame;
  const auto header = frame_header(size);
  frame.assign(header.data(), header.size());
  frame.append(blocks);
  const size_t start = out.size();
  out.resize(start + size);
  const size_t got = dictionary == nullptr
                         ? ZSTD_decompressDCtx(context.get(), out.data() + start, size, frame.data(), frame.size())
                         : ZSTD_decompress_usingDDict(context.get(), out.data() + start, size, frame.data(),
                                                      frame.size(), dictionary->decompression_);
  constexpr size_t kKeptBytes = 1 << 20;
  if (frame.capacity() > kKeptBytes) std::string().swap(frame);
  if (!ZSTD_isError(got) && got == size) return {};
  out.resize(start);
  return malformed();
}

}  // namespace rowledger::privacy
