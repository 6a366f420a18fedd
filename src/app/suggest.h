#pragma once
// "Did you mean": the nearest of a few right words.
#include <string>
#include <string_view>
#include <vector>

namespace rowledger::app {

// Empty when none is near enough to be a slip of the fingers.
std::string nearest(std::string_view word, const std::vector<std::string>& right_ones);

}  // namespace rowledger::app
