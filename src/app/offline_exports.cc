#include "app/offline_exports.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "api/export_manifest.h"

namespace rowledger::app {

Result<std::unique_ptr<OfflineExports>> OfflineExports::open(const Workspace& workspace, const OpenLog& log) {
  RL_ASSIGN(ledger::SigningKey key, ledger::SigningKey::parse(workspace.keys.signing_key));
  std::error_code ignored;
  const auto exports = workspace.exports();
  std::filesystem::create_directories(exports, ignored);
  std::string name = exports / "offline-XXXXXX";
  if (::chmod(exports.c_str(), 0700) != 0 || ::mkdtemp(name.data()) == nullptr) {
    return fail(ErrorCode::kIo, fmt::format("an export is written in {} first, and that cannot be done: {}",
                                            exports.string(), std::strerror(errno)));
  }
  std::unique_ptr<OfflineExports> out(new OfflineExports(std::move(name), std::move(key)));
  RL_ASSIGN(out->spool_,
            api::ExportSpool::open({.directory = out->directory_}, api::make_export_signer(*log.store, out->key_)));
  return out;
}

OfflineExports::~OfflineExports() {
  spool_.reset();
  std::error_code ignored;
  std::filesystem::remove_all(directory_, ignored);
}

}  // namespace rowledger::app
