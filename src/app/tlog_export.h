#pragma once
// The log as files, asked for piece by piece (docs/format/tree.md, "A log as files").
#include <filesystem>
#include <string_view>

#include "app/client.h"
#include "app/progress_bar.h"
#include "base/result.h"
#include "ledger/note_key.h"

namespace rowledger::app {

// The directory is new or empty. What it gets is computed anew from the entries, and the checkpoint comes last: an
// export that has one is whole. Returns the number of entries.
Result<uint64_t> write_tlog(Client& client, const ledger::VerifierKey& key, const std::filesystem::path& directory,
                            ProgressBar& bar);

// kInvalid when the file exists. mode: of the file, before the umask.
Status write_new_file(const std::filesystem::path& file, std::string_view bytes, unsigned mode = 0666);

}  // namespace rowledger::app
