#pragma once
// Passwords as argon2id hashes (RFC 9106, by libsodium). Each takes 64 MiB and about a tenth of a second, so that at
// most two are computed at a time; others wait.
#include <string>
#include <string_view>

#include "base/result.h"

namespace rowledger::people {

inline constexpr size_t kLeastPasswordCharacters = 12, kMostPasswordBytes = 1'024;

// kInvalid, with the reason, when it is too short, too long, one character over and over, or has the user's name in it
// and little else.
Status check_new_password(std::string_view password, std::string_view user_name);

Result<std::string> hash_password(std::string_view password);
bool verify_password(const std::string& hash, std::string_view password);
// As long as a verification takes, for users that do not exist.
void pretend_to_verify(std::string_view password);

}  // namespace rowledger::people
