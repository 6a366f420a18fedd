#pragma once
// Names one key of the key ring; stored with everything that the key seals, so it never changes its meaning.
//
//   0              none
//   2 (slot + 1)   a subject's key: a slot of subjects.keys
//   2 slot + 1     a tenant's key: a slot of tenants.keys
#include <cstdint>

#include "base/ids.h"

namespace rowledger::privacy {

using KeyId = StrongId<struct KeyIdTag, uint64_t>;

constexpr KeyId subject_key_id(uint64_t slot) { return {2 * (slot + 1)}; }
constexpr KeyId tenant_key_id(uint64_t slot) { return {2 * slot + 1}; }
constexpr bool is_tenant_key(KeyId id) { return (id.value & 1) != 0; }
// id is not none.
constexpr uint64_t slot_of(KeyId id) { return is_tenant_key(id) ? id.value / 2 : id.value / 2 - 1; }

}  // namespace rowledger::privacy
