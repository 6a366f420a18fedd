#pragma once
// zstd with its contexts kept, for the store's sections.
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"

struct ZSTD_CCtx_s;

namespace rowledger::store {

// Owned by the writer; one thread at a time.
class Compressor {
 public:
  // 1 to 3; docs/format/store.md has the measured costs.
  explicit Compressor(int level = 1);
  ~Compressor();
  Compressor(const Compressor&) = delete;
  Compressor& operator=(const Compressor&) = delete;

  // Appends: varint size, varint compressed size, the zstd frame.
  void append(std::string_view bytes, std::string& out);

 private:
  ZSTD_CCtx_s* const context_;
  const int level_;
};

// Reads what Compressor::append wrote off the front of `in`. kCorrupt when it is not that, or claims more than
// `max_bytes`. Any thread.
Result<std::string> decompress(std::string_view& in, size_t max_bytes);

}  // namespace rowledger::store
