#include "app/cli.h"

int main(int argc, char** argv) { return rowledger::app::run(argc, argv); }
