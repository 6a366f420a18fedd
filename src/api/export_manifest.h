#pragma once
// The signed list of what was exported (docs/format/export.md): a note under the log's own key.
#include "api/export_spool.h"
#include "ledger/note_key.h"
#include "store/store.h"

namespace rowledger::api {

// Signs, once a checkpoint covers all that could be exported, or has not come within a few seconds; then the last one
// that there is. Both outlive what is returned.
SignManifest make_export_signer(const store::Store& store, const ledger::SigningKey& key);

}  // namespace rowledger::api
