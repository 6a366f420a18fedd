#include "people/secret.h"

namespace rowledger::people {

std::string to_base64url(std::string_view bytes) {
  std::string out = to_base64(bytes);
  while (out.ends_with('=')) out.pop_back();
  for (char& c : out) {
    if (c == '+') c = '-';
    if (c == '/') c = '_';
  }
  return out;
}

std::optional<std::string> from_base64url(std::string_view text) {
  std::string padded(text);
  for (char& c : padded) {
    if (c == '+' || c == '/' || c == '=') return std::nullopt;
    if (c == '-') c = '+';
    if (c == '_') c = '/';
  }
  padded.append((4 - padded.size() % 4) % 4, '=');
  return from_base64(padded);
}

std::string new_secret() { return to_base64url(random_bytes(32)); }

Digest hash_of(std::string_view secret) { return sha256("rowledger secret v1", secret); }

}  // namespace rowledger::people
