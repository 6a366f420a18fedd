#pragma once
// The bytes of the two key files (docs/format/keys.md). Parsing is pure: it takes any bytes.
//
//   tenants.keys    header (4096), then slots of 128 bytes, the tenants' keys wrapped by the master key
//   subjects.keys   header (4096), then slots of 64 bytes, the subjects' keys wrapped by their tenant's wrap key
//
// A slot's position is the key's name for good: slots are given out in ascending order and never used again.
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/crypto.h"
#include "base/result.h"
#include "privacy/seal.h"
#include "privacy/secret.h"

namespace rowledger::privacy {

enum class KeyFileKind : uint8_t { kTenants, kSubjects };
std::string_view file_name(KeyFileKind kind);
constexpr size_t slot_bytes(KeyFileKind kind) { return kind == KeyFileKind::kTenants ? 128 : 64; }
inline constexpr size_t kSubjectSlotBytes = slot_bytes(KeyFileKind::kSubjects);

// Beside them: taken by the process that works on them, and never replaced.
inline constexpr std::string_view kKeyLockName = "keys.lock";

inline constexpr size_t kHeaderBytes = 4096;
inline constexpr uint8_t kKeyFileVersion = 1;
inline constexpr uint64_t kMaxTenants = (1 << 24) - 1;
inline constexpr uint64_t kMaxSubjects = uint64_t{1} << 36;

// Drawn when the ring is made, the same in both files and in their backups: no slot can pass for another ring's.
using RingId = std::array<char, 16>;

// nonce (12, random) || wrapped key (32) || tag (16).
using WrappedKey = std::array<char, kNonceBytes + kKeyBytes + kTagBytes>;

struct KeyFileHeader {
  RingId ring_id{};
  WrappedKey key_check{};  // tenants.keys only: tells a wrong master key from damage
};
std::string encode_header(KeyFileKind kind, const KeyFileHeader& header);
// kCorrupt when damaged or not such a file; kInvalid when made by a later version.
Result<KeyFileHeader> decode_header(KeyFileKind kind, std::string_view bytes);

// A master key's mark in the header.
WrappedKey make_key_check(const MasterKey& master, const RingId& ring);
bool passes_key_check(const WrappedKey& check, const MasterKey& master, const RingId& ring);

// How many slots are known to be on the device, twice in the header so that one survives a torn write. 16 bytes each.
inline constexpr size_t kMarkBytes = 16;
inline constexpr size_t kMarkOffsets[2] = {512, 1024};
std::string encode_mark(KeyFileKind kind, const RingId& ring, uint64_t slots);
std::optional<uint64_t> decode_mark(KeyFileKind kind, const RingId& ring, std::string_view bytes);
// The larger of a header's two marks; none when both are damaged.
std::optional<uint64_t> durable_slots(KeyFileKind kind, const RingId& ring, std::string_view header);

// Three values far apart: no single flipped bit turns one into another.
enum class SlotState : uint8_t { kEmpty = 0x00, kLive = 0xa5, kDestroyed = 0x5a };

struct TenantSlot {
  Digest name{};  // SHA-256 of the tenant's name
  WrappedKey key{};
};
struct SubjectSlot {
  uint32_t tenant = 0;  // slot of tenants.keys
  WrappedKey key{};
};

// Nothing for a byte that is no state. For kDestroyed it is the first byte alone that counts: a destruction that was
// torn is finished, not taken back.
std::optional<SlotState> state_of_slot(std::string_view slot);
void encode_slot(const TenantSlot& slot, std::string& out);
void encode_slot(const SubjectSlot& slot, std::string& out);
// Of a live slot's bytes; nothing when they are malformed.
std::optional<TenantSlot> decode_tenant_slot(std::string_view slot);
std::optional<SubjectSlot> decode_subject_slot(std::string_view slot);
// What a destroyed slot holds: the state, and zeros.
std::string destroyed_slot(KeyFileKind kind);

// AES-256-GCM with `nonce` (12 bytes, random) and the additional data ring id || kind || slot || the tenant's name's
// hash, or its slot number: a slot moved to another place, file or tenant does not unwrap.
void wrap(TenantSlot& slot, uint64_t number, const RingId& ring, const MasterKey& master, std::string_view nonce,
          const DataKey& key);
void wrap(SubjectSlot& slot, uint64_t number, const RingId& ring, const WrapKey& wrap_key, std::string_view nonce,
          const DataKey& key);
[[nodiscard]] bool unwrap(const TenantSlot& slot, uint64_t number, const RingId& ring, const MasterKey& master,
                          DataKey& out);
[[nodiscard]] bool unwrap(const SubjectSlot& slot, uint64_t number, const RingId& ring, const WrapKey& wrap_key,
                          DataKey& out);

}  // namespace rowledger::privacy
