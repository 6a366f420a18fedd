#pragma once
#include <string_view>

namespace rowledger {

// Writes all of it to the descriptor, however many calls that takes. False: errno says why, and part of it may be
// written.
bool write_all(int fd, std::string_view bytes);

}  // namespace rowledger
