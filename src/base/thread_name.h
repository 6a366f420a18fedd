#pragma once
namespace rowledger {

// Names the calling thread for those who look at the process from outside: top -H, perf, gdb. At most 15 characters;
// the rest is cut off.
void name_this_thread(const char* name);

}  // namespace rowledger
