#pragma once
// How the source stands while nothing can be captured: what waits in its slot, and how long it may.
#include <functional>

#include "base/result.h"
#include "capture/capture.h"
#include "capture/settings.h"

namespace rowledger::capture {

// By an ordinary connection, which changes nothing. captured: what the log has. interrupted: as of
// postgres::Connection::open().
Result<Report> look_at_source(const Settings& settings, Lsn captured, const std::function<bool()>& interrupted);

}  // namespace rowledger::capture
