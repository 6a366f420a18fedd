#pragma once
// Secrets that are handed out and kept only as a hash: sessions, API tokens, one-time links. They are 256 random bits,
// so that a plain SHA-256 is as good a hash as any.
#include <string>
#include <string_view>

#include "base/crypto.h"

namespace rowledger::people {

// base64url (RFC 4648, section 5) without padding.
std::string to_base64url(std::string_view bytes);
std::optional<std::string> from_base64url(std::string_view text);

// 43 characters.
std::string new_secret();
Digest hash_of(std::string_view secret);

}  // namespace rowledger::people
