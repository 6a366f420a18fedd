#pragma once
// CHECK: a broken invariant ends the program, in release builds too. A ledger that may be wrong
// must not answer.
#include <string_view>

namespace rowledger {
[[noreturn]] void check_failed(const char* file, int line, const char* condition);
}

#define CHECK(condition)                                         \
  do {                                                           \
    if (!(condition)) [[unlikely]]                               \
      ::rowledger::check_failed(__FILE__, __LINE__, #condition); \
  } while (false)
