#include "privacy/key_file.h"

#include "privacy/privacy_testing.h"

namespace rowledger::privacy {
namespace {

RingId ring_of(char fill) {
  RingId ring;
  ring.fill(fill);
  return ring;
}

TEST(KeyFile, HeaderRoundTripAndKeyCheck) {
  const MasterKey master = master_of('m');
  KeyFileHeader header{.ring_id = ring_of('r')};
  header.key_check = make_key_check(master, header.ring_id);
  for (const KeyFileKind kind : {KeyFileKind::kTenants, KeyFileKind::kSubjects}) {
    const std::string bytes = encode_header(kind, header);
    ASSERT_EQ(bytes.size(), kHeaderBytes);
    const auto back = decode_header(kind, bytes);
    ASSERT_TRUE(back) << error_of(back);
    EXPECT_EQ(back->ring_id, header.ring_id);
    EXPECT_TRUE(passes_key_check(back->key_check, master, back->ring_id));
    EXPECT_FALSE(passes_key_check(back->key_check, master_of('n'), back->ring_id));
    EXPECT_EQ(durable_slots(kind, back->ring_id, bytes), 0U);
    const auto other = kind == KeyFileKind::kTenants ? KeyFileKind::kSubjects : KeyFileKind::kTenants;
    EXPECT_EQ(decode_header(other, bytes).error().code, ErrorCode::kCorrupt);
  }
}

TEST(KeyFile, EveryAlteredByteOfTheHeaderIsNoticed) {
  const std::string bytes = encode_header(KeyFileKind::kTenants, {.ring_id = ring_of('r')});
  for (size_t i = 0; i < 128; ++i) {
    std::string altered = bytes;
    altered[i] = static_cast<char>(altered[i] ^ 1);
    EXPECT_FALSE(decode_header(KeyFileKind::kTenants, altered)) << i;
  }
  EXPECT_FALSE(decode_header(KeyFileKind::kTenants, std::string_view(bytes).substr(1)));
  EXPECT_FALSE(decode_header(KeyFileKind::kTenants, ""));
}

TEST(KeyFile, OneOfTheTwoMarksIsEnough) {
  const RingId ring = ring_of('r');
  std::string bytes = encode_header(KeyFileKind::kSubjects, {.ring_id = ring});
  bytes.replace(kMarkOffsets[1], kMarkBytes, encode_mark(KeyFileKind::kSubjects, ring, 77));
  EXPECT_EQ(durable_slots(KeyFileKind::kSubjects, ring, bytes), 77U);
  bytes[kMarkOffsets[0]] = 'x';
  EXPECT_EQ(durable_slots(KeyFileKind::kSubjects, ring, bytes), 77U);
  bytes[kMarkOffsets[1]] = 'x';
  EXPECT_EQ(durable_slots(KeyFileKind::kSubjects, ring, bytes), std::nullopt);
}

TEST(KeyFile, SlotsRoundTrip) {
  const DataKey secret = DataKey::generate();
  TenantSlot tenant{.name = sha256("tenant")};
  wrap(tenant, 7, ring_of('r'), master_of('m'), random_bytes(kNonceBytes), secret);
  std::string bytes;
  encode_slot(tenant, bytes);
  ASSERT_EQ(bytes.size(), slot_bytes(KeyFileKind::kTenants));
  EXPECT_EQ(state_of_slot(bytes), SlotState::kLive);
  const auto tenant_back = decode_tenant_slot(bytes);
  ASSERT_TRUE(tenant_back);
  DataKey out;
  EXPECT_TRUE(unwrap(*tenant_back, 7, ring_of('r'), master_of('m'), out));
  EXPECT_EQ(out.view(), secret.view());

  const WrapKey wrap_key = wrap_key_of(secret);
  SubjectSlot subject{.tenant = 0xabcdef};
  wrap(subject, 9, ring_of('r'), wrap_key, random_bytes(kNonceBytes), secret);
  bytes.clear();
  encode_slot(subject, bytes);
  ASSERT_EQ(bytes.size(), slot_bytes(KeyFileKind::kSubjects));
  const auto subject_back = decode_subject_slot(bytes);
  ASSERT_TRUE(subject_back);
  EXPECT_EQ(subject_back->tenant, 0xabcdefU);
  EXPECT_TRUE(unwrap(*subject_back, 9, ring_of('r'), wrap_key, out));
}

TEST(KeyFile, AMovedSlotDoesNotUnwrap) {
  const DataKey secret = DataKey::generate();
  const WrapKey wrap_key = wrap_key_of(secret);
  SubjectSlot slot{.tenant = 3};
  wrap(slot, 9, ring_of('r'), wrap_key, random_bytes(kNonceBytes), secret);
  DataKey out;
  EXPECT_FALSE(unwrap(slot, 10, ring_of('r'), wrap_key, out));
  EXPECT_FALSE(unwrap(slot, 9, ring_of('s'), wrap_key, out));
  SubjectSlot other = slot;
  other.tenant = 4;
  EXPECT_FALSE(unwrap(other, 9, ring_of('r'), wrap_key, out));

  TenantSlot tenant{.name = sha256("a")};
  wrap(tenant, 0, ring_of('r'), master_of('m'), random_bytes(kNonceBytes), secret);
  tenant.name = sha256("b");
  EXPECT_FALSE(unwrap(tenant, 0, ring_of('r'), master_of('m'), out));
}

TEST(KeyFile, NoSingleBitTurnsOneStateIntoAnother) {
  for (const KeyFileKind kind : {KeyFileKind::kTenants, KeyFileKind::kSubjects}) {
    const std::string destroyed = destroyed_slot(kind);
    EXPECT_EQ(state_of_slot(destroyed), SlotState::kDestroyed);
    EXPECT_EQ(state_of_slot(std::string(slot_bytes(kind), '\0')), SlotState::kEmpty);
    for (int bit = 0; bit < 8; ++bit) {
      std::string altered = destroyed;
      altered[0] = static_cast<char>(altered[0] ^ (1 << bit));
      EXPECT_EQ(state_of_slot(altered), std::nullopt);
    }
  }
}

}  // namespace
}  // namespace rowledger::privacy
