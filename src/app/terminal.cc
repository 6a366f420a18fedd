#include "app/terminal.h"
#include "base/write_all.h"

#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>

namespace rowledger::app {
namespace {

// The length in bytes of the UTF-8 sequence that text begins with, and its code point.
size_t take_code_point(std::string_view text, uint32_t& code_point) {
  const auto lead = static_cast<unsigned char>(text[0]);
  const size_t length = lead < 0x80 ? 1 : lead >> 5 == 6 ? 2 : lead >> 4 == 14 ? 3 : lead >> 3 == 30 ? 4 : 0;
  if (length == 0 || length > text.size()) {
    code_point = 0xfffd;
    return 1;
  }
  code_point = length == 1 ? lead : lead & (0x7fu >> length);
  for (size_t i = 1; i < length; ++i) {
    const auto next = static_cast<unsigned char>(text[i]);
    if (next >> 6 != 2) {
      code_point = 0xfffd;
      return 1;
    }
    code_point = code_point << 6 | (next & 0x3f);
  }
  return length;
}

bool deceives(uint32_t c) {
  return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0x200e || c == 0x200f || (c >= 0x2028 && c <= 0x202e) ||
         (c >= 0x2066 && c <= 0x2069);
}

std::string escape(uint32_t c) {
  switch (c) {
    case '\n': return "\\n";
    case '\r': return "\\r";
    case '\t': return "\\t";
    default: return c < 0x100 ? fmt::format("\\x{:02x}", c) : fmt::format("\\u{:04x}", c);
  }
}

}  // namespace

void Output::write(std::string_view text) {
  if (closed_) return;
  static constexpr size_t kBuffer = 64 << 10;
  buffer_.append(text);
  if (buffer_.size() >= kBuffer) flush();
}

void Output::line(std::string_view text) {
  write(text);
  write("\n");
}

void Output::flush() {
  if (!closed_ && !write_all(STDOUT_FILENO, buffer_)) {
    closed_ = true;
    failed_ = errno != EPIPE;
  }
  buffer_.clear();
}

bool wants_colour(int fd) {
  const char* no_colour = std::getenv("NO_COLOR");
  if (no_colour != nullptr && *no_colour != '\0') return false;
  const char* terminal = std::getenv("TERM");
  return ::isatty(fd) == 1 && terminal != nullptr && std::string_view(terminal) != "dumb";
}

std::string Style::paint(std::string_view code, std::string_view text) const {
  return colour_ ? fmt::format("\x1b[{}m{}\x1b[0m", code, text) : std::string(text);
}

std::string displayable(std::string_view text, size_t characters) {
  std::string out;
  size_t shown = 0, total = 0, cut_at = 0;
  for (std::string_view rest = text; !rest.empty(); ++total) {
    uint32_t c;
    const size_t length = take_code_point(rest, c);
    if (characters == 0 || shown < characters) {
      out += deceives(c)                  ? escape(c)
             : c == 0xfffd && length == 1 ? "\xef\xbf\xbd"
                                          : std::string(rest.substr(0, length));
      ++shown;
    }
    if (shown + 24 == characters) cut_at = out.size();
    rest.remove_prefix(length);
  }
  if (characters == 0 || total <= characters) return out;
  if (cut_at > 0) out.resize(cut_at);
  return out + fmt::format("… ({} characters)", show_number(total));
}

std::string show_bytes(double bytes) {
  static constexpr std::array kUnits = {"kB", "MB", "GB", "TB", "PB"};
  if (bytes < 1000) return fmt::format("{:.0f} bytes", bytes);
  size_t unit = 0;
  for (bytes /= 1000; bytes >= 1000 && unit + 1 < kUnits.size(); bytes /= 1000) ++unit;
  return fmt::format("{:.1f} {}", bytes, kUnits[unit]);
}

std::string show_number(uint64_t number) {
  std::string digits = std::to_string(number);
  for (size_t at = digits.size(); at > 3; at -= 3) digits.insert(at - 3, ",");
  return digits;
}

}  // namespace rowledger::app
