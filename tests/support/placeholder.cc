namespace rowledger::testing {}
