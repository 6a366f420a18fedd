#include "store/json_leaves.h"

namespace rowledger::store {
namespace {

uint64_t mix(uint64_t hash, std::string_view bytes, char separator) {
  auto step = [&hash](unsigned char c) { hash = (hash ^ c) * 0x100000001b3; };
  step(static_cast<unsigned char>(separator));
  for (const char c : bytes) step(static_cast<unsigned char>(c));
  return hash;
}

void append_utf8(std::string& out, uint32_t code) {
  auto put = [&out](uint32_t byte) { out.push_back(static_cast<char>(byte)); };
  if (code < 0x80) {
    put(code);
  } else if (code < 0x800) {
    put(0xc0 | code >> 6);
    put(0x80 | (code & 0x3f));
  } else if (code < 0x10000) {
    put(0xe0 | code >> 12);
    put(0x80 | (code >> 6 & 0x3f));
    put(0x80 | (code & 0x3f));
  } else {
    put(0xf0 | code >> 18);
    put(0x80 | (code >> 12 & 0x3f));
    put(0x80 | (code >> 6 & 0x3f));
    put(0x80 | (code & 0x3f));
  }
}

// Four hexadecimal digits at `at`; false when they are not there.
bool hex4(std::string_view raw, size_t at, uint32_t& out) {
  if (at + 4 > raw.size()) return false;
  out = 0;
  for (size_t i = at; i < at + 4; ++i) {
    const char c = raw[i];
    const int digit = c >= '0' && c <= '9'   ? c - '0'
                      : c >= 'a' && c <= 'f' ? c - 'a' + 10
                      : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                             : -1;
    if (digit < 0) return false;
    out = out << 4 | static_cast<uint32_t>(digit);
  }
  return true;
}

}  // namespace

bool JsonLeaves::scan(std::string_view json) {
  in_ = json;
  leaves_.clear();
  unescaped_.clear();
  const bool whole = value(0xcbf29ce484222325, {}, 0);
  skip_space();
  return whole && in_.empty();
}

void JsonLeaves::skip_space() {
  while (!in_.empty() && (in_[0] == ' ' || in_[0] == '\n' || in_[0] == '\t' || in_[0] == '\r')) in_.remove_prefix(1);
}

bool JsonLeaves::take(char c) {
  skip_space();
  if (in_.empty() || in_[0] != c) return false;
  in_.remove_prefix(1);
  return true;
}

bool JsonLeaves::value(uint64_t path, std::string_view name, uint32_t depth) {
  skip_space();
  if (in_.empty() || depth > kMaxDepth || leaves_.size() >= kMaxLeaves) return false;
  if (in_[0] == '{') return object(path, depth);
  if (in_[0] == '[') return array(path, depth);
  if (in_[0] == '"') {
    std::string_view raw;
    bool escaped = false;
    if (!string(raw, escaped)) return false;
    leaves_.push_back({path, name, depth, true, escaped ? unescape(raw) : raw});
    return true;
  }
  size_t n = 0;
  while (n < in_.size() && in_[n] != ',' && in_[n] != '}' && in_[n] != ']' && in_[n] != ' ' && in_[n] != '\n' &&
         in_[n] != '\t' && in_[n] != '\r')
    ++n;
  if (n == 0) return false;
  const std::string_view text = in_.substr(0, n);
  in_.remove_prefix(n);
  if (text != "null") leaves_.push_back({path, name, depth, false, text});
  return true;
}

bool JsonLeaves::object(uint64_t path, uint32_t depth) {
  in_.remove_prefix(1);
  if (take('}')) return true;
  do {
    skip_space();
    std::string_view name;
    bool escaped = false;
    if (!string(name, escaped) || !take(':')) return false;
    if (!value(mix(path, name, '/'), name, depth + 1)) return false;
  } while (take(','));
  return take('}');
}

bool JsonLeaves::array(uint64_t path, uint32_t depth) {
  in_.remove_prefix(1);
  if (take(']')) return true;
  uint64_t position = 0;
  do {
    const uint64_t at = position++;
    if (!value(mix(path, {reinterpret_cast<const char*>(&at), sizeof(at)}, '['), {}, depth + 1)) return false;
  } while (take(','));
  return take(']');
}

bool JsonLeaves::string(std::string_view& raw, bool& escaped) {
  if (in_.empty() || in_[0] != '"') return false;
  for (size_t i = 1; i < in_.size(); ++i) {
    if (in_[i] == '\\') {
      escaped = true;
      ++i;
    } else if (in_[i] == '"') {
      raw = in_.substr(1, i - 1);
      in_.remove_prefix(i + 1);
      return true;
    }
  }
  return false;
}

std::string_view JsonLeaves::unescape(std::string_view raw) {
  std::string& out = unescaped_.emplace_back();
  for (size_t i = 0; i < raw.size(); ++i) {
    if (raw[i] != '\\' || i + 1 >= raw.size()) {
      out.push_back(raw[i]);
      continue;
    }
    const char c = raw[++i];
    uint32_t code = 0, low = 0;
    if (c == 'u' && hex4(raw, i + 1, code)) {
      i += 4;
      if (code >= 0xd800 && code < 0xdc00 && i + 2 < raw.size() && raw[i + 1] == '\\' && raw[i + 2] == 'u' &&
          hex4(raw, i + 3, low) && low >= 0xdc00 && low < 0xe000) {
        code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
        i += 6;
      }
      append_utf8(out, code);
    } else {
      out.push_back(c == 'n' ? '\n' : c == 't' ? '\t' : c == 'r' ? '\r' : c == 'b' ? '\b' : c == 'f' ? '\f' : c);
    }
  }
  return out;
}

}  // namespace rowledger::store
