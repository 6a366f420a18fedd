#pragma once
// Compresses one record at a time, before it is sealed (docs/format/keys.md, "Records"):
//
//   0x00                      the record as it is follows
//   varint size (1..)         of the record; the blocks of a zstd frame (RFC 8878) follow, without the frame's header:
//                             with the size at hand the header says nothing
//
// A record is decompressed with the very dictionary that it was compressed with; another gives other bytes or kCorrupt.
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"

struct ZSTD_CCtx_s;
struct ZSTD_CDict_s;
struct ZSTD_DDict_s;

namespace rowledger::privacy {

// A dictionary made ready for both directions. Immutable; any thread.
class RecordDictionary {
 public:
  // `bytes` is raw content, as build_shared_dictionary makes it. The level is that of compression only.
  explicit RecordDictionary(std::string_view bytes, int level = kDefaultLevel);
  ~RecordDictionary();
  RecordDictionary(const RecordDictionary&) = delete;
  RecordDictionary& operator=(const RecordDictionary&) = delete;

  // Measured (docs/format/keys.md): from level 1 on zstd codes literals too, which costs 3 us a record to save a tenth.
  static constexpr int kDefaultLevel = -1;

 private:
  friend class RecordCompressor;
  friend Status decompress_record(std::string_view, const RecordDictionary*, size_t, std::string&);
  ZSTD_CDict_s* const compression_;
  ZSTD_DDict_s* const decompression_;
};

// Keeps zstd's working memory from record to record. One thread at a time.
class RecordCompressor {
 public:
  explicit RecordCompressor(int level_without_dictionary = RecordDictionary::kDefaultLevel);
  ~RecordCompressor();
  RecordCompressor(const RecordCompressor&) = delete;
  RecordCompressor& operator=(const RecordCompressor&) = delete;

  // Appends; at most record.size() + 1 bytes. `dictionary` may be null. Short records are left as they are.
  void compress(std::string_view record, const RecordDictionary* dictionary, std::string& out);

 private:
  ZSTD_CCtx_s* const context_;
  const int level_;
};

// Appends the record that all of `bytes` was compressed from. kCorrupt when it is none, or claims more than max_bytes;
// then `out` is as it was. Any thread.
Status decompress_record(std::string_view bytes, const RecordDictionary* dictionary, size_t max_bytes,
                         std::string& out);

}  // namespace rowledger::privacy
