#pragma once
// The one list of configuration keys: the parser, the environment, the file that init writes and the
// "did you mean" all follow it.
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "app/config.h"

namespace rowledger::app {

enum class ValueType { kText, kNumber, kFlag, kTexts };
using ConfigValue = std::variant<std::string, int64_t, bool, std::vector<std::string>>;

// `Target` is what the key belongs to: Config, or one element of its tables, via rules or masks.
template <class Target>
struct ConfigKey {
  std::string_view section, name;  // section: "source"; "table", "via" and "mask" are lists
  ValueType type;
  std::string_view explanation;  // one or more lines
  std::function<void(Target&, ConfigValue)> set;
  std::function<ConfigValue(const Target&)> get;
};

const std::vector<ConfigKey<Config>>& plain_keys();
const std::vector<ConfigKey<capture::TableSettings>>& table_keys();
const std::vector<ConfigKey<ViaEntry>>& via_keys();
const std::vector<ConfigKey<view::MaskSettings>>& mask_keys();

std::string_view describe(ValueType type);  // "a text in quotes"

}  // namespace rowledger::app
