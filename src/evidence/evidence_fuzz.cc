// Evidence from anybody: any bytes are taken or refused, and what is taken has one spelling.
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "evidence/evidence_bundle.h"

namespace rowledger::evidence {
namespace {

void check_bytes(std::string_view bytes) {
  const auto parsed = parse_evidence(bytes);
  const auto checked = check_evidence(bytes, std::nullopt);
  if (!parsed) {
    CHECK(parsed.error().code == ErrorCode::kCorrupt);
    CHECK(!checked.has_value());
    return;
  }
  const auto again = parse_evidence(format_evidence(*parsed));
  CHECK(again.has_value() && *again == *parsed);
  if (checked) CHECK(checked->entries.size() == parsed->entries.size());
}

// The checksum keeps most altered files from getting far: here they get one that is right.
void check_with_checksum(std::string_view bytes) {
  const size_t end = bytes.rfind("\nend ");
  if (end == std::string_view::npos) return;
  std::string repaired(bytes.substr(0, end + 1));
  repaired += "end " + to_hex(as_view(sha256(std::string_view(), repaired))) + "\n";
  check_bytes(repaired);
}

}  // namespace
}  // namespace rowledger::evidence

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  rowledger::evidence::check_bytes(bytes);
  rowledger::evidence::check_with_checksum(bytes);
  return 0;
}
