#include "app/progress_bar.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "app/terminal.h"

namespace rowledger::app {
namespace {

constexpr auto kDrawEvery = std::chrono::milliseconds(200);
constexpr uint64_t kWidth = 30;

bool is_terminal() {
  const char* term = std::getenv("TERM");
  return ::isatty(STDERR_FILENO) == 1 && (term == nullptr || std::string_view(term) != "dumb");
}

}  // namespace

ProgressBar::ProgressBar() : wanted_(is_terminal()) {}

void ProgressBar::show(std::string_view what, uint64_t done, uint64_t total) {
  const auto now = std::chrono::steady_clock::now();
  if (!wanted_ || now - last_ < kDrawEvery) return;
  last_ = now;
  shown_ = true;
  std::string line = fmt::format("\r\x1b[K{:8} {}", what, show_number(done));
  if (total > 0) {
    const auto filled = static_cast<size_t>(static_cast<double>(kWidth) * static_cast<double>(std::min(done, total)) /
                                            static_cast<double>(total));
    line = fmt::format("\r\x1b[K{:8} [{}{}] {} of {}", what, std::string(filled, '='),
                       std::string(kWidth - filled, ' '), show_number(done), show_number(total));
  }
  std::fputs(line.c_str(), stderr);
  std::fflush(stderr);
}

void ProgressBar::clear() {
  if (shown_) std::fputs("\r\x1b[K", stderr);
  shown_ = false;
}

}  // namespace rowledger::app
