#pragma once
// Reads whole bundles from the database, with a bounded cache of decoded ones. Any thread.
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>

#include "base/result.h"
#include "record/entry.h"
#include "store/bundle.h"
#include "store/database.h"

namespace rowledger::store {

struct Bundle {
  HeaderSection headers;
  BodySection bodies;
};

class LogReader {
 public:
  LogReader(const Database& database, const Sealing& sealing, size_t cache_bytes)
      : database_(database), sealing_(sealing), cache_bytes_(cache_bytes) {}

  // keep: whether it is likely to be read again.
  Result<std::shared_ptr<const Bundle>> bundle(uint64_t number, bool keep) const;
  Result<record::OwnedEntry> entry(const Bundle& bundle, Seq seq) const;
  // A full bundle's headers alone; not kept.
  Result<HeaderSection> headers(uint64_t number) const;
  // The same from the parts as they are stored.
  Result<record::OwnedEntry> entry(std::string header, Seq seq, const BundleEntry& parts) const;
  // Lets go of the bundles that it keeps.
  void forget() const;

 private:
  struct Cached {
    uint64_t number;
    std::shared_ptr<const Bundle> bundle;
    size_t bytes;
  };
  Result<std::shared_ptr<const Bundle>> load(uint64_t number, bool keep) const;
  Result<HeaderSection> load_headers(uint64_t number, bool keep) const;
  Result<std::string> values_apart(Seq seq) const;

  const Database& database_;
  const Sealing& sealing_;
  const size_t cache_bytes_;
  mutable std::mutex mutex_;
  mutable std::list<Cached> by_use_;  // newest use first
  mutable std::unordered_map<uint64_t, std::list<Cached>::iterator> by_number_;
  mutable size_t cached_bytes_ = 0;
};

inline constexpr size_t kValuesChunkBytes = 4 << 20;
// A chunk's record: version, number of chunks, compressed bytes.
void encode_values_chunk(std::string_view bytes, uint32_t chunks, Compressor& compressor, std::string& out);

}  // namespace rowledger::store
