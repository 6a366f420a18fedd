#pragma once
// Compresses one record at a time, before it is sealed (docs/format/keys.md, "Records"):
//
//   0x00                                          the record as it is follows
//   0x01 varint size, varint dictionary's number  an LZ4 block (lz4_Block_format.md) of a record of that size; 0: none
//   0x02                                          a zstd frame (RFC 8878) that tells its content's size
//
// LZ4 since most records are a few hundred bytes: there a call of zstd takes three times as long, to find the same.
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"

union LZ4_stream_u;

namespace rowledger::privacy {

// What many records have in common, so that none needs to say it again. Immutable; any thread.
class RecordDictionary {
 public:
  // One that is only tried.
  static constexpr uint32_t kNoNumber = 0;

  // number: how records name it. bytes: as build_shared_dictionary makes them. per_mille: what records that it was made
  // for come to.
  RecordDictionary(uint32_t number, std::string bytes, uint64_t per_mille);
  ~RecordDictionary();
  RecordDictionary(const RecordDictionary&) = delete;
  RecordDictionary& operator=(const RecordDictionary&) = delete;

  uint32_t number() const { return number_; }
  std::string_view bytes() const { return bytes_; }
  uint64_t per_mille() const { return per_mille_; }

 private:
  friend void compress_record(std::string_view, const RecordDictionary*, std::string&);
  const uint32_t number_;
  const std::string bytes_;
  const uint64_t per_mille_;
  const std::unique_ptr<LZ4_stream_u> loaded_;  // as LZ4 is when it has seen the bytes
};

// Appends; at most record.size() + 1 bytes. `dictionary` may be null. Short records are left as they are. Any thread.
void compress_record(std::string_view record, const RecordDictionary* dictionary, std::string& out);

// Null when there is none of that number.
using FindDictionary = std::function<const RecordDictionary*(uint32_t number)>;

// Appends the record that all of `bytes` was compressed from. kCorrupt when it is none, names a dictionary that there
// is not, or claims more than max_bytes; then `out` is as it was. Any thread.
Status decompress_record(std::string_view bytes, const FindDictionary& dictionaries, size_t max_bytes,
                         std::string& out);

}  // namespace rowledger::privacy
