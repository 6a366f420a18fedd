#pragma once
// How values are sealed on their way into the database, and opened on their way out (docs/format/store.md).
// Const use from any thread.
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/crypto.h"
#include "base/ids.h"
#include "base/result.h"
#include "record/entry.h"

namespace rowledger::store {

using KeyId = StrongId<struct KeyIdTag, uint64_t>;

// What sealing adds to values at most.
inline constexpr size_t kSealOverheadBytes = 64;

class Sealing {
 public:
  // salt_key: makes the salts of entries in clear.
  explicit Sealing(std::string_view salt_key) : clear_salts_(salt_key) {}

  Digest clear_salt(Seq seq) const {
    std::string bytes;
    ByteWriter(bytes).u64(seq.value);
    return clear_salts_("rowledger salt v1", bytes);
  }

  // The frames of a bundle. Nothing when their key cannot be had. open_section takes it off the front of `in`.
  void seal_section(Seq first, std::string_view bytes, std::string& out) const {
    (void)first;
    ByteWriter writer(out);
    writer.varint(0);
    writer.string(bytes);
  }
  Result<std::optional<std::string>> open_section(Seq first, std::string_view& in) const {
    (void)first;
    ByteReader reader(in);
    const uint64_t key = reader.varint();
    const std::string_view bytes = reader.string();
    if (!reader.ok() || key != 0) return fail(ErrorCode::kCorrupt, "a bundle of the log is malformed");
    in = reader.rest();
    return std::optional<std::string>(bytes);
  }

 private:
  const HmacSha256 clear_salts_;
};

}  // namespace rowledger::store
