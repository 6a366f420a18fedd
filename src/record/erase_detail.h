#pragma once
// What an entry of kind `erase` says of the keys that it destroyed (docs/format/entry.md).
#include <cstdint>
#include <string_view>
#include <vector>

namespace rowledger::record {

// The numbers in "keys" of its detail; none where there is no such list.
std::vector<uint64_t> keys_destroyed(std::string_view detail);

}  // namespace rowledger::record
