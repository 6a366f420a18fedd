// rowledger.toml, and its environment: behind a zero byte, NAME=VALUE lines without their ROWLEDGER_. What is
// understood comes back from the text that init would write for it.
#include "app/config.h"

#include <cstdint>

#include "app/config_keys.h"
#include "base/check.h"
#include "base/json_text.h"

namespace rowledger::app {
namespace {

Environment environment_of(std::string_view lines) {
  Environment out;
  while (!lines.empty()) {
    const std::string_view line = lines.substr(0, lines.find('\n'));
    lines.remove_prefix(std::min(line.size() + 1, lines.size()));
    const size_t equals = line.find('=');
    if (equals != std::string_view::npos)
      out.emplace("ROWLEDGER_" + std::string(line.substr(0, equals)), line.substr(equals + 1));
  }
  return out;
}

template <class Target>
void check_same(const std::vector<ConfigKey<Target>>& keys, const Target& a, const Target& b) {
  for (const auto& key : keys) CHECK(key.get(a) == key.get(b));
}

void try_config(std::string_view text, const Environment& environment) {
  const auto parsed = parse_config(text, "rowledger.toml", environment);
  if (!parsed) {
    CHECK(parsed.error().code == ErrorCode::kInvalid && !parsed.error().message.empty());
    return;
  }
  const Config& config = parsed->config;
  CHECK(!config.tables.empty() && !config.role.empty() && !config.slot.empty() && !config.publication.empty());
  (void)capture_conninfo(config, "secret");
  // Bytes of the environment that are no UTF-8 cannot be written in TOML.
  for (const auto& [name, value] : environment)
    if (!is_utf8(value)) return;
  const auto again = parse_config(config_text(config), "written", {});
  CHECK(again.has_value());
  check_same(plain_keys(), again->config, config);
  CHECK(again->config.tables.size() == config.tables.size() && again->config.via.size() == config.via.size());
  for (size_t i = 0; i < config.tables.size(); ++i) check_same(table_keys(), again->config.tables[i], config.tables[i]);
  for (size_t i = 0; i < config.via.size(); ++i) check_same(via_keys(), again->config.via[i], config.via[i]);
}

}  // namespace
}  // namespace rowledger::app

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace rowledger::app;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const size_t zero = bytes.find('\0');
  try_config(bytes.substr(0, zero),
             zero == std::string_view::npos ? Environment() : environment_of(bytes.substr(zero + 1)));
  (void)database_of(bytes);
  return 0;
}
