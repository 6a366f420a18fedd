#pragma once
// For tests of what hands entries to capture: a Capture that does nothing.
#include "capture/capture.h"

namespace rowledger::capture {

class IdleCapture : public Capture {
 public:
  void start() override {}
  void stop() override {}
  Report report() const override { return {}; }
  Status sync(int) override { return {}; }
  Status append(std::span<const record::Entry>, int) override { return {}; }
  Result<Seq> append_with(const record::Entry&, const std::function<Meta(Seq)>&) override { return Seq{}; }
  Result<Seq> erase(const record::Entry&) override { return Seq{}; }
  Result<uint64_t> expire(const store::RetentionRules&, uint32_t, const Held&) override { return 0; }
  Status finish_erasures() override { return {}; }
  Status remove_copies(const std::function<Status()>& remove) override { return remove(); }
};

}  // namespace rowledger::capture
