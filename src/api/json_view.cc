#include "api/json_view.h"

#include <cstdint>

namespace rowledger::api {
namespace {

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

void skip_space(std::string_view& text) {
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
}

// The length of the string that text begins with, quotes included; 0 when it does not end.
size_t string_length(std::string_view text) {
  for (size_t i = 1; i < text.size(); ++i) {
    if (text[i] == '\\') {
      ++i;
    } else if (text[i] == '"') {
      return i + 1;
    }
  }
  return 0;
}

// The length of the object or array that text begins with; 0 when it does not end. Nesting is
// counted, not recursed into: however deep, the stack stays flat.
size_t container_length(std::string_view text) {
  size_t depth = 0;
  for (size_t i = 0; i < text.size();) {
    const char c = text[i];
    if (c == '"') {
      const size_t n = string_length(text.substr(i));
      if (n == 0) return 0;
      i += n;
      continue;
    }
    if (c == '{' || c == '[') ++depth;
    if ((c == '}' || c == ']') && --depth == 0) return i + 1;
    ++i;
  }
  return 0;
}

size_t word_length(std::string_view text) {
  size_t n = 0;
  while (n < text.size() && !is_space(text[n]) && text[n] != ',' && text[n] != '}' && text[n] != ']' && text[n] != ':')
    ++n;
  return n;
}

void append_utf8(std::string& out, uint32_t c) {
  if (c < 0x80) {
    out += static_cast<char>(c);
  } else if (c < 0x800) {
    out += {static_cast<char>(0xc0 | c >> 6), static_cast<char>(0x80 | (c & 0x3f))};
  } else if (c < 0x10000) {
    out += {static_cast<char>(0xe0 | c >> 12), static_cast<char>(0x80 | (c >> 6 & 0x3f)),
            static_cast<char>(0x80 | (c & 0x3f))};
  } else {
    out += {static_cast<char>(0xf0 | c >> 18), static_cast<char>(0x80 | (c >> 12 & 0x3f)),
            static_cast<char>(0x80 | (c >> 6 & 0x3f)), static_cast<char>(0x80 | (c & 0x3f))};
  }
}

// The four hexadecimal digits after "\u"; -1 when they are none.
int32_t take_hex(std::string_view& text) {
  if (text.size() < 4) return -1;
  int32_t value = 0;
  for (int i = 0; i < 4; ++i) {
    const char c = text[static_cast<size_t>(i)];
    const int digit = c >= '0' && c <= '9'   ? c - '0'
                      : c >= 'a' && c <= 'f' ? c - 'a' + 10
                      : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                             : -1;
    if (digit < 0) return -1;
    value = value << 4 | digit;
  }
  text.remove_prefix(4);
  return value;
}

// text stands behind "\u".
void append_unicode_escape(std::string& out, std::string_view& text) {
  static constexpr uint32_t kReplacement = 0xfffd;
  const int32_t first = take_hex(text);
  if (first < 0) return append_utf8(out, kReplacement);
  auto c = static_cast<uint32_t>(first);
  if (c >= 0xd800 && c < 0xdc00 && text.starts_with("\\u")) {
    std::string_view rest = text.substr(2);
    const int32_t second = take_hex(rest);
    if (second >= 0xdc00 && second < 0xe000) {
      text = rest;
      return append_utf8(out, 0x10000 + ((c - 0xd800) << 10) + (static_cast<uint32_t>(second) - 0xdc00));
    }
  }
  append_utf8(out, c >= 0xd800 && c < 0xe000 ? kReplacement : c);
}

// text: between the quotes.
void decode_string(std::string_view text, std::string& out) {
  out.clear();
  while (!text.empty()) {
    const char c = text.front();
    text.remove_prefix(1);
    if (c != '\\' || text.empty()) {
      out += c;
      continue;
    }
    const char escaped = text.front();
    text.remove_prefix(1);
    switch (escaped) {
      case 'b': out += '\b'; break;
      case 'f': out += '\f'; break;
      case 'n': out += '\n'; break;
      case 'r': out += '\r'; break;
      case 't': out += '\t'; break;
      case 'u': append_unicode_escape(out, text); break;
      default: out += escaped;
    }
  }
}

// What follows the part of the text, without the space before it.
std::string_view behind(std::string_view part, std::string_view text) {
  text.remove_prefix(static_cast<size_t>(part.data() + part.size() - text.data()));
  skip_space(text);
  return text;
}

}  // namespace

JsonView::JsonView(std::string_view text) {
  skip_space(text);
  if (text.empty()) return;
  size_t length = 0;
  switch (text.front()) {
    case '"':
      kind_ = Kind::kString;
      length = string_length(text);
      break;
    case '{':
      kind_ = Kind::kObject;
      length = container_length(text);
      break;
    case '[':
      kind_ = Kind::kArray;
      length = container_length(text);
      break;
    default:
      length = word_length(text);
      raw_ = text.substr(0, length);
      kind_ = raw_ == "null" ? Kind::kNull : raw_ == "true" || raw_ == "false" ? Kind::kBool : Kind::kNumber;
  }
  raw_ = text.substr(0, length);
  if (length == 0) kind_ = Kind::kNone;
}

std::string JsonView::text() const {
  std::string scratch;
  return std::string(text(scratch));
}

std::string_view JsonView::text(std::string& scratch) const {
  if (kind_ == Kind::kNull) return {};
  if (kind_ != Kind::kString) return raw_;
  const std::string_view characters = raw_.substr(1, raw_.size() - 2);
  if (characters.find('\\') == std::string_view::npos) return characters;
  decode_string(characters, scratch);
  return scratch;
}

JsonView JsonView::member(std::string_view name) const {
  JsonView found;
  for_each_member([&](std::string_view each, const JsonView& value) {
    if (each != name) return true;
    found = value;
    return false;
  });
  return found;
}

std::string_view JsonView::inside(Kind kind) const {
  return kind_ == kind ? raw_.substr(1, raw_.size() - 2) : std::string_view();
}

bool JsonView::take_member(std::string_view& rest, JsonView& name, JsonView& value) {
  name = JsonView(rest);
  if (name.kind() != Kind::kString) return false;
  rest = behind(name.raw(), rest);
  if (!rest.starts_with(':')) return false;
  rest.remove_prefix(1);
  return take_item(rest, value);
}

bool JsonView::take_item(std::string_view& rest, JsonView& value) {
  value = JsonView(rest);
  if (!value) return false;
  rest = behind(value.raw(), rest);
  // What follows anything else than a comma is not looked at.
  rest = rest.starts_with(',') ? rest.substr(1) : std::string_view();
  return true;
}

}  // namespace rowledger::api
