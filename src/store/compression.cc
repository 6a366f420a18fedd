#include "store/compression.h"

#include <zstd.h>

#include "base/bytes.h"
#include "base/check.h"

namespace rowledger::store {

Compressor::Compressor(int level) : context_(ZSTD_createCCtx()), level_(level) { CHECK(context_ != nullptr); }
Compressor::~Compressor() { ZSTD_freeCCtx(context_); }

void Compressor::append(std::string_view bytes, std::string& out) {
  const size_t bound = ZSTD_compressBound(bytes.size());
  // The frame's size is not known before it is made: it is made behind the longest prefix, then moved up.
  constexpr size_t kPrefix = 20;
  const size_t start = out.size();
  out.resize(start + kPrefix + bound);
  const size_t size =
      ZSTD_compressCCtx(context_, out.data() + start + kPrefix, bound, bytes.data(), bytes.size(), level_);
  CHECK(!ZSTD_isError(size));
  std::string prefix;
  ByteWriter writer(prefix);
  writer.varint(bytes.size());
  writer.varint(size);
  std::memcpy(out.data() + start, prefix.data(), prefix.size());
  std::memmove(out.data() + start + prefix.size(), out.data() + start + kPrefix, size);
  out.resize(start + prefix.size() + size);
}

Result<std::string> decompress(std::string_view& in, size_t max_bytes) {
  ByteReader reader(in);
  const uint64_t size = reader.varint();
  const std::string_view frame = reader.string();
  if (!reader.ok() || size > max_bytes) return fail(ErrorCode::kCorrupt, "a compressed section is malformed");
  thread_local const std::unique_ptr<ZSTD_DCtx, size_t (*)(ZSTD_DCtx*)> context(ZSTD_createDCtx(), ZSTD_freeDCtx);
  std::string out(size, '\0');
  const size_t got = ZSTD_decompressDCtx(context.get(), out.data(), out.size(), frame.data(), frame.size());
  if (ZSTD_isError(got) || got != size) return fail(ErrorCode::kCorrupt, "a compressed section is damaged");
  in = reader.rest();
  return out;
}

}  // namespace rowledger::store
