// Readers of every role and tenant ask everything that can be asked, in every way that comes to mind, and get not one
// byte that is not theirs to see.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <atomic>
#include <boost/json.hpp>
#include <map>
#include <random>
#include <thread>

#include "api/api.h"
#include "api/json_view.h"
#include "base/json_text.h"
#include "view/view_testing.h"

namespace rowledger::api {
namespace {

using namespace view::testing;
using people::Role;

constexpr size_t kRequests = 120'000;
constexpr size_t kThreads = 2;
constexpr const char* kTenants[] = {"1", "2", "3"};

// Each value of a tenant has this in it, and each that has a mask the other, too.
std::string tenant_mark(std::string_view tenant) { return "tenmark" + std::string(tenant) + "x"; }
constexpr std::string_view kHiddenMark = "hidemark";
constexpr std::string_view kHiddenDigits = "55005";  // the same in phone numbers, where the mask is
// Of what one tenant's phone numbers begin with nobody else may see more than nothing.
std::string phone_of(std::string_view tenant, int i) {
  return "91" + std::string(tenant) + std::string(tenant) + std::string(kHiddenDigits) + std::to_string(1000 + i);
}

class NoAccessLog final : public AccessLog {
 public:
  Status record(const people::Principal&, const Access&) override {
    ++recorded;
    return {};
  }
  std::atomic<uint64_t> recorded = 0;
};

struct World {
  TestLog log;
  std::vector<std::string> whole_values;  // as searches can name them, of all tenants
  std::vector<std::string> keys;

  World() {
    define_tables(log);
    for (const char* tenant : kTenants) fill(tenant);
    log.set_actor("global", "tenmark0x Installation");
    log.insert(kLanguages, {{"id", "1"}, {"label", "tenmark0x Hindi"}});
    append_control(log, record::EntryKind::kGap, R"({"reason":"slot-lost"})");
    append_control(log, record::EntryKind::kControl, R"({"event":"tenmark0x"})");
  }

  void fill(const std::string& tenant) {
    const std::string mark = tenant_mark(tenant);
    const auto hidden = [&](std::string_view what, int i) {
      std::string out = fmt::format("{}{}{}{}", mark, kHiddenMark, what, i);
      whole_values.push_back(out);
      return out;
    };
    log.set_actor("0" + tenant, mark + "actor",
                  fmt::format(R"({{"request_id":"{0}request","secret":"{0}{1}"}})", mark, kHiddenMark));
    log.insert(kUsers, {{"id", "70" + tenant}, {"name", mark + " user"}, {"organization_id", tenant}});
    for (int i = 0; i < 40; ++i) {
      const std::string id = tenant + std::to_string(1000 + i);
      keys.push_back(id);
      // Names the row's changer by the table of names, in part.
      if (i % 2 == 0) log.set_actor("70" + tenant);
      log.insert(kContacts, row(tenant, id, i, hidden));
      const std::string place = record::encode_key({id});
      log.update(kContacts, place, {{"phone", phone_of(tenant, i + 500)}, {"name", hidden("name ", i + 1)}});
      log.update(kContacts, place, {{"status", mark + "blocked"}, {"fields", fields(mark, hidden("again", i))}});
      if (i % 5 == 0) log.remove(kContacts, place);
      const std::string number = phone_of(tenant, i);
      keys.push_back(number);
      whole_values.push_back(number);
      log.insert(kNumbers, {{"number", number}, {"remark", hidden("remark", i)}, {"organization_id", tenant}});
      const std::string text_key = hidden("key", i);
      keys.push_back(text_key);
      log.insert(kUnclassified, {{"id", text_key}, {"value", hidden("value", i)}, {"organization_id", tenant}});
    }
    append_control(log, record::EntryKind::kAccess,
                   fmt::format(R"({{"reader":{{"id":"{0}reader","name":"{0}reader"}},"route":"row","query":"{0}{1}",)"
                               R"("table":"public.numbers","key":"{2}"}})",
                               mark, kHiddenMark, phone_of(tenant, 1)),
                   tenant);
    append_control(log, record::EntryKind::kErase, fmt::format(R"({{"why":"{}{}"}})", mark, kHiddenMark), tenant);
  }

