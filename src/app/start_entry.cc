#include "app/start_entry.h"

#include <fmt/format.h>

#include <map>
#include <optional>
#include <vector>

#include "api/json_view.h"
#include "api/json_writer.h"
#include "app/version.h"
#include "base/crypto.h"
#include "base/log.h"
#include "query/reader.h"

namespace rowledger::app {
namespace {

using Digests = std::map<std::string, std::string, std::less<>>;  // by the section's name

constexpr size_t kDigits = 8;
// A start does not take longer because much happened since the last one.
constexpr size_t kMostLookedAt = 10'000;

Digests digests_of(const Config& config, std::string_view digest_key) {
  const HmacSha256 hmac(digest_key);
  Digests out;
  for (const auto& [section, text] : section_texts(config))
    out[section] =
        to_hex(as_view(hmac(fmt::format("rowledger configuration v1 {}\n{}", section, text)))).substr(0, kDigits);
  return out;
}

// Nothing when no start in the log tells them.
Result<std::optional<Digests>> last_start(const store::Store& store) {
  const auto search = query::Search::parse("kind:control", Timestamp::now(), true);
  std::optional<Digests> out;
  size_t looked_at = 0;
  RL_TRY(query::Reader(store).search(*search, query::Order::kNewestFirst, {}, [&](const record::OwnedEntry& entry) {
    const api::JsonView detail(entry.body().detail);
    if (detail["event"].text() != "start" || !detail["config"]) return ++looked_at < kMostLookedAt;
    out.emplace();
    detail["config"].for_each_member([&](std::string_view section, api::JsonView digest) {
      out->emplace(section, digest.text());
      return true;
    });
    return false;
  }));
  return out;
}

std::vector<std::string> differing(const Digests& before, const Digests& now) {
  Digests all = before;
  all.insert(now.begin(), now.end());
  std::vector<std::string> out;
  for (const auto& [section, ignored] : all) {
    const auto then = before.find(section), here = now.find(section);
    if (then == before.end() || here == now.end() || then->second != here->second) out.push_back(section);
  }
  return out;
}

}  // namespace

std::string start_detail(const Config& config, std::string_view digest_key, const store::Store& store) {
  const Digests now = digests_of(config, digest_key);
  const auto found = last_start(store);
  if (!found) log::warning("whether the configuration changed is not known: {}", found.error().message);
  const std::optional<Digests> before = found ? *found : std::nullopt;
  api::JsonWriter digests, out;
  for (const auto& [section, digest] : now) digests.text(section, digest);
  out.text("event", "start").text("version", kVersion).raw("config", digests.finish());
  if (const auto changed = before ? differing(*before, now) : std::vector<std::string>(); !changed.empty())
    out.texts("config_changed", changed);
  return out.finish();
}

}  // namespace rowledger::app
