#include "privacy/key_file.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/bytes.h"

namespace rowledger::privacy {
namespace {

constexpr size_t kMagicBytes = 8, kDigestAt = 96, kDigestEnd = 128;
constexpr std::string_view kCheckText = "rowledger master key check v1   ";
static_assert(kCheckText.size() == kKeyBytes);

std::string_view magic(KeyFileKind kind) { return kind == KeyFileKind::kTenants ? "RLTENKEY" : "RLSUBKEY"; }

template <size_t N>
std::string_view view(const std::array<char, N>& bytes) {
  return {bytes.data(), N};
}

bool is_zero(std::string_view bytes) { return bytes.find_first_not_of('\0') == std::string_view::npos; }

void wrap_with(std::string_view key, std::string_view nonce, std::string_view aad, std::string_view secret,
               WrappedKey& out) {
  CHECK(nonce.size() == kNonceBytes && secret.size() == kKeyBytes);
  Nonce as_nonce;
  std::copy(nonce.begin(), nonce.end(), as_nonce.begin());
  std::copy(nonce.begin(), nonce.end(), out.begin());
  seal(key, as_nonce, aad, secret, out.data() + kNonceBytes);
}

bool unwrap_with(std::string_view key, std::string_view aad, const WrappedKey& wrapped, char* out) {
  Nonce nonce;
  std::copy_n(wrapped.begin(), kNonceBytes, nonce.begin());
  return unseal(key, nonce, aad, view(wrapped).substr(kNonceBytes), out);
}

// On the stack: this is done a million times in a baseline.
struct SlotAad {
  SlotAad(KeyFileKind kind, uint64_t number, const RingId& ring) {
    std::copy(ring.begin(), ring.end(), bytes.begin());
    bytes[ring.size()] = kind == KeyFileKind::kTenants ? 'T' : 'S';
    put(number, 8);
  }
  void put(uint64_t value, size_t n) {
    for (size_t i = n; i-- > 0;) bytes[size++] = static_cast<char>(value >> (8 * i));
  }
  std::string_view view() const { return {bytes.data(), size}; }