  template <class Hidden>
  Row row(const std::string& tenant, const std::string& id, int i, const Hidden& hidden) {
    const std::string mark = tenant_mark(tenant);
    return {{"id", id},
            {"name", hidden("name ", i)},
            {"phone", phone_of(tenant, i)},
            {"status", mark + "valid"},
            {"born", fmt::format("1990-{}", hidden("born", i))},
            {"note", fmt::format("{} call {}@example.org", mark, hidden("note", i))},
            {"fields", fields(mark, hidden("answer", i))},
            {"organization_id", tenant}};
  }
  static std::string fields(const std::string& mark, const std::string& value) {
    return fmt::format(R"({{"age":{{"label":"{}label","value":"{}","{}":1}}}})", mark, value, value);
  }
};

struct Reader {
  people::Principal who;
  std::vector<std::string> cursors;
};

// Asks as one thread's readers; keeps what they got for the others.
class Asker {
 public:
  Asker(const Api& api, const World& world, uint32_t seed) : api_(api), world_(world), random_(seed) {
    for (const Role role : people::kRoles) {
      if (role == Role::kOwner) continue;
      for (const char* tenant : kTenants) readers_.push_back({reader(role, tenant), {}});
      readers_.push_back({reader(role), {}});
    }
  }

  void ask(size_t requests) {
    for (size_t i = 0; i < requests; ++i) {
      Reader& reader = readers_[pick(readers_.size())];
      const http::Request request = make_request();
      const http::Response response = api_.handle(request, reader.who);
      ++statuses[response.status / 100];
      if (response.status == 200) ++routes_answered[request.target.substr(0, request.target.find('?')).substr(0, 9)];
      check(reader.who, request, response);
      if (::testing::Test::HasFailure()) return;
      remember_cursor(response.body);
    }
  }

  std::map<int, size_t> statuses;
  std::map<std::string, size_t> routes_answered;
  size_t own_values = 0, cursors_refused = 0;

 private:
  size_t pick(size_t n) { return std::uniform_int_distribution<size_t>(0, n - 1)(random_); }
  template <class List>
  auto any(const List& list) {
    return list[pick(std::size(list))];
  }
  bool chance(int percent) { return pick(100) < static_cast<size_t>(percent); }

  std::string value() {
    static constexpr const char* kOdd[] = {
        "tenmark", "hidemark", "55005", "9122", "*",          "\"",        "%00",       "\xff",
        "1..9",    ">1",       "-1",    "null", "tenmark2x*", "hidemark*", "../../etc", "public.contacts",
        "now-1d"};
    if (chance(60)) return any(world_.whole_values);
    if (chance(30)) return any(world_.keys);
    return any(kOdd);
  }

  std::string term() {
    static constexpr const char* kKeys[] = {
        "",      "new:",    "old:",     "value:", "new.phone:", "old.name:", "new.fields.age.value:",
        "key:",  "reason:", "request:", "actor:", "org:",       "tenant:",   "-new:",
        "-key:", "table:",  "field:",   "kind:",  "tx:",        "changes:",  "via:",
        "is:"};
    static constexpr const char* kWhole[] = {
        "kind:access",    "kind:gap",         "kind:erase", "op:insert", "op:update",   "op:delete",
        "field:phone",    "field:fields.age", "org:2",      "-org:1",    "via:app",     "is:bulk",
        "table:contacts", "table:numbers",    "changes:>1", "*",         "tenant:1,2,3"};
    if (chance(40)) return any(kWhole);
    std::string text = value();
    if (chance(20)) text = text.substr(0, pick(text.size() + 1)) + "*";
    if (chance(10)) return fmt::format("{}{}..{}", any(kKeys), text, value());
    if (chance(10)) return fmt::format("{}>={}", any(kKeys), text);
    return chance(70) ? fmt::format("{}\"{}\"", any(kKeys), text) : any(kKeys) + text;
  }

