#include "app/keys.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <toml++/toml.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/check.h"
#include "base/json_text.h"
#include "base/write_all.h"
#include "ledger/note_key.h"

namespace rowledger::app {
namespace {

constexpr size_t kRefKeyBytes = 32, kContextKeyBytes = 32;

tl::unexpected<Error> io_error(std::string_view what, const std::filesystem::path& file) {
  const int error = errno;
  const ErrorCode code = error == ENOENT   ? ErrorCode::kNotFound
                         : error == EEXIST ? ErrorCode::kConflict
                         : error == EACCES ? ErrorCode::kPermission
                                           : ErrorCode::kIo;
  return fail(code, fmt::format("cannot {} {}: {}", what, file.string(), std::strerror(error)));
}

Result<std::string> text_key(const toml::table& table, std::string_view name, std::string_view shown) {
  const auto value = table[name].value<std::string>();
  if (!value || value->empty()) return fail(ErrorCode::kInvalid, fmt::format("{}: {} is missing", shown, name));
  return *value;
}

Result<std::string> hex_key(const toml::table& table, std::string_view name, size_t bytes, std::string_view shown) {
  RL_ASSIGN(const std::string text, text_key(table, name, shown));
  const auto value = from_hex(text);
  if (!value || value->size() != bytes) {
    return fail(ErrorCode::kInvalid, fmt::format("{}: {} must be {} hexadecimal digits, as init wrote it: restore the "
                                                 "file from a backup",
                                                 shown, name, 2 * bytes));
  }
  return *value;
}

}  // namespace

Keys make_keys() {
  Keys keys;
  keys.ref_key = random_bytes(kRefKeyBytes);
  random_bytes(reinterpret_cast<char*>(keys.token_key.bytes.data()), keys.token_key.bytes.size());
  keys.context_hmac_key = random_bytes(kContextKeyBytes);
  keys.role_password = to_hex(random_bytes(24));
  keys.salt_key = random_bytes(kRefKeyBytes);
  // A name that no other log has, and that nobody can take for a host's.
  auto signing_key = ledger::SigningKey::generate("rowledger.invalid/" + to_hex(random_bytes(8)));
  CHECK(signing_key.has_value());
  keys.signing_key = signing_key->format();
  return keys;
}

std::string keys_text(const Keys& keys) {
  std::string password;
  append_json_string(password, keys.role_password);  // as TOML writes texts, too
  const std::string_view token(reinterpret_cast<const char*>(keys.token_key.bytes.data()), keys.token_key.bytes.size());
  return fmt::format(
      "# Secrets of this installation of Rowledger. Keep a copy in a safe place, not beside the log.\n\n"
      "# Make references to rows and actors that tell nothing without this key. Never change it.\n"
      "ref_key = \"{}\"\n\n"
      "# Makes exact search by value possible without the values in the index. Never change it.\n"
      "token_key = \"{}\"\n\n"
      "# For applications that prove who made a change: the key of HMAC-SHA256, as hexadecimal\n"
      "# digits (docs/attribution). Give it to the application, and to nobody else.\n"
      "context_hmac_key = \"{}\"\n\n"
      "# Of the PostgreSQL role that capture uses; attach sets it.\n"
      "role_password = {}\n\n"
      "# Makes the commitments of entries that are not sealed impossible to guess. Never change it.\n"
      "salt_key = \"{}\"\n\n"
      "# Signs the log's checkpoints. Never change it: all that was signed is checked against it.\n"
      "signing_key = \"{}\"\n",
      to_hex(keys.ref_key), to_hex(token), to_hex(keys.context_hmac_key), password, to_hex(keys.salt_key),
      keys.signing_key);
}

Result<Keys> parse_keys(std::string_view text, std::string_view shown) {
  try {
    const toml::table table = toml::parse(text, shown);
    Keys keys;
    RL_ASSIGN(keys.ref_key, hex_key(table, "ref_key", kRefKeyBytes, shown));
    RL_ASSIGN(const std::string token, hex_key(table, "token_key", keys.token_key.bytes.size(), shown));
    std::copy(token.begin(), token.end(), keys.token_key.bytes.begin());
    RL_ASSIGN(keys.context_hmac_key, hex_key(table, "context_hmac_key", kContextKeyBytes, shown));
    RL_ASSIGN(keys.role_password, text_key(table, "role_password", shown));
    RL_ASSIGN(keys.salt_key, hex_key(table, "salt_key", kRefKeyBytes, shown));
    RL_ASSIGN(keys.signing_key, text_key(table, "signing_key", shown));
    if (!ledger::SigningKey::parse(keys.signing_key))
      return fail(ErrorCode::kInvalid,
                  fmt::format("{}: signing_key is not as init wrote it: restore the file from a backup", shown));
    return keys;
  } catch (const std::exception&) {
    // The parser's own message could quote a key.
    return fail(ErrorCode::kInvalid, fmt::format("{} is not well-formed TOML: restore it from a backup", shown));
  }
}

Result<Keys> read_keys(const std::filesystem::path& file) {
  struct stat info {};
  if (::stat(file.c_str(), &info) == 0 && (info.st_mode & 077) != 0) {
    return fail(ErrorCode::kInvalid, fmt::format("other users may read {}, which holds secrets: chmod 600 {}",
                                                 file.string(), file.string()));
  }
  RL_ASSIGN(const std::string text, read_file(file));
  return parse_keys(text, file.string());
}

Status write_private_file(const std::filesystem::path& file, std::string_view text) {
  const int fd = ::open(file.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd < 0) return io_error("write", file);
  const bool whole = write_all(fd, text) && ::fsync(fd) == 0;
  const int error = errno;
  ::close(fd);
  if (whole) return {};
  ::unlink(file.c_str());
  errno = error;
  return io_error("write", file);
}

Result<std::string> read_file(const std::filesystem::path& file) {
  const int fd = ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return io_error("read", file);
  std::string out;
  char buffer[16 << 10];
  ssize_t n;
  while ((n = ::read(fd, buffer, sizeof buffer)) > 0 || (n < 0 && errno == EINTR))
    if (n > 0) out.append(buffer, static_cast<size_t>(n));
  const int error = errno;
  ::close(fd);
  if (n == 0) return out;
  errno = error;
  return io_error("read", file);
}

}  // namespace rowledger::app
