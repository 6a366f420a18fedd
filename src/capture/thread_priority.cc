#include "capture/thread_priority.h"

#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace rowledger::capture {

void yield_to_other_programs() {
  // On Linux a nice value belongs to a thread.
  const auto thread = static_cast<id_t>(syscall(SYS_gettid));
  (void)setpriority(PRIO_PROCESS, thread, getpriority(PRIO_PROCESS, thread) + 5);
}

}  // namespace rowledger::capture
