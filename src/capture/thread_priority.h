#pragma once
namespace rowledger::capture {

// Lowers the calling thread's scheduling priority by 5 (nice): on a machine shared with the application, its work goes
// first, and the WAL waits.
void yield_to_other_programs();

}  // namespace rowledger::capture
