#pragma once
// Text for people's eyes on standard output.
#include <string>
#include <string_view>

#include "base/local_time.h"

namespace rowledger::app {

// Standard output. A reader that goes away (`| head`) is no failure: closed() becomes true, and
// what is written after that vanishes.
class Output {
 public:
  void write(std::string_view text);
  void line(std::string_view text);
  void flush();
  bool closed() const { return closed_; }
  // The disk is full, or the like; then the program did not do what it was asked for.
  bool failed() const { return failed_; }

 private:
  std::string buffer_;
  bool closed_ = false, failed_ = false;
};

// Only for a terminal, and not with NO_COLOR (https://no-color.org) or TERM=dumb.
bool wants_colour(int fd);

class Style {
 public:
  explicit Style(bool colour) : colour_(colour) {}
  std::string bold(std::string_view text) const { return paint("1", text); }
  std::string dim(std::string_view text) const { return paint("2", text); }
  std::string red(std::string_view text) const { return paint("31", text); }
  std::string green(std::string_view text) const { return paint("32", text); }
  std::string alarm(std::string_view text) const { return paint("1;7;31", text); }

 private:
  std::string paint(std::string_view code, std::string_view text) const;
  bool colour_;
};

// Makes a value safe to show: control characters and those that change the writing direction appear
// as escapes. Longer than `characters`: cut, with the whole length said. 0: not cut.
std::string displayable(std::string_view text, size_t characters);

// "12.3 MB"
std::string show_bytes(double bytes);
// "1,207"
std::string show_number(uint64_t number);

}  // namespace rowledger::app
