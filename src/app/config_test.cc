#include "app/config.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <regex>

#include "app/config_keys.h"
#include "app/presets.h"

namespace rowledger::app {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

constexpr char kMinimal[] = "[source]\nurl = \"postgresql://admin@db/shop\"\n[[table]]\nname = \"contacts\"\n";

Config parsed(std::string_view text, const Environment& environment = {}) {
  auto result = parse_config(text, "rowledger.toml", environment);
  EXPECT_TRUE(result) << (result ? "" : result.error().message);
  return result ? std::move(result->config) : Config();
}

std::string error(std::string_view text, const Environment& environment = {}) {
  const auto result = parse_config(text, "rowledger.toml", environment);
  EXPECT_FALSE(result) << text;
  if (result) return {};
  EXPECT_EQ(result.error().code, ErrorCode::kInvalid);
  return result.error().message;
}

std::string environment_name(std::string_view section, std::string_view name, bool list) {
  std::string out = "ROWLEDGER_" + std::string(section) + (list ? "_0_" : "_") + std::string(name);
  std::ranges::transform(out, out.begin(), [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  return out;
}

TEST(Config, DefaultsOfAMinimalFile) {
  const Config config = parsed(kMinimal);
  EXPECT_EQ(config.source_name, "shop") << "the database's name";
  EXPECT_EQ(config.role, "rowledger");
  EXPECT_EQ(config.slot, "rowledger");
  EXPECT_EQ(config.publication, "rowledger");
  EXPECT_TRUE(config.trigger);
  EXPECT_TRUE(config.yield_to_others);
  EXPECT_EQ(config.watch_interval_ms, 2'000);
  EXPECT_EQ(config.time_zone, "UTC");
  ASSERT_EQ(config.tables.size(), 1u);
  EXPECT_EQ(config.tables[0].table, "public.contacts") << "the schema may be left out";
}

constexpr char kEverything[] = R"(
[source]
name = "glific"
url = "postgresql://admin@db/shop"
capture_url = "postgresql://rowledger@replica/shop"
role = "auditor"
password_file = "/run/secrets/password"
slot = "s1"
publication = "p1"
[attribution]
trigger = false
[capture]
warn_retained_bytes = 5
watch_interval_ms = 100
yield_to_others = false
[privacy]
seal = false
master_key_file = "/run/keys/master"
master_key_command = "kms"
key_period_days = 7
[retention]
keep_days = 30
erase_after_days = 400
tenants = ["1=365", "a=b=0"]
[ledger]
second_checkpoint = "/mnt/other/checkpoint"
tree = false
[context]
plain = ["request_id", "ticket"]
text = ["why"]
[names]
table = "notes"
id_column = "nr"
name_column = "called"
[http]
listen = "0.0.0.0:443"
certificate = "tls/cert.pem"
key = "tls/key.pem"
allow_plain_remote = "no"
public_url = "https://log.example.org"
trusted_proxies = ["10.0.0.1", "10.0.0.2"]
connections = 100
connections_per_address = 10
[exports]
keep_hours = 2
[people]
session_idle_minutes = 5
session_hours = 8
[oidc]
issuer = "https://id.example.org"
audience = "rowledger"
jwks_url = "https://id.example.org/keys"
role_claim = "groups"
roles = ["staff-audit=auditor"]
tenant_claim = "org"
every_tenant = ""
name_claim = "preferred_username"
[display]
time_zone = "Asia/Kolkata"
labels = ["language_id/1=English"]
[[table]]
name = "crm.people"
tenant_column = "organization_id"
subject = "self"
housekeeping = ["updated_at", "seen_at"]
actor_column = "updated_by"
[[table]]
name = "notes"
subject = "people"
subject_column = "person_id"
[[via]]
role = "app*"
application = "web"
via = "app"
[[mask]]
table = "notes"
plain = ["nr", "answers/*/label"]
phone = ["mobile"]
name = ["called"]
date = ["born"]
text = ["remark"]
hidden = ["answers/*/value"]
)";

TEST(Config, EveryKey) {
  const Config config = parsed(kEverything);
  EXPECT_EQ(config.source_name, "glific");
  EXPECT_EQ(config.source_url, "postgresql://admin@db/shop");
  EXPECT_EQ(config.capture_url, "postgresql://rowledger@replica/shop");
  EXPECT_EQ(config.role, "auditor");
  EXPECT_EQ(config.password_file, "/run/secrets/password");
  EXPECT_EQ(config.slot, "s1");
  EXPECT_EQ(config.publication, "p1");
  EXPECT_FALSE(config.trigger);
  EXPECT_EQ(config.warn_retained_bytes, 5);
  EXPECT_EQ(config.watch_interval_ms, 100);
  EXPECT_FALSE(config.yield_to_others);
  EXPECT_FALSE(config.seal);
  EXPECT_EQ(config.master_key_file, "/run/keys/master");
  EXPECT_EQ(config.master_key_command, "kms");
  EXPECT_EQ(config.key_period_days, 7);
  EXPECT_EQ(config.keep_days, 30);
  EXPECT_EQ(config.erase_after_days, 400);
  EXPECT_EQ(retention_by_tenant(config)->at("1"), 365u);
  EXPECT_EQ(retention_by_tenant(config)->at("a=b"), 0u);
  EXPECT_EQ(config.second_checkpoint, "/mnt/other/checkpoint");
  EXPECT_FALSE(config.tree);
  EXPECT_EQ(config.time_zone, "Asia/Kolkata");
  EXPECT_THAT(config.labels, testing::ElementsAre("language_id/1=English"));
  ASSERT_EQ(config.tables.size(), 2u);
  EXPECT_EQ(config.tables[0].table, "crm.people");
  EXPECT_EQ(config.tables[0].tenant_column, "organization_id");
  EXPECT_EQ(config.tables[0].subject, "self");
  EXPECT_THAT(config.tables[0].housekeeping, ElementsAre("updated_at", "seen_at"));
  EXPECT_EQ(config.tables[0].actor_column, "updated_by");
  EXPECT_EQ(config.tables[1].subject, "public.people");
  EXPECT_EQ(config.tables[1].subject_column, "person_id");
  EXPECT_THAT(config.context.plain, ElementsAre("request_id", "ticket"));
  EXPECT_THAT(config.context.text, ElementsAre("why"));
  EXPECT_EQ(config.names.table, "public.notes");
  EXPECT_EQ(config.names.id_column, "nr");
  EXPECT_EQ(config.names.name_column, "called");
  ASSERT_EQ(config.masks.size(), 1u);
  EXPECT_EQ(config.masks[0].table, "public.notes");
  EXPECT_THAT(config.masks[0].plain, ElementsAre("nr", "answers/*/label"));
  EXPECT_THAT(config.masks[0].phone, ElementsAre("mobile"));
  EXPECT_THAT(config.masks[0].name, ElementsAre("called"));
  EXPECT_THAT(config.masks[0].date, ElementsAre("born"));
  EXPECT_THAT(config.masks[0].text, ElementsAre("remark"));
  EXPECT_THAT(config.masks[0].hidden, ElementsAre("answers/*/value"));
  ASSERT_EQ(config.via.size(), 1u);
  EXPECT_EQ(config.via[0].role, "app*");
  EXPECT_EQ(config.via[0].application, "web");
  EXPECT_EQ(config.via[0].via, "app");
}

// The test above must not miss a key that is added later.
TEST(Config, EveryKeyStandsInTheTestAbove) {
  for (const std::string& key : config_keys()) {
    const std::string name = key.substr(key.find('.') + 1);
    EXPECT_THAT(kEverything, HasSubstr("\n" + name + " = ")) << key;
  }
}

TEST(Config, WhatInitWritesIsReadAsWritten) {
  Config config = parsed(kEverything);
  config.source_url = "host=/tmp dbname='a\\'b' password=\"x\\\\y\"\t#\x7f";
  for (const std::string& preset : preset_names()) {
    for (const auto& table : preset_tables(preset)) config.tables.push_back(table);
    for (const auto& mask : preset_masks(preset)) config.masks.push_back(mask);
  }
  const Config again = parsed(config_text(config));
  for (const auto& key : plain_keys()) EXPECT_EQ(key.get(again), key.get(config)) << key.section << '.' << key.name;
  ASSERT_EQ(again.tables.size(), config.tables.size());
  for (size_t i = 0; i < config.tables.size(); ++i)
    for (const auto& key : table_keys()) EXPECT_EQ(key.get(again.tables[i]), key.get(config.tables[i])) << key.name;
  ASSERT_EQ(again.via.size(), config.via.size());
  for (const auto& key : via_keys()) EXPECT_EQ(key.get(again.via[0]), key.get(config.via[0])) << key.name;
  ASSERT_EQ(again.masks.size(), config.masks.size());
  for (size_t i = 0; i < config.masks.size(); ++i)
    for (const auto& key : mask_keys()) EXPECT_EQ(key.get(again.masks[i]), key.get(config.masks[i])) << key.name;
}

TEST(Config, WhatInitWritesExplainsEveryKey) {
  const std::string text = config_text(parsed(kMinimal));
  for (const auto& key : plain_keys()) {
    EXPECT_THAT(text, HasSubstr(std::string(key.explanation.substr(0, key.explanation.find('\n'))))) << key.name;
    EXPECT_TRUE(std::regex_search(text, std::regex("\n#?" + std::string(key.name) + " = "))) << key.name;
  }
  for (const auto& key : table_keys()) EXPECT_THAT(text, HasSubstr("# " + std::string(key.name) + ": ")) << key.name;
  for (const auto& key : via_keys()) EXPECT_THAT(text, HasSubstr("# " + std::string(key.name) + ": ")) << key.name;
  for (const auto& key : mask_keys()) EXPECT_THAT(text, HasSubstr("# " + std::string(key.name) + ": ")) << key.name;
}

TEST(Config, MasksAndNamesAreOfTablesThatMakeSense) {
  const std::string minimal(kMinimal);
  EXPECT_THAT(error(minimal + "[[mask]]\nplain = [\"a\"]\n"), HasSubstr("has no table"));
  EXPECT_THAT(error(minimal + "[[mask]]\ntable = \"contacts\"\nplain = [\"a\"]\nphone = [\"a\"]\n"),
              HasSubstr("classified twice"));
  EXPECT_THAT(error(minimal + "[names]\ntable = \"users\"\n"), HasSubstr("none of the tables"));
  EXPECT_THAT(error(minimal + "[display]\nlabels = [\"org=users.name\"]\n"),
              AllOf(HasSubstr("\"public.users\""), HasSubstr("none of the tables")));
  EXPECT_THAT(parsed(minimal + "[display]\nlabels = [\"org=contacts.name\", \"org/1=A\"]\n").labels, SizeIs(2));
}

TEST(Config, ErrorsNameThePlaceAndTheNearestKey) {
  EXPECT_THAT(error("[source]\n  urll = \"x\"\n"), AllOf(HasSubstr("rowledger.toml, line 2, column 3: "),
                                                         HasSubstr("\"urll\""), HasSubstr("mean \"url\"?")));
  EXPECT_THAT(error("[sorce]\n"), AllOf(HasSubstr("line 1, column 2"), HasSubstr("mean \"source\"?")));
  EXPECT_THAT(error("\n[[tables]]\n"), AllOf(HasSubstr("line 2"), HasSubstr("mean \"table\"?")));
  EXPECT_THAT(error("[[table]]\nname = \"t\"\nhousekeping = []\n"),
              AllOf(HasSubstr("line 3, column 1"), HasSubstr("mean \"housekeeping\"?")));
  EXPECT_THAT(error("[[via]]\napplicaton = \"x\"\n"), HasSubstr("mean \"application\"?"));
  EXPECT_THAT(error("[source]\nzzzzzz = 1\n"), Not(HasSubstr("did you mean")));
  EXPECT_THAT(error("[source]\nurl = \"x"), HasSubstr("line 2, column "));
}

TEST(Config, ValuesOfTheWrongType) {
  EXPECT_THAT(error("[source]\nurl = 7\n"), AllOf(HasSubstr("line 2, column 7"), HasSubstr("a text in quotes")));
  EXPECT_THAT(error("[capture]\nwatch_interval_ms = \"2000\"\n"), HasSubstr("a whole number"));
  EXPECT_THAT(error("[capture]\nwatch_interval_ms = 2.5\n"), HasSubstr("a whole number"));
  EXPECT_THAT(error("[attribution]\ntrigger = 1\n"), HasSubstr("true or false"));
  EXPECT_THAT(error("[[table]]\nhousekeeping = \"a\"\n"), HasSubstr("a list of texts"));
  EXPECT_THAT(error("[[table]]\nhousekeeping = [1]\n"), HasSubstr("a list of texts"));
  EXPECT_THAT(error("source = 1\n"), HasSubstr("is a section, [source]"));
  EXPECT_THAT(error("[table]\nname = \"x\"\n"), HasSubstr("[[table]]"));
  EXPECT_THAT(error("via = [1]\n"), HasSubstr("[[via]]"));
}

TEST(Config, WhatMakesNoSense) {
  const std::string source = "[source]\nurl = \"postgresql://h/d\"\n";
  EXPECT_THAT(error(source), HasSubstr("no table"));
  EXPECT_THAT(error("[[table]]\nname = \"t\"\n"), HasSubstr("source.url is missing"));
  EXPECT_THAT(error("[source]\nurl = \"postgresql://h\"\n[[table]]\nname = \"t\"\n"), HasSubstr("names no database"));
  EXPECT_THAT(error(source + "[[table]]\n"), HasSubstr("has no name"));
  EXPECT_THAT(error(source + "[[table]]\nname = \"t\"\n[[table]]\nname = \"public.t\"\n"), HasSubstr("twice"));
  EXPECT_THAT(error(source + "[[table]]\nname = \"t\"\nsubject = \"u\"\n"), HasSubstr("subject_column"));
  EXPECT_THAT(error(std::string(kMinimal) + "[[via]]\nvia = \"ap\"\n"), HasSubstr("mean \"app\"?"));
  EXPECT_THAT(error(std::string(kMinimal) + "[capture]\nwatch_interval_ms = 99\n"), HasSubstr("from 100 to 3600000"));
  EXPECT_THAT(error(std::string(kMinimal) + "[capture]\nwarn_retained_bytes = -1\n"), HasSubstr("negative"));
  EXPECT_THAT(error(std::string(kMinimal) + "[privacy]\nkey_period_days = 0\n"), HasSubstr("from 1 to 36500"));
  for (const char* hours : {"0", "-1", "8761"})
    EXPECT_THAT(error(std::string(kMinimal) + "[exports]\nkeep_hours = " + hours + "\n"), HasSubstr("from 1 to 8760"));
  for (const char* days : {"erase_after_days = 209", "erase_after_days = -1", "tenants = [\"1=365\", \"2=209\"]",
                           "keep_days = 400\nerase_after_days = 365"})
    EXPECT_THAT(error(std::string(kMinimal) + "[retention]\n" + days + "\n"), HasSubstr("retention must be 0 or from"))
        << days;
  for (const char* tenants : {"1", "=365", "1=", "1=x", "1=-5", "1=365\", \"1=400"})
    EXPECT_THAT(error(fmt::format("{}[retention]\ntenants = [\"{}\"]\n", kMinimal, tenants)),
                HasSubstr("retention.tenants has texts"))
        << tenants;
  for (const char* name : {"role", "slot", "publication"})
    EXPECT_THAT(error(source + name + " = \"\"\n[[table]]\nname = \"t\"\n"), HasSubstr(name));
}

TEST(Config, TheSourceAlwaysHasAName) {
  const std::string table = "[[table]]\nname = \"t\"\n";
  EXPECT_EQ(parsed("[source]\nurl = \"host=h\"\ncapture_url = \"host=h dbname=d\"\n" + table).source_name, "d");
  EXPECT_THAT(error("[source]\nurl = \"host=h\"\ncapture_url = \"service=x\"\n" + table),
              HasSubstr("source.name is missing"));
  EXPECT_THAT(error(kMinimal, {{"ROWLEDGER_SOURCE_NAME", std::string(201, 'x')}}), HasSubstr("too long"));
}

TEST(Config, EnvironmentWins) {
  const Environment environment = {
      {"ROWLEDGER_SOURCE_NAME", "other"},
      {"ROWLEDGER_ATTRIBUTION_TRIGGER", "0"},
      {"ROWLEDGER_CAPTURE_WATCH_INTERVAL_MS", "500"},
      {"ROWLEDGER_TABLE_0_HOUSEKEEPING", "a,b"},
      {"ROWLEDGER_TABLE_1_NAME", "notes"},
      {"ROWLEDGER_VIA_0_VIA", "job"},
      {"ROWLEDGER_VIA_0_ROLE", "worker"},
  };
  const Config config = parsed(kMinimal, environment);
  EXPECT_EQ(config.source_name, "other");
  EXPECT_FALSE(config.trigger);
  EXPECT_EQ(config.watch_interval_ms, 500);
  ASSERT_EQ(config.tables.size(), 2u);
  EXPECT_THAT(config.tables[0].housekeeping, ElementsAre("a", "b"));
  EXPECT_EQ(config.tables[1].table, "public.notes");
  ASSERT_EQ(config.via.size(), 1u);
  EXPECT_EQ(config.via[0].role, "worker");
}

TEST(Config, EveryKeyHasItsVariable) {
  const auto value_of = [](ValueType type, std::string_view name) -> std::string {
    if (name == "subject") return "self";
    if (name == "via") return "job";
    if (name == "url" || name == "capture_url") return "dbname=x";
    if (name == "listen") return "[::1]:1";
    if (name == "public_url" || name == "issuer" || name == "jwks_url") return "https://x";
    if (name == "session_idle_minutes") return "600";
    if (name == "roles") return "a=viewer,b=admin";
    if (name == "tenants") return "1=1234,2=0";
    if (name == "labels") return "language_id/1=English";
    if (name == "table") return "contacts";
    return type == ValueType::kNumber ? "1234" : type == ValueType::kFlag ? "false" : "changed";
  };
  for (const auto& key : plain_keys()) {
    Environment environment = {{environment_name(key.section, key.name, false), value_of(key.type, key.name)}};
    // Those that make sense together only.
    if (key.name == "certificate") environment["ROWLEDGER_HTTP_KEY"] = "k";
    if (key.section == "http" && key.name == "key") environment["ROWLEDGER_HTTP_CERTIFICATE"] = "c";
    if (key.section == "oidc")
      environment.insert({{"ROWLEDGER_OIDC_ISSUER", "https://x"}, {"ROWLEDGER_OIDC_AUDIENCE", "a"}});
    const Config config = parsed(kMinimal, environment);
    EXPECT_NE(key.get(config), key.get(parsed(kMinimal))) << key.section << '.' << key.name;
  }
  for (const auto& key : table_keys()) {
    const Config config = parsed(kMinimal, {{environment_name("table", key.name, true), value_of(key.type, key.name)}});
    EXPECT_NE(key.get(config.tables.at(0)), key.get(parsed(kMinimal).tables.at(0))) << key.name;
  }
  for (const auto& key : via_keys()) {
    const Config config = parsed(std::string(kMinimal) + "[[via]]\nvia = \"app\"\n",
                                 {{environment_name("via", key.name, true), value_of(key.type, key.name)}});
    EXPECT_NE(key.get(config.via.at(0)), key.get(ViaEntry{.via = "app"})) << key.name;
  }
}

TEST(Config, ElementsOfTheEnvironmentGoByNumber) {
  Environment environment = {{"ROWLEDGER_SOURCE_URL", "dbname=d"}};
  for (int i = 0; i < 12; ++i) environment["ROWLEDGER_TABLE_" + std::to_string(i) + "_NAME"] = "t" + std::to_string(i);
  const Config config = parsed("", environment);
  ASSERT_EQ(config.tables.size(), 12u);
  for (size_t i = 0; i < 12; ++i) EXPECT_EQ(config.tables[i].table, "public.t" + std::to_string(i));
}

TEST(Config, BadVariables) {
  EXPECT_THAT(error(kMinimal, {{"ROWLEDGER_CAPTURE_WATCH_INTERVAL_MS", "2s"}}),
              AllOf(HasSubstr("ROWLEDGER_CAPTURE_WATCH_INTERVAL_MS"), HasSubstr("a whole number")));
  EXPECT_THAT(error(kMinimal, {{"ROWLEDGER_ATTRIBUTION_TRIGGER", "yes"}}), HasSubstr("true or false"));
  EXPECT_THAT(error(kMinimal, {{"ROWLEDGER_TABLE_2_NAME", "x"}}), HasSubstr("names element 2"));
}

TEST(Config, ThePortAloneCanBeSet) {
  EXPECT_EQ(parsed(kMinimal, {{"ROWLEDGER_HTTP_PORT", "0"}}).http_listen, "127.0.0.1:0");
  EXPECT_EQ(
      parsed(std::string(kMinimal) + "[http]\nlisten = \"[::1]:7070\"\n", {{"ROWLEDGER_HTTP_PORT", "81"}}).http_listen,
      "[::1]:81");
  EXPECT_EQ(parsed(std::string(kMinimal) + "[http]\nlisten = \"\"\n").http_listen, "");
  for (const char* port : {"", "x", "-1", "65536", "80 "})
    EXPECT_THAT(error(kMinimal, {{"ROWLEDGER_HTTP_PORT", port}}), HasSubstr("ROWLEDGER_HTTP_PORT")) << port;
}

TEST(Config, AnIdentityProviderIsNamedWhole) {
  const auto oidc = [](const std::string& keys) {
    return std::string(kMinimal) + "[oidc]\nissuer = \"https://id.example.org\"\naudience = \"a\"\n" + keys;
  };
  parsed(oidc("roles = [\"a=b=viewer\"]"));
  EXPECT_THAT(error(std::string(kMinimal) + "[oidc]\naudience = \"a\""), HasSubstr("belong together"));
  EXPECT_THAT(error(std::string(kMinimal) + "[oidc]\nissuer = \"http://id.example.org\"\naudience = \"a\""),
              HasSubstr("https://"));
  for (const char* rule : {"viewer", "=viewer", "a=owner", "a="})
    EXPECT_THAT(error(oidc("roles = [\"" + std::string(rule) + "\"]")), HasSubstr("oidc.roles")) << rule;
  EXPECT_THAT(error(oidc("tenant_claim = \"\"")), HasSubstr("tenant_claim"));
}

TEST(Config, OtherMachinesAreServedWithTlsOrOpenEyes) {
  const auto http = [](const std::string& keys) { return std::string(kMinimal) + "[http]\n" + keys; };
  EXPECT_THAT(error(http("listen = \"0.0.0.0:7070\"")), HasSubstr("could be read on the way"));
  EXPECT_THAT(error(http("listen = \"[::]:7070\"\nallow_plain_remote = \"yes\"")),
              HasSubstr("could be read on the way"));
  parsed(http(std::string("listen = \"0.0.0.0:7070\"\nallow_plain_remote = \"") + kPlainRemoteWords + "\""));
  parsed(http("listen = \"0.0.0.0:7070\"\ncertificate = \"c.pem\"\nkey = \"k.pem\""));
  EXPECT_THAT(error(http("certificate = \"c.pem\"")), HasSubstr("belong together"));
  for (const char* listen : {"7070", "localhost", "host:7070", "127.0.0.1:70700", "::1:7070", "[127.0.0.1]:1"})
    EXPECT_THAT(error(http("listen = \"" + std::string(listen) + "\"")), HasSubstr("http.listen must be")) << listen;
}

TEST(Config, VariablesThatMeanNothingAreWarnings) {
  const auto result = parse_config(kMinimal, "rowledger.toml",
                                   {{"ROWLEDGER_SOURCE_URLL", "x"},
                                    {"ROWLEDGER_TABLE_0_NAMES", "x"},
                                    {"OTHER", "x"},
                                    {"ROWLEDGER_DIR", "x"},
                                    {"ROWLEDGER_TEST_X", "1"}});
  ASSERT_TRUE(result);
  EXPECT_THAT(result->warnings,
              ElementsAre(AllOf(HasSubstr("ROWLEDGER_SOURCE_URLL"), HasSubstr("ROWLEDGER_SOURCE_URL\"")),
                          HasSubstr("ROWLEDGER_TABLE_0_NAMES")));
  EXPECT_THAT(parse_config(kMinimal, "x", {})->warnings, IsEmpty());
}

// ---- docs/configuration.md --------------------------------------------------------------------

std::string shown_default(const ConfigValue& value) {
  if (const auto* text = std::get_if<std::string>(&value)) return '"' + *text + '"';
  if (const auto* number = std::get_if<int64_t>(&value)) return std::to_string(*number);
  if (const auto* flag = std::get_if<bool>(&value)) return *flag ? "true" : "false";
  std::string out = "[";
  for (const std::string& each : std::get<std::vector<std::string>>(value))
    out += (out.size() > 1 ? ", \"" : "\"") + each + '"';
  return out + "]";
}

TEST(ConfigurationPage, HasEachKeyWithItsDefaultAndVariable) {
  std::ifstream in("docs/configuration.md");
  ASSERT_TRUE(in);
  std::vector<std::string> rows, expected;
  const std::regex row(R"(^\| `([a-z]+\.[a-z_]+)` \| `([^`]*)` \| `(ROWLEDGER_[A-Z0-9_]+)` \| .{10,} \|$)");
  for (std::string line; std::getline(in, line);) {
    std::smatch match;
    if (std::regex_match(line, match, row))
      rows.push_back(match[1].str() + ' ' + match[2].str() + ' ' + match[3].str());
    else
      EXPECT_FALSE(line.starts_with("| `") && line.find("ROWLEDGER_") != std::string::npos)
          << "not understood: " << line;
  }
  const auto expect = [&](const auto& keys, const auto& defaults, bool list) {
    for (const auto& key : keys)
      expected.push_back(std::string(key.section) + '.' + std::string(key.name) + ' ' +
                         shown_default(key.get(defaults)) + ' ' + environment_name(key.section, key.name, list));
  };
  expect(plain_keys(), Config(), false);
  expect(table_keys(), capture::TableSettings(), true);
  expect(via_keys(), ViaEntry(), true);
  expect(mask_keys(), view::MaskSettings(), true);
  EXPECT_EQ(rows, expected);
  ASSERT_EQ(rows.size(), config_keys().size());
  for (size_t i = 0; i < rows.size(); ++i) EXPECT_THAT(rows[i], ::testing::StartsWith(config_keys()[i] + ' '));
}

// ---- connection strings -----------------------------------------------------------------------

TEST(Conninfo, DatabaseOf) {
  EXPECT_EQ(database_of("postgresql://u:p@h:5432/shop?sslmode=require"), "shop");
  EXPECT_EQ(database_of("postgres://h/a%20b"), "a b");
  EXPECT_EQ(database_of("postgresql:///d?host=/tmp"), "d");
  EXPECT_EQ(database_of("postgresql://h/d?dbname=e"), "e");
  EXPECT_EQ(database_of("postgresql://h"), "");
  EXPECT_EQ(database_of("host=h dbname = d user=u"), "d");
  EXPECT_EQ(database_of(R"(dbname='a b\'c' host=h)"), "a b'c");
  EXPECT_EQ(database_of("dbname=a dbname=b"), "b");
  EXPECT_EQ(database_of("xdbname=a"), "");
  EXPECT_EQ(database_of("dbname"), "");
  EXPECT_EQ(database_of("dbname='never closed"), "never closed");
  EXPECT_EQ(database_of(""), "");
}

TEST(Conninfo, OfCapture) {
  Config config;
  config.source_url = "postgresql://admin:secret@h/d";
  EXPECT_EQ(capture_conninfo(config, "p&/'"), "postgresql://admin:secret@h/d?user=rowledger&password=p%26%2F%27");
  config.source_url += "?sslmode=require";
  EXPECT_THAT(capture_conninfo(config, "p"), HasSubstr("?sslmode=require&user=rowledger&password=p"));
  config.source_url = "dbname=d";
  EXPECT_EQ(capture_conninfo(config, "it's \\"), "dbname=d user='rowledger' password='it\\'s \\\\'");
  config.capture_url = "dbname=e";
  EXPECT_EQ(capture_conninfo(config, "p"), "dbname=e");
}

}  // namespace
}  // namespace rowledger::app
