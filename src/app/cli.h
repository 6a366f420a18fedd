#pragma once

namespace rowledger::app {

// The whole program: reads the command line, does what it says, returns the exit code.
int run(int argc, char** argv);

}  // namespace rowledger::app