  std::array<char, 64> bytes;
  size_t size = sizeof(RingId) + 1;
};

SlotAad aad_of(const TenantSlot& slot, uint64_t number, const RingId& ring) {
  SlotAad aad(KeyFileKind::kTenants, number, ring);
  std::copy(slot.name.begin(), slot.name.end(), aad.bytes.begin() + aad.size);
  aad.size += slot.name.size();
  return aad;
}

SlotAad aad_of(const SubjectSlot& slot, uint64_t number, const RingId& ring) {
  SlotAad aad(KeyFileKind::kSubjects, number, ring);
  aad.put(slot.tenant, 3);
  return aad;
}

}  // namespace

std::string_view file_name(KeyFileKind kind) {
  return kind == KeyFileKind::kTenants ? "tenants.keys" : "subjects.keys";
}

std::string encode_header(KeyFileKind kind, const KeyFileHeader& header) {
  std::string out;
  ByteWriter writer(out);
  writer.raw(magic(kind));
  writer.u8(kKeyFileVersion);
  out.resize(16);
  writer.raw(view(header.ring_id));
  writer.raw(view(header.key_check));
  out.resize(kDigestAt);
  writer.raw(as_view(sha256(out)));
  out.resize(kHeaderBytes);
  for (const size_t offset : kMarkOffsets) {
    const std::string mark = encode_mark(kind, header.ring_id, 0);
    std::copy(mark.begin(), mark.end(), out.begin() + static_cast<ptrdiff_t>(offset));
  }
  return out;
}

Result<KeyFileHeader> decode_header(KeyFileKind kind, std::string_view bytes) {
  if (bytes.size() < kHeaderBytes || !bytes.starts_with(magic(kind))) {
    return fail(ErrorCode::kCorrupt, fmt::format("{} does not begin as such a file does", file_name(kind)));
  }
  const std::string_view digest = bytes.substr(kDigestAt, kDigestEnd - kDigestAt);
  if (as_view(sha256(bytes.substr(0, kDigestAt))) != digest) {
    return fail(ErrorCode::kCorrupt, fmt::format("the header of {} is damaged", file_name(kind)));
  }
  ByteReader reader(bytes);
  reader.raw(kMagicBytes);
  if (const uint8_t version = reader.u8(); version != kKeyFileVersion) {
    return fail(ErrorCode::kInvalid, fmt::format("{} has format {}; this program reads format {}", file_name(kind),
                                                 version, kKeyFileVersion));
  }
  reader.raw(7);
  KeyFileHeader header;
  const std::string_view ring = reader.raw(header.ring_id.size()), check = reader.raw(header.key_check.size());
  std::copy(ring.begin(), ring.end(), header.ring_id.begin());
  std::copy(check.begin(), check.end(), header.key_check.begin());
  return header;
}

WrappedKey make_key_check(const MasterKey& master, const RingId& ring) {
  WrappedKey out;
  wrap_with(master.view(), random_bytes(kNonceBytes), view(ring), kCheckText, out);
  return out;
}

bool passes_key_check(const WrappedKey& check, const MasterKey& master, const RingId& ring) {
  std::array<char, kKeyBytes> text;
  return unwrap_with(master.view(), view(ring), check, text.data()) && view(text) == kCheckText;
}

std::string encode_mark(KeyFileKind kind, const RingId& ring, uint64_t slots) {
  std::string out;
  ByteWriter(out).u64(slots);
  const Digest check = sha256(magic(kind), view(ring), out);
  out.append(as_view(check).substr(0, kMarkBytes - out.size()));
  return out;
}

std::optional<uint64_t> decode_mark(KeyFileKind kind, const RingId& ring, std::string_view bytes) {
  ByteReader reader(bytes);
  const uint64_t slots = reader.u64();
  if (bytes.size() != kMarkBytes || bytes != encode_mark(kind, ring, slots)) return std::nullopt;
  return slots;
}

std::optional<uint64_t> durable_slots(KeyFileKind kind, const RingId& ring, std::string_view header) {
  std::optional<uint64_t> largest;
  for (const size_t offset : kMarkOffsets) {
    if (header.size() < offset + kMarkBytes) return std::nullopt;
    if (const auto mark = decode_mark(kind, ring, header.substr(offset, kMarkBytes))) {
      largest = std::max(largest.value_or(0), *mark);
    }
  }
  return largest;
}

std::optional<SlotState> state_of_slot(std::string_view slot) {
  if (slot.empty()) return std::nullopt;
  const auto state = static_cast<SlotState>(slot.front());
  if (state == SlotState::kEmpty) return is_zero(slot) ? std::optional(state) : std::nullopt;
  if (state == SlotState::kLive || state == SlotState::kDestroyed) return state;
  return std::nullopt;
}

void encode_slot(const TenantSlot& slot, std::string& out) {
  ByteWriter writer(out);
  const size_t start = out.size();
  writer.u8(static_cast<uint8_t>(SlotState::kLive));
  out.resize(start + 4);
  writer.raw(as_view(slot.name));
  writer.raw(view(slot.key));
  out.resize(start + slot_bytes(KeyFileKind::kTenants));
}

void encode_slot(const SubjectSlot& slot, std::string& out) {
  CHECK(slot.tenant < kMaxTenants);
  ByteWriter writer(out);
  writer.u32(uint32_t{static_cast<uint8_t>(SlotState::kLive)} << 24 | slot.tenant);
  writer.raw(view(slot.key));
}

std::optional<TenantSlot> decode_tenant_slot(std::string_view bytes) {
  if (bytes.size() != slot_bytes(KeyFileKind::kTenants) || state_of_slot(bytes) != SlotState::kLive) return {};
  TenantSlot slot;
  constexpr size_t kNameAt = 4, kKeyAt = 36, kEnd = 96;
  if (!is_zero(bytes.substr(1, kNameAt - 1)) || !is_zero(bytes.substr(kEnd))) return {};
  std::copy_n(bytes.begin() + kNameAt, slot.name.size(), slot.name.begin());
  std::copy_n(bytes.begin() + kKeyAt, slot.key.size(), slot.key.begin());
  return slot;
}

std::optional<SubjectSlot> decode_subject_slot(std::string_view bytes) {
  if (bytes.size() != slot_bytes(KeyFileKind::kSubjects) || state_of_slot(bytes) != SlotState::kLive) return {};
  SubjectSlot slot;
  ByteReader reader(bytes);
  slot.tenant = reader.u32() & 0xffffff;
  if (slot.tenant >= kMaxTenants) return {};
  const std::string_view key = reader.rest();
  std::copy(key.begin(), key.end(), slot.key.begin());
  return slot;
}

std::string destroyed_slot(KeyFileKind kind) {
  std::string out(slot_bytes(kind), '\0');
  out[0] = static_cast<char>(SlotState::kDestroyed);
  return out;
}

void wrap(TenantSlot& slot, uint64_t number, const RingId& ring, const MasterKey& master, std::string_view nonce,
          const DataKey& key) {
  wrap_with(master.view(), nonce, aad_of(slot, number, ring).view(), key.view(), slot.key);
}

void wrap(SubjectSlot& slot, uint64_t number, const RingId& ring, const WrapKey& wrap_key, std::string_view nonce,
          const DataKey& key) {
  wrap_with(wrap_key.view(), nonce, aad_of(slot, number, ring).view(), key.view(), slot.key);
}

bool unwrap(const TenantSlot& slot, uint64_t number, const RingId& ring, const MasterKey& master, DataKey& out) {
  return unwrap_with(master.view(), aad_of(slot, number, ring).view(), slot.key, out.data());
}

bool unwrap(const SubjectSlot& slot, uint64_t number, const RingId& ring, const WrapKey& wrap_key, DataKey& out) {
  return unwrap_with(wrap_key.view(), aad_of(slot, number, ring).view(), slot.key, out.data());
}

}  // namespace rowledger::privacy