  std::string query() {
    std::string out;
    for (size_t n = pick(4); n > 0; --n) out += (out.empty() ? "" : chance(30) ? " OR " : " ") + term();
    return out;
  }

  std::string when() {
    static constexpr const char* kMoments[] = {"now",        "2026-11-20T00:00:30Z", "2026-11-20",   "now-1w",
                                               "lsn:0/2000", "lsn:0/FFFFFFFF",       "seq:99999999", "yesterday"};
    return chance(50) ? any(kMoments) : fmt::format("seq:{}", pick(world_.log.end() + 5));
  }

  std::string cursor() {
    if (cursors_.empty() || chance(20)) return chance(50) ? "AAAA" : std::string(80, 'A');
    std::string text = any(cursors_);
    if (chance(20)) text[pick(text.size())] = 'x';
    return text;
  }

  std::string parameters() {
    std::string out;
    const auto add = [&](std::string_view name, const std::string& value) {
      out += fmt::format("{}{}={}", out.empty() ? '?' : '&', name, http::percent_encode(value));
    };
    if (chance(80)) add("q", query());
    if (chance(30)) add("images", any(std::array{"1", "0", "tenmark1x"}));
    if (chance(50)) add("all", "1");
    if (chance(40)) add("limit", any(std::array{"1", "3", "1000", "0", "x"}));
    if (chance(30)) add("order", any(std::array{"asc", "desc", "hidemark"}));
    if (chance(30)) add("when", when());
    if (chance(30)) add("from", when());
    if (chance(30)) add("to", when());
    if (chance(25)) add("cursor", cursor());
    if (chance(30))
      add("by", any(std::array{"day", "hour_of_week", "field", "actor", "via", "op", "table", "row", "x"}));
    if (chance(20)) add("split", any(std::array{"via", "op", "table", "field", "actor", "row"}));
    if (chance(20)) add("rows", any(kTables));
    if (chance(20)) add("table", any(kTables));
    if (chance(20)) add("key", any(world_.keys));
    if (chance(10)) add("reader", value());
    if (chance(10)) add("subject", fmt::format("{}/{}", any(kTables), any(world_.keys)));
    if (chance(10)) add("entry", std::to_string(pick(world_.log.end())));
    if (chance(10)) add("position", std::to_string(pick(50)));
    return out;
  }

  http::Request make_request() {
    http::Request request;
    request.method = "GET";
    const std::string table = http::percent_encode(any(kTables)), key = http::percent_encode(any(world_.keys));
    const size_t seq = pick(world_.log.end() + 3);
    switch (pick(18)) {
      case 0:
      case 1:
      case 2: request.target = "/v1/entries"; break;
      case 3: request.target = fmt::format("/v1/entries/{}", seq); break;
      case 4: request.target = fmt::format("/v1/entries/{}/proof", seq); break;
      case 5: request.target = fmt::format("/v1/rows/{}/{}", table, key); break;
      case 6: request.target = fmt::format("/v1/rows/{}/{}/entries", table, key); break;
      case 7: request.target = fmt::format("/v1/rows/{}/{}/at", table, key); break;
      case 8: request.target = fmt::format("/v1/rows/{}/{}/diff", table, key); break;
      case 9: request.target = fmt::format("/v1/tables/{}/at", table); break;
      case 10: request.target = "/v1/insights/changes"; break;
      case 11: request.target = "/v1/query/parse"; break;
      case 12: request.target = "/v1/access"; break;
      case 13:
        request.target = chance(50) ? "/v1/evidence" : fmt::format("/tlog/tile/entries/000.p/{}", seq % 256);
        break;
      case 14:
        request.target = "/v1/entries/stream";
        request.headers.emplace_back("last-event-id", std::to_string(seq));
        break;
      case 15: return unmask(seq);
      case 16: request.target = "/v1/integrity"; break;
      case 17: request.target = "/v1/insights"; break;
    }
    request.target += parameters();
    return request;
  }

