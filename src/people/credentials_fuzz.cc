// Cookie and Authorization headers, from anybody.
#include <cstdint>

#include "base/check.h"
#include "people/credentials.h"
#include "people/secret.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace rowledger::people;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto cookie = cookie_value(text, "rowledger_session")) {
    CHECK(cookie->find(';') == std::string_view::npos);
    CHECK(text.find("rowledger_session=" + std::string(*cookie)) != std::string_view::npos);
  }
  if (const auto token = bearer_token(text))
    CHECK(!token->empty() && token->find_first_of(" \t\r\n;,\"") == token->npos);
  if (const auto bytes = from_base64url(text)) CHECK(to_base64url(*bytes) == text);
  CHECK(from_base64url(to_base64url(text)) == text);
  return 0;
}
