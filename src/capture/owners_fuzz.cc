#include <cstddef>
#include <cstdint>

#include "base/check.h"
#include "capture/owners.h"

// Whatever stands there, an owner always has a subject: without one, a tenant's key would be meant.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto owners = rowledger::capture::owners_of({reinterpret_cast<const char*>(data), size});
  CHECK(!owners || !owners->empty());
  if (owners)
    for (const auto& owner : *owners) CHECK(!owner.subject.empty());
  return 0;
}
