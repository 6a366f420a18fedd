#include "base/check.h"

#include <cstdio>
#include <cstdlib>

namespace rowledger {

void check_failed(const char* file, int line, const char* condition) {
  std::fprintf(stderr, "rowledger: broken invariant at %s:%d: %s\n", file, line, condition);
  std::fflush(stderr);
  std::abort();
}

}  // namespace rowledger
