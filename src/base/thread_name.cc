#include "base/thread_name.h"

#include <pthread.h>

#include <cstring>

namespace rowledger {

void name_this_thread(const char* name) {
  char cut[16] = {};  // what the kernel keeps, with its end
  std::strncpy(cut, name, sizeof(cut) - 1);
  (void)pthread_setname_np(pthread_self(), cut);
}

}  // namespace rowledger
