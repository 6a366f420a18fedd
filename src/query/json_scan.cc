#include "query/json_scan.h"

#include <algorithm>
#include <charconv>

namespace rowledger::query {
namespace {

constexpr bool is_json_space(char c) { return c == ' ' || c == '\n' || c == '\t' || c == '\r'; }
constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }

void skip_space(std::string_view& in) {
  while (!in.empty() && is_json_space(in.front())) in.remove_prefix(1);
}

bool take(std::string_view& in, char c) {
  if (in.empty() || in.front() != c) return false;
  in.remove_prefix(1);
  return true;
}

// Four hexadecimal digits at the front; -1 when they are not there.
int hex4(std::string_view in) {
  if (in.size() < 4) return -1;
  int code = 0;
  const auto [end, error] = std::from_chars(in.data(), in.data() + 4, code, 16);
  return error == std::errc() && end == in.data() + 4 && in.front() != '-' ? code : -1;
}

bool take_string(std::string_view& in) {
  if (!take(in, '"')) return false;
  while (!in.empty()) {
    const char c = in.front();
    in.remove_prefix(1);
    if (c == '"') return true;
    if (static_cast<unsigned char>(c) < 0x20) return false;
    if (c != '\\') continue;
    if (in.empty()) return false;
    const char escape = in.front();
    in.remove_prefix(1);
    if (escape == 'u') {
      if (hex4(in) < 0) return false;
      in.remove_prefix(4);
    } else if (std::string_view("\"\\/bfnrt").find(escape) == std::string_view::npos) {
      return false;
    }
  }
  return false;
}

bool take_digits(std::string_view& in) {
  if (in.empty() || !is_digit(in.front())) return false;
  while (!in.empty() && is_digit(in.front())) in.remove_prefix(1);
  return true;
}

bool take_number(std::string_view& in) {
  take(in, '-');
  if (!take(in, '0') && !take_digits(in)) return false;
  if (take(in, '.') && !take_digits(in)) return false;
  if (take(in, 'e') || take(in, 'E')) {
    if (!take(in, '+')) take(in, '-');
    return take_digits(in);
  }
  return true;
}

bool take_scalar(std::string_view& in) {
  if (in.empty()) return false;
  if (in.front() == '"') return take_string(in);
  for (const std::string_view word : {"true", "false", "null"}) {
    if (!in.starts_with(word)) continue;
    in.remove_prefix(word.size());
    return true;
  }
  return take_number(in);
}

bool take_name(std::string_view& in) {
  skip_space(in);
  if (!take_string(in)) return false;
  skip_space(in);
  return take(in, ':');
}

// Takes one value off valid JSON without looking at what is in it.
std::string_view take_value(std::string_view& in) {
  const std::string_view start = in;
  size_t depth = 0;
  do {
    if (in.empty()) break;
    const char c = in.front();
    if (c == '"') {
      if (!take_string(in)) in = {};
    } else {
      if (c == '{' || c == '[') ++depth;
      if (c == '}' || c == ']') {
        if (depth == 0) break;
        --depth;
      }
      if (depth == 0 && (c == ',' || is_json_space(c))) break;
      in.remove_prefix(1);
    }
    if (depth == 0 && !in.empty() && (c == '"' || c == '}' || c == ']')) break;
  } while (true);
  return start.substr(0, start.size() - in.size());
}

void append_utf8(std::string& out, uint32_t code) {
  const auto put = [&out](uint32_t byte) { out.push_back(static_cast<char>(byte)); };
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

// The four digits after "\u" stand at the front; takes them, and a second half of a surrogate pair.
uint32_t take_unicode(std::string_view& in) {
  constexpr uint32_t kReplacement = 0xfffd;
  const int high = hex4(in);
  if (high < 0) return kReplacement;
  in.remove_prefix(4);
  if (high < 0xd800 || high > 0xdfff) return static_cast<uint32_t>(high);
  if (high > 0xdbff || !in.starts_with("\\u")) return kReplacement;
  const int low = hex4(in.substr(2));
  if (low < 0xdc00 || low > 0xdfff) return kReplacement;
  in.remove_prefix(6);
  return 0x10000 + (static_cast<uint32_t>(high - 0xd800) << 10) + static_cast<uint32_t>(low - 0xdc00);
}

std::string unescape(std::string_view quoted) {
  std::string out;
  if (quoted.size() < 2) return out;
  std::string_view in = quoted.substr(1, quoted.size() - 2);
  while (!in.empty()) {
    const char c = in.front();
    in.remove_prefix(1);
    if (c != '\\' || in.empty()) {
      out += c;
      continue;
    }
    const char escape = in.front();
    in.remove_prefix(1);
    switch (escape) {
      case 'b': out += '\b'; break;
      case 'f': out += '\f'; break;
      case 'n': out += '\n'; break;
      case 'r': out += '\r'; break;
      case 't': out += '\t'; break;
      case 'u': append_utf8(out, take_unicode(in)); break;
      default: out += escape;
    }
  }
  return out;
}

}  // namespace

bool is_json(std::string_view text) {
  std::vector<bool> objects;  // one for each open container: whether it is an object
  skip_space(text);
  while (true) {
    // A value stands here.
    const bool is_object = !text.empty() && text.front() == '{';
    if (is_object || (!text.empty() && text.front() == '[')) {
      text.remove_prefix(1);
      skip_space(text);
      if (!take(text, is_object ? '}' : ']')) {
        objects.push_back(is_object);
        if (is_object && !take_name(text)) return false;
        skip_space(text);
        continue;
      }
    } else if (!take_scalar(text)) {
      return false;
    }
    // Behind a value: the ends of containers, then a comma and the next value.
    skip_space(text);
    while (!objects.empty() && take(text, objects.back() ? '}' : ']')) {
      objects.pop_back();
      skip_space(text);
    }
    if (objects.empty()) return text.empty();
    if (!take(text, ',') || (objects.back() && !take_name(text))) return false;
    skip_space(text);
  }
}

JsonKind json_kind(std::string_view value) {
  skip_space(value);
  switch (value.empty() ? ' ' : value.front()) {
    case '{': return JsonKind::kObject;
    case '[': return JsonKind::kArray;
    case '"': return JsonKind::kString;
    default: return JsonKind::kScalar;
  }
}

std::vector<JsonMember> json_members(std::string_view in) {
  std::vector<JsonMember> out;
  skip_space(in);
  const bool is_object = !in.empty() && in.front() == '{';
  if (!is_object && (in.empty() || in.front() != '[')) return out;
  in.remove_prefix(1);
  skip_space(in);
  while (!in.empty() && in.front() != '}' && in.front() != ']') {
    JsonMember member;
    if (is_object) {
      const std::string_view name = take_value(in);
      member.name = unescape(name);
      skip_space(in);
      if (!take(in, ':')) break;
      skip_space(in);
    }
    member.value = take_value(in);
    if (member.value.empty()) break;
    out.push_back(std::move(member));
    skip_space(in);
    if (!take(in, ',')) break;
    skip_space(in);
  }
  return out;
}

std::optional<std::string> json_scalar_text(std::string_view value) {
  skip_space(value);
  while (!value.empty() && is_json_space(value.back())) value.remove_suffix(1);
  if (json_kind(value) == JsonKind::kString) return unescape(value);
  if (json_kind(value) != JsonKind::kScalar || value == "null" || value.empty()) return std::nullopt;
  return std::string(value);
}

std::optional<std::string_view> json_at(std::string_view value, const std::vector<std::string>& path, size_t from) {
  if (from == path.size()) return value;
  const JsonKind kind = json_kind(value);
  if (kind != JsonKind::kObject && kind != JsonKind::kArray) return std::nullopt;
  const std::vector<JsonMember> members = json_members(value);
  if (kind == JsonKind::kArray) {
    size_t position = 0;
    const std::string& name = path[from];
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), position);
    if (error != std::errc() || end != name.data() + name.size() || position >= members.size()) return std::nullopt;
    return json_at(members[position].value, path, from + 1);
  }
  std::string name;
  for (size_t next = from; next < path.size(); ++next) {
    if (next > from) name += '.';
    name += path[next];
    const auto found = std::ranges::find(members, name, &JsonMember::name);
    if (found == members.end()) continue;
    if (const auto inner = json_at(found->value, path, next + 1)) return inner;
  }
  return std::nullopt;
}

}  // namespace rowledger::query
