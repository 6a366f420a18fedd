#pragma once
// Ready-made configurations for known applications.
#include <string>
#include <string_view>
#include <vector>

#include "capture/settings.h"
#include "view/policy.h"

namespace rowledger::app {

// Empty for an unknown name.
std::vector<capture::TableSettings> preset_tables(std::string_view name);
std::vector<view::MaskSettings> preset_masks(std::string_view name);
view::NamesSettings preset_names_of_actors(std::string_view name);
std::vector<std::string> preset_names();

}  // namespace rowledger::app
