#pragma once
// `rowledger export --format`: orders an export from the daemon, or without one of the log itself, waits for it,
// fetches it.
#include "app/verbs.h"
#include "base/result.h"

namespace rowledger::app {

// To a file that did not exist, compared with the checksum that was signed, its manifest beside it; or to standard
// output.
Status export_entries(const ExportOptions& options);

}  // namespace rowledger::app
