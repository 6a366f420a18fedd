#pragma once
// Where the master key comes from: a file outside the data directory, or a command that prints it (a key management
// service's client). Both give 64 hexadecimal digits, with or without a line's end. Neither the key nor a command's
// output is ever in an error or a log; buffers are wiped. Any thread.
#include <filesystem>
#include <string>
#include <string_view>

#include "base/result.h"
#include "privacy/secret.h"

namespace rowledger::privacy {

// kNotFound: no such file. kInvalid: others may read it, or it holds something else; the message says what to do.
Result<MasterKey> read_master_key(const std::filesystem::path& file);

// Runs `command` with /bin/sh -c and takes its standard output; its standard error is that of this program. kInvalid
// when the output is something else, kUnavailable when the command fails or takes longer than timeout_ms: then it is
// killed, with what it started.
inline constexpr int kMasterKeyTimeoutMs = 10'000;
Result<MasterKey> master_key_from_command(const std::string& command, int timeout_ms = kMasterKeyTimeoutMs);

// Draws a key into a new file of mode 0600, durable when it returns. kConflict when there is a file.
Result<MasterKey> generate_master_key(const std::filesystem::path& file);
// The same for a key that there is already, for one that restore_keys() gave back.
Status write_master_key(const std::filesystem::path& file, const MasterKey& key);

// 64 hexadecimal digits and nothing else; kInvalid says what was wrong without quoting it.
Result<RecoveryKey> parse_recovery_key(std::string_view digits);

}  // namespace rowledger::privacy
