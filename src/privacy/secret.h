#pragma once
// 32 secret bytes that are wiped when they go out of scope. Copies are made only where a copy is asked for.
#include <sodium.h>

#include <array>
#include <cstring>
#include <string_view>

#include "base/check.h"
#include "base/crypto.h"

namespace rowledger::privacy {

inline constexpr size_t kKeyBytes = 32;

template <class Tag>
class Secret {
 public:
  Secret() = default;  // zeros
  explicit Secret(std::string_view bytes) {
    CHECK(bytes.size() == kKeyBytes);
    std::memcpy(bytes_.data(), bytes.data(), kKeyBytes);
  }
  ~Secret() { sodium_memzero(bytes_.data(), kKeyBytes); }
  Secret(const Secret&) = default;
  Secret& operator=(const Secret&) = default;

  static Secret generate() {
    Secret out;
    random_bytes(out.data(), kKeyBytes);
    return out;
  }

  char* data() { return bytes_.data(); }
  std::string_view view() const { return {bytes_.data(), kKeyBytes}; }

 private:
  std::array<char, kKeyBytes> bytes_{};
};

// Wraps the tenants' keys. Not stored with them.
using MasterKey = Secret<struct MasterKeyTag>;
// Opens a backup of the keys. Kept on paper or in another safe, never on this machine.
using RecoveryKey = Secret<struct RecoveryKeyTag>;
// A tenant's or a subject's key as it was drawn, before it is expanded (SubjectKey) or after it was unwrapped.
using DataKey = Secret<struct DataKeyTag>;
// Wraps the keys of one tenant's subjects; made from the tenant's DataKey.
using WrapKey = Secret<struct WrapKeyTag>;

// A string's bytes, wiped and given up.
inline void wipe(std::string& text) {
  sodium_memzero(text.data(), text.size());
  text.clear();
}

}  // namespace rowledger::privacy
