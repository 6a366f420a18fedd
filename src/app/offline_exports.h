#pragma once
// Exports of a verb that reads a log without its daemon: written into a directory of its own, which goes with this.
#include <filesystem>
#include <memory>

#include "api/export_spool.h"
#include "app/workspace.h"

namespace rowledger::app {

class OfflineExports {
 public:
  // In the data directory's `exports`, where the next daemon tidies up what a crash leaves. `log` and what it was
  // opened from outlive it.
  static Result<std::unique_ptr<OfflineExports>> open(const Workspace& workspace, const OpenLog& log);
  ~OfflineExports();
  OfflineExports(const OfflineExports&) = delete;
  OfflineExports& operator=(const OfflineExports&) = delete;

  api::ExportSpool& spool() { return *spool_; }

 private:
  OfflineExports(std::filesystem::path directory, ledger::SigningKey key)
      : directory_(std::move(directory)), key_(std::move(key)) {}

  const std::filesystem::path directory_;
  const ledger::SigningKey key_;
  std::unique_ptr<api::ExportSpool> spool_;
};

}  // namespace rowledger::app
