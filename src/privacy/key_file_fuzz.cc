// Key files' headers and slots, and backups' parts, must be taken from any bytes. The first byte says which.
#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.h"
#include "privacy/key_backup.h"
#include "privacy/key_file.h"

namespace rowledger::privacy {
namespace {

void take_header(KeyFileKind kind, std::string_view bytes) {
  // Past the magic and the digest, which a fuzzer does not find by itself.
  std::string header = encode_header(kind, {});
  header.replace(8, std::min<size_t>(bytes.size(), 88), bytes.substr(0, 88));
  header.replace(96, 32, as_view(sha256(std::string_view(header).substr(0, 96))));
  if (bytes.size() > 88) header.replace(512, std::min<size_t>(bytes.size() - 88, 600), bytes.substr(88, 600));
  for (const std::string_view all : {bytes, std::string_view(header)}) {
    const auto parsed = decode_header(kind, all);
    if (!parsed) continue;
    static_cast<void>(durable_slots(kind, parsed->ring_id, all));
    static_cast<void>(passes_key_check(parsed->key_check, MasterKey(), parsed->ring_id));
  }
}

void take_slots(KeyFileKind kind, std::string_view bytes) {
  const size_t n = slot_bytes(kind);
  for (; !bytes.empty(); bytes.remove_prefix(std::min(n, bytes.size()))) {
    const std::string_view slot = bytes.substr(0, n);
    const auto state = state_of_slot(slot);
    std::string again;
    DataKey out;
    if (kind == KeyFileKind::kTenants) {
      const auto parsed = decode_tenant_slot(slot);
      CHECK(!parsed || state == SlotState::kLive);
      if (!parsed) continue;
      encode_slot(*parsed, again);
      CHECK(!unwrap(*parsed, 1, {}, MasterKey(), out));
    } else {
      const auto parsed = decode_subject_slot(slot);
      CHECK(!parsed || state == SlotState::kLive);
      if (!parsed) continue;
      encode_slot(*parsed, again);
      CHECK(!unwrap(*parsed, 1, {}, WrapKey(), out));
    }
    CHECK(again == slot);
  }
}

void take_part(std::string_view bytes) {
  const auto part = decode_part(bytes);
  if (part) {
    CHECK(encode_part(*part) == bytes);
  } else {
    CHECK(part.error().code == ErrorCode::kCorrupt);
  }
}

void take_backup(std::string_view bytes) {
  auto reader = BackupReader::open(
      [bytes](size_t n) mutable -> Result<std::string> {
        std::string out(bytes.substr(0, n));
        bytes.remove_prefix(out.size());
        return out;
      },
      RecoveryKey());
  if (reader) CHECK(!reader->next());  // nothing here was sealed
}

// Parts that were sealed, in any order and with any slots.
void take_sealed_parts(std::string_view bytes) {
  std::string file("RLKEYBAK\x01", 9);
  file.resize(kBackupHeaderBytes);
  const std::string header = file;
  const Digest key = HmacSha256(RecoveryKey().view())("rowledger keys backup v1", header);
  for (uint64_t number = 0; !bytes.empty() && number < 16; ++number) {
    const auto size = static_cast<uint8_t>(bytes.front());
    const std::string_view plain = bytes.substr(1, size);
    bytes.remove_prefix(1 + plain.size());
    Nonce nonce{};
    nonce[kNonceBytes - 1] = static_cast<unsigned char>(number);
    file += std::string("\0\0", 2) + static_cast<char>((plain.size() + kTagBytes) >> 8) +
            static_cast<char>(plain.size() + kTagBytes);
    seal(as_view(key), nonce, header, plain, file);
  }
  std::string_view left = file;
  auto reader = BackupReader::open(
      [left](size_t n) mutable -> Result<std::string> {
        std::string out(left.substr(0, n));
        left.remove_prefix(out.size());
        return out;
      },
      RecoveryKey());
  CHECK(reader.has_value());
  for (;;) {
    const auto part = reader->next();
    if (!part || part->kind == PartKind::kEnd) break;
  }
}

}  // namespace
}  // namespace rowledger::privacy

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace rowledger::privacy;
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  const KeyFileKind kind = (data[0] & 1) != 0 ? KeyFileKind::kTenants : KeyFileKind::kSubjects;
  switch (data[0] >> 1 & 7) {
    case 0: take_header(kind, bytes); break;
    case 1: take_slots(kind, bytes); break;
    case 2: take_part(bytes); break;
    case 3: take_backup(bytes); break;
    default: take_sealed_parts(bytes); break;
  }
  return 0;
}
