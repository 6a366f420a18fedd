#pragma once
// Private to this room: what the walsender's errors mean for the one who runs the program.
#include <libpq-fe.h>

#include <string>

#include "base/result.h"

namespace rowledger::postgres {

struct StreamNames {
  std::string slot, publication;
};

// While START_REPLICATION is being asked for, a missing object is the slot; afterwards it is the publication,
// whatever language the server speaks.
enum class StreamPhase { kStarting, kRunning };

Error stream_error(const StreamNames& names, StreamPhase phase, const PGresult* result);
Error publication_missing(const StreamNames& names);

}  // namespace rowledger::postgres
