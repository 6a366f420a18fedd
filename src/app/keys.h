#pragma once
// D/keys.toml: the installation's secrets, readable by its owner only. Lose it, and searches by value
// and references to rows no longer fit what is in the log.
#include <filesystem>
#include <string>

#include "base/crypto.h"
#include "base/result.h"

namespace rowledger::app {

struct Keys {
  std::string ref_key;  // 32 bytes
  ShortHashKey token_key;
  std::string context_hmac_key;  // 32 bytes, shared with applications
  std::string role_password;
  std::string salt_key;     // 32 bytes
  std::string signing_key;  // of checkpoints, as a note's private key; its name is the log's name
};

Keys make_keys();
std::string keys_text(const Keys& keys);
Result<Keys> parse_keys(std::string_view text, std::string_view shown);
// Refuses a file that others may read.
Result<Keys> read_keys(const std::filesystem::path& file);

// Writes a file that did not exist, mode 0600, durable. kConflict when it exists.
Status write_private_file(const std::filesystem::path& file, std::string_view text);
Result<std::string> read_file(const std::filesystem::path& file);

}  // namespace rowledger::app