  http::Request unmask(size_t seq) {
    http::Request request;
    request.method = "POST";
    request.target = "/v1/unmask";
    boost::json::object body{
        {"reason", "the caller asked for it"},
        {"fields", boost::json::array{any(std::array{"phone", "name", "fields", "context", "id"})}}};
    if (chance(50)) {
      body["seq"] = seq;
    } else {
      body["table"] = any(kTables);
      body["key"] = any(world_.keys);
    }
    request.body = boost::json::serialize(body);
    return request;
  }

  // What is left of an answer when what only repeats the question is taken out.
  static std::string seen(const http::Request& request, const http::Response& response) {
    std::string out = response.body;
    if (response.live) {
      std::string piece;
      auto live = *response.live;
      for (int i = 0; i < 20 && live.step(piece) == http::LiveBody::Next::kMore; ++i) {
      }
      out += piece;
    }
    for (const auto& [name, value] : response.headers)
      if (name != "Link") out += fmt::format("\n{}: {}", name, value);
    const auto target = http::parse_target(request.target);
    constexpr size_t kShortest = 5;  // no mark is shorter, and what is would leave nothing of the answer
    const auto strip = [&](const std::string& text) {
      std::string quoted;
      append_json_string(quoted, text);
      quoted = quoted.substr(1, quoted.size() - 2);
      for (const std::string& what : {quoted, text})
        for (size_t at; what.size() >= kShortest && (at = out.find(what)) != std::string::npos;)
          out.erase(at, what.size());
    };
    const bool repeats = response.status != 200 || request.target.starts_with("/v1/query/parse");
    if (repeats && target) {
      for (std::string_view path = target->path; !path.empty();) {
        const size_t slash = path.find('/');
        if (const auto part = http::percent_decode(path.substr(0, slash)); part && part->size() > 8) strip(*part);
        path.remove_prefix(slash == std::string_view::npos ? path.size() : slash + 1);
      }
      for (const auto& [name, value] : target->parameters) strip(value);
      for (const char* name : {"key", "table"}) strip(JsonView(request.body)[name].text());
    }
    // A row's and a table's answer begins with what was asked for.
    if (request.target.starts_with("/v1/rows/") && response.status == 200) {
      const JsonView body(response.body);
      if (const size_t key = out.find("\"key\":"); key < 80) out.erase(key, body["key"].raw().size() + 6);
      for (const auto& [name, value] : target->parameters)
        if (name == "when" || name == "from" || name == "to") strip(value);
    }
    return out;
  }

  void check(const people::Principal& who, const http::Request& request, const http::Response& response) {
    const std::string out = seen(request, response);
    const bool unmasks = request.target == "/v1/unmask" && response.status == 200;
    // Search errors cut what they show out of the middle of the question.
    const bool cut = response.status == 400 || request.target.starts_with("/v1/query/parse");
    for (const char* tenant : kTenants) {
      if (!who.tenant || *who.tenant == tenant) continue;
      EXPECT_TRUE(cut || out.find(tenant_mark(tenant)) == std::string::npos) << told(who, request, out);
      EXPECT_TRUE(cut || out.find(phone_of(tenant, 0).substr(0, 6)) == std::string::npos) << told(who, request, out);
    }
    if (who.tenant) {
      EXPECT_TRUE(cut || out.find("tenmark0x") == std::string::npos) << told(who, request, out);
      own_values += out.find(tenant_mark(*who.tenant)) != std::string::npos;
    }
    if (unmasks) {
      EXPECT_TRUE(who.may(people::Right::kUnmask)) << told(who, request, out);
      return;
    }
    EXPECT_TRUE(cut || out.find(kHiddenMark) == std::string::npos) << told(who, request, out);
    EXPECT_TRUE(cut || out.find(kHiddenDigits) == std::string::npos) << told(who, request, out);
    if (response.status == 200 && !who.may(people::Right::kReadEntries)) {
      EXPECT_EQ(out.find("tenmark"), std::string::npos) << told(who, request, out);
    }
  }

