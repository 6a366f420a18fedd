#pragma once
// Erases what is older than the configuration says, at the start and when a day (of UTC) begins. What fails is tried
// again, with pauses that grow up to an hour.
#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "api/export_spool.h"
#include "app/config.h"
#include "capture/capture.h"

namespace rowledger::app {

store::RetentionRules retention_rules(const Config& config);

class Retention {
 public:
  // Makes what tells a run whose values stay.
  using MakeHeld = std::function<capture::Capture::Held()>;

  // Begins at once, on a thread of its own, unless the rules keep everything. capture and exports outlive it.
  Retention(store::RetentionRules rules, capture::Capture& capture, MakeHeld make_held, api::ExportSpool& exports,
            std::chrono::milliseconds first_pause = std::chrono::minutes(1));
  ~Retention();
  Retention(const Retention&) = delete;
  Retention& operator=(const Retention&) = delete;

 private:
  void run();
  Status once(uint32_t day);

  const store::RetentionRules rules_;
  capture::Capture& capture_;
  const MakeHeld make_held_;
  api::ExportSpool& exports_;
  const std::chrono::milliseconds first_pause_;
  std::mutex mutex_;
  std::condition_variable stopped_;
  bool stop_ = false;
  std::thread thread_;
};

}  // namespace rowledger::app
