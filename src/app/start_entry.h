#pragma once
// The entry that says that the daemon started, and with which configuration.
#include <string>
#include <string_view>

#include "app/config.h"
#include "store/store.h"

namespace rowledger::app {

// Its detail: {"event":"start","version":"...","config":{"mask":"5f0c2a91",...},"config_changed":["mask"]}. config has
// a keyed digest of each section that is not as by default, never a value; config_changed names the sections that
// differ from the last start's, if that is among the last 10,000 control entries and can be read, and is left out where
// there are none. A start does not fail for it.
std::string start_detail(const Config& config, std::string_view digest_key, const store::Store& store);

}  // namespace rowledger::app
