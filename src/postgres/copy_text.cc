#include "postgres/copy_text.h"

#include <cstring>

namespace rowledger::postgres {
namespace {

char unescaped(char c) {
  switch (c) {
    case 'b': return '\b';
    case 'f': return '\f';
    case 'n': return '\n';
    case 'r': return '\r';
    case 't': return '\t';
    case 'v': return '\v';
    // The server writes no octal or hexadecimal sequences.
    default: return c;
  }
}

char* find(char* from, char* end, char c) {
  return static_cast<char*>(std::memchr(from, c, static_cast<size_t>(end - from)));
}

// A separator or newline inside a value is written as an escape, so a raw tab always separates.
std::optional<std::string_view> value_of(char* begin, char* end) {
  char* from = find(begin, end, '\\');
  if (!from) return std::string_view(begin, static_cast<size_t>(end - begin));
  if (end - begin == 2 && from == begin && begin[1] == 'N') return std::nullopt;
  char* to = from;
  while (from < end) {
    if (*from == '\\' && from + 1 < end) {
      *to++ = unescaped(from[1]);
      from += 2;
      continue;
    }
    char* next = find(from + 1, end, '\\');
    if (!next) next = end;
    std::memmove(to, from, static_cast<size_t>(next - from));
    to += next - from;
    from = next;
  }
  return std::string_view(begin, static_cast<size_t>(to - begin));
}

}  // namespace

void split_copy_line(char* line, size_t size, std::vector<std::optional<std::string_view>>& values) {
  values.clear();
  if (size > 0 && line[size - 1] == '\n') --size;
  char* const end = line + size;
  for (char* at = line;;) {
    char* tab = find(at, end, '\t');
    values.push_back(value_of(at, tab ? tab : end));
    if (!tab) return;
    at = tab + 1;
  }
}

}  // namespace rowledger::postgres
