// keys.toml: what is read comes back from what would be written, and no error tells what stands in the file.
#include "app/keys.h"

#include <cstdint>

#include "base/check.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace rowledger;
  const auto keys = app::parse_keys({reinterpret_cast<const char*>(data), size}, "keys.toml");
  if (!keys) {
    CHECK(keys.error().code == ErrorCode::kInvalid && keys.error().message.starts_with("keys.toml"));
    return 0;
  }
  const auto again = app::parse_keys(app::keys_text(*keys), "written");
  CHECK(again && again->ref_key == keys->ref_key && again->token_key.bytes == keys->token_key.bytes &&
        again->context_hmac_key == keys->context_hmac_key && again->role_password == keys->role_password);
  return 0;
}