  static std::string told(const people::Principal& who, const http::Request& request, const std::string& out) {
    return fmt::format("{} asked {} {} {}\nand got {}", who.id, request.method, request.target, request.body,
                       out.substr(0, 4'000));
  }

  void remember_cursor(std::string_view body) {
    const std::string cursor = JsonView(body)["next_cursor"].text();
    if (cursor.empty()) return;
    if (cursors_.size() < 500) {
      cursors_.push_back(cursor);
    } else {
      cursors_[pick(cursors_.size())] = cursor;
    }
  }

  static constexpr const char* kTables[] = {kContacts,     kNumbers,   kUsers,        kLanguages,
                                            kUnclassified, "contacts", "public.none", "tenmark2x"};
  const Api& api_;
  const World& world_;
  std::mt19937 random_;
  std::vector<Reader> readers_;
  std::vector<std::string> cursors_;
};

class IsolationTest : public ::testing::Test {
 protected:
  const World world_;
  const view::Policy policy_ = test_policy();
  NoAccessLog access_;
  const Api api_{Dependencies{.store = world_.log.store(), .policy = policy_, .access = access_}};

  http::Response get(const std::string& target, const people::Principal& who) const {
    http::Request request;
    request.method = "GET";
    request.target = target;
    return api_.handle(request, who);
  }
};

TEST_F(IsolationTest, NotOneByteOfAnotherTenantNorOfAMaskedValue) {
  std::vector<Asker> askers;
  for (size_t i = 0; i < kThreads; ++i) askers.emplace_back(api_, world_, 1 + static_cast<uint32_t>(i));
  std::vector<std::thread> threads;
  threads.reserve(kThreads);
  for (Asker& asker : askers) threads.emplace_back([&] { asker.ask(kRequests / kThreads); });
  for (std::thread& thread : threads) thread.join();
  size_t own = 0, good = 0;
  std::map<std::string, size_t> answered;
  for (const Asker& asker : askers) {
    own += asker.own_values;
    good += asker.statuses.contains(2) ? asker.statuses.at(2) : 0;
    for (const auto& [route, count] : asker.routes_answered) answered[route] += count;
  }
  // A test that gets nothing but refusals would pass, too.
  EXPECT_GT(good, kRequests / 8);
  EXPECT_GT(own, kRequests / 50);
  for (const auto& [route, count] : answered) std::printf("%s %zu\n", route.c_str(), count);
  std::printf("requests %zu, answered %zu, with own values %zu, accesses recorded %zu\n", kRequests, good, own,
              static_cast<size_t>(access_.recorded));
}

TEST_F(IsolationTest, WouldSeeWhatItLooksFor) {
  const auto all = get("/v1/entries?all=1&limit=1000", reader(Role::kOwner));
  ASSERT_EQ(all.status, 200);
  for (const char* tenant : kTenants) EXPECT_NE(all.body.find(tenant_mark(tenant)), std::string::npos);
  EXPECT_NE(all.body.find(kHiddenMark), std::string::npos);
  EXPECT_NE(all.body.find(kHiddenDigits), std::string::npos);
}

TEST_F(IsolationTest, NoSharedCacheKeepsWhatIsAnsweredByTenant) {
  const auto header = [&](const std::string& target, std::string_view name, const people::Principal& who) {
    const auto answer = get(target, who);
    EXPECT_EQ(answer.status, 200) << target;
    for (const auto& [key, value] : answer.headers)
      if (key == name) return value;
    return std::string();
  };
  const auto all = reader(Role::kAuditor);
  EXPECT_EQ(header("/tlog/tile/entries/000", "Cache-Control", all), "private, max-age=31536000, immutable");
  EXPECT_EQ(header("/tlog/tile/entries/000", "Vary", all), "Cookie, Authorization");
  EXPECT_EQ(header("/tlog/tile/entries/000.p/7", "Cache-Control", all), "no-store");
  EXPECT_EQ(header("/tlog/tile/0/000", "Cache-Control", all), "public, max-age=31536000, immutable");
  EXPECT_EQ(header("/tlog/tile/0/000.p/7", "Cache-Control", all), "no-store");
  const auto other = get("/tlog/tile/entries/000", reader(Role::kAuditor, "2"));
  EXPECT_NE(other.status, 200);
  for (const auto& [name, value] : other.headers) EXPECT_TRUE(name != "Cache-Control" || value == "no-store");
}

TEST_F(IsolationTest, ACursorIsGoodForItsReaderOnly) {
  const std::string target = "/v1/entries?all=1&limit=2";
  const auto first = get(target, reader(Role::kViewer, "1"));
  const std::string cursor = JsonView(first.body)["next_cursor"].text();
  ASSERT_FALSE(cursor.empty());
  const std::string next = target + "&cursor=" + cursor;
  EXPECT_EQ(get(next, reader(Role::kViewer, "1")).status, 200);
  for (const auto& other : {reader(Role::kViewer, "2"), reader(Role::kAuditor, "1"), reader(Role::kViewer)})
    EXPECT_EQ(get(next, other).status, 400);
  EXPECT_EQ(get("/v1/entries?all=1&limit=2&q=via:app&cursor=" + cursor, reader(Role::kViewer, "1")).status, 400);
}

TEST_F(IsolationTest, GapsAreCountedForAllAndShownToWhoReadsEntries) {
  for (const Role role : people::kRoles) {
    const auto answer =
        get("/v1/integrity", reader(role, role == Role::kOwner ? std::nullopt : std::optional<std::string>("1")));
    ASSERT_EQ(answer.status, 200) << to_string(role);
    const JsonView body(answer.body);
    EXPECT_EQ(body["gaps"]["count"].raw(), "1") << to_string(role);
    EXPECT_EQ(answer.body.find("slot-lost") != std::string::npos, role != Role::kOperator) << to_string(role);
  }
  // Only what was shown is put down as looked at.
  const uint64_t before = access_.recorded;
  get("/v1/integrity", reader(Role::kOperator));
  EXPECT_EQ(access_.recorded, before);
  get("/v1/integrity", reader(Role::kViewer, "2"));
  EXPECT_EQ(access_.recorded, before + 1);
}

TEST_F(IsolationTest, IntegrityCountsTheReadersOwnEntries) {
  const auto entries = [&](const people::Principal& who) {
    return std::string(JsonView(get("/v1/integrity", who).body)["entries"].raw());
  };
  EXPECT_EQ(entries(reader(Role::kViewer)), fmt::format("{}", world_.log.end()));
  EXPECT_NE(entries(reader(Role::kViewer, "1")), entries(reader(Role::kViewer)));
}

TEST_F(IsolationTest, AnotherTenantsRowIsAsUnknownAsNone) {
  const auto who = reader(Role::kViewer, "1");
  for (const char* view : {"", "/entries", "/at?when=now", "/diff?from=seq:1&to=now"}) {
    auto foreign = get(fmt::format("/v1/rows/contacts/21001{}", view), who);
    auto none = get(fmt::format("/v1/rows/contacts/99999{}", view), who);
    EXPECT_EQ(foreign.status, 404) << view;
    for (size_t at; (at = foreign.body.find("21001")) != std::string::npos;) foreign.body.replace(at, 5, "99999");
    EXPECT_EQ(foreign.body, none.body) << view;
    EXPECT_EQ(foreign.headers, none.headers) << view;
  }
}

}  // namespace
}  // namespace rowledger::api
