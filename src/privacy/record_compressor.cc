#include "privacy/record_compressor.h"

#include <lz4.h>
#include <zstd.h>

#include <algorithm>
#include <cstring>
#include <memory>

#include "base/bytes.h"
#include "base/check.h"

namespace rowledger::privacy {
namespace {

enum Method : char { kAsItIs = 0, kLz4 = 1, kZstd = 2 };

// Below it too little is won for the time that it takes.
constexpr size_t kMinCompressed = 128;
// From here on zstd finds more than LZ4, whose matches reach 64 KiB back, and what it costs to begin does not matter.
constexpr size_t kMinZstd = 16 << 10;
// Level 1 and above code literals too, which takes three times as long to save a tenth.
constexpr int kZstdLevel = -1;

struct FreeContext {
  void operator()(ZSTD_CCtx* context) const { ZSTD_freeCCtx(context); }
  void operator()(ZSTD_DCtx* context) const { ZSTD_freeDCtx(context); }
};

// Each writes at most `room` bytes, and returns how many; 0 when they are not enough.
size_t compress_with_zstd(std::string_view record, char* out, size_t room) {
  thread_local const std::unique_ptr<ZSTD_CCtx, FreeContext> context(ZSTD_createCCtx());
  const size_t size = ZSTD_compressCCtx(context.get(), out, room, record.data(), record.size(), kZstdLevel);
  return ZSTD_isError(size) ? 0 : size;
}

size_t compress_with_lz4(std::string_view record, LZ4_stream_t* after_dictionary, char* out, size_t room) {
  const auto in_bytes = static_cast<int>(record.size()), out_bytes = static_cast<int>(room);
  constexpr int kThorough = 1;
  const int size = after_dictionary == nullptr ? LZ4_compress_fast(record.data(), out, in_bytes, out_bytes, kThorough)
                                               : LZ4_compress_fast_continue(after_dictionary, record.data(), out,
                                                                            in_bytes, out_bytes, kThorough);
  return static_cast<size_t>(std::max(size, 0));
}

tl::unexpected<Error> malformed() { return fail(ErrorCode::kCorrupt, "a compressed record is malformed"); }

Status decompress_zstd(std::string_view frame, size_t max_bytes, std::string& out) {
  const unsigned long long size = ZSTD_getFrameContentSize(frame.data(), frame.size());
  if (size == ZSTD_CONTENTSIZE_UNKNOWN || size == ZSTD_CONTENTSIZE_ERROR || size > max_bytes) return malformed();
  thread_local const std::unique_ptr<ZSTD_DCtx, FreeContext> context(ZSTD_createDCtx());
  const size_t start = out.size();
  out.resize(start + size);
  const size_t got = ZSTD_decompressDCtx(context.get(), out.data() + start, size, frame.data(), frame.size());
  if (!ZSTD_isError(got) && got == size) return {};
  out.resize(start);
  return malformed();
}

Status decompress_lz4(std::string_view bytes, const FindDictionary& dictionaries, size_t max_bytes, std::string& out) {
  ByteReader reader(bytes);
  const uint64_t size = reader.varint(), number = reader.varint();
  if (!reader.ok() || size >= kMinZstd || size > max_bytes) return malformed();
  const std::string_view block = reader.rest();
  if (block.size() > size) return malformed();
  std::string_view before;
  if (number > 0) {
    const RecordDictionary* const dictionary =
        number > UINT32_MAX ? nullptr : dictionaries(static_cast<uint32_t>(number));
    if (dictionary == nullptr)
      return fail(ErrorCode::kCorrupt, "a record was compressed with a dictionary that is not here");
    before = dictionary->bytes();
  }
  const size_t start = out.size();
  out.resize(start + size);
  const int got = LZ4_decompress_safe_usingDict(block.data(), out.data() + start, static_cast<int>(block.size()),
                                                static_cast<int>(size), before.data(), static_cast<int>(before.size()));
  if (got >= 0 && static_cast<size_t>(got) == size) return {};
  out.resize(start);
  return malformed();
}

}  // namespace

RecordDictionary::RecordDictionary(uint32_t number, std::string bytes, uint64_t per_mille)
    : number_(number), bytes_(std::move(bytes)), per_mille_(per_mille), loaded_(std::make_unique<LZ4_stream_t>()) {
  CHECK(LZ4_initStream(loaded_.get(), sizeof *loaded_) != nullptr);
  LZ4_loadDict(loaded_.get(), bytes_.data(), static_cast<int>(bytes_.size()));
}

RecordDictionary::~RecordDictionary() = default;

void compress_record(std::string_view record, const RecordDictionary* dictionary, std::string& out) {
  const size_t start = out.size(), size = record.size();
  if (size >= kMinCompressed) {
    ByteWriter writer(out);
    size_t packed;
    if (size >= kMinZstd) {
      out.push_back(kZstd);
      out.resize(start + size);
      packed = 1 + compress_with_zstd(record, out.data() + start + 1, size - 1);
    } else {
      out.push_back(kLz4);
      writer.varint(size);
      writer.varint(dictionary == nullptr ? 0 : dictionary->number());
      const size_t head = out.size() - start;
      out.resize(start + size);
      // Its own copy each time, which is how a prepared state is used more than once.
      LZ4_stream_t stream;
      if (dictionary != nullptr) std::memcpy(&stream, dictionary->loaded_.get(), sizeof stream);
      const size_t block =
          compress_with_lz4(record, dictionary == nullptr ? nullptr : &stream, out.data() + start + head, size - head);
      packed = block == 0 ? 0 : head + block;
    }
    if (packed > 1) return out.resize(start + packed);
    out.resize(start);
  }
  out.push_back(kAsItIs);
  out.append(record);
}

Status decompress_record(std::string_view bytes, const FindDictionary& dictionaries, size_t max_bytes,
                         std::string& out) {
  if (bytes.empty()) return malformed();
  const std::string_view rest = bytes.substr(1);
  switch (bytes.front()) {
    case kAsItIs:
      if (rest.size() > max_bytes) return malformed();
      out.append(rest);
      return {};
    case kLz4: return decompress_lz4(rest, dictionaries, max_bytes, out);
    case kZstd: return decompress_zstd(rest, max_bytes, out);
    default: return malformed();
  }
}

}  // namespace rowledger::privacy
