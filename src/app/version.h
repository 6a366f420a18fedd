#pragma once

namespace rowledger::app {
inline constexpr char kVersion[] = "0.1.0";
}
