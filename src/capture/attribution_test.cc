#include "capture/attribution.h"

#include <gtest/gtest.h>

namespace rowledger::capture {
namespace {

constexpr uint32_t kXid = 8812;
const std::string kSecret = "the stamp's secret";
const std::string kKey = "the application's key";

Settings settings_with_key() {
  Settings settings;
  settings.context_hmac_key = kKey;
  settings.via_rules = {{"glific", "glific_jobs*", record::Via::kJob}, {"glific", "", record::Via::kApp}};
  return settings;
}

std::string stamped(const std::string& body, const std::string& secret = kSecret) {
  return to_base64(sha384(secret, body)) + body;
}

std::string trigger_body(const std::string& role, const std::string& application, const std::string& nested,
                         const std::string& context) {
  return "rowledger 2 10.0.0.7 1\n8812\n2026-11-26 10:00:00+00\n16385\n" + nested + "\n" + application + "\n" + role +
         (context.empty() ? "" : "\n" + context);
}

// A text as it stands inside JSON.
std::string quoted(const std::string& text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + "\"";
}

std::string signed_context(const std::string& inner, const std::string& xid8, const std::string& key = kKey) {
  const std::string hmac = to_hex(as_view(HmacSha256(key)(xid8 + ":", inner)));
  return R"({"signed":)" + quoted(inner) + R"(,"hmac":")" + hmac + R"(","xid":")" + xid8 + R"("})";
}

class AttributionTest : public ::testing::Test {
 protected:
  Who after(const std::string& content, uint32_t xid = kXid) {
    Who who;
    attributor_.apply(content, xid, who);
    return who;
  }
  Settings settings_ = settings_with_key();
  Attributor attributor_{settings_, kSecret};
};

TEST_F(AttributionTest, TheTriggerAloneTellsRoleAndClient) {
  const Who who = after(stamped(trigger_body("priya", "psql", "", "")));
  EXPECT_EQ(who.trust, record::Trust::kDatabase);
  EXPECT_EQ(who.via, record::Via::kSql);
  EXPECT_EQ(who.role, "priya");
  EXPECT_EQ(who.application, "psql");
  EXPECT_EQ(who.client, "10.0.0.7");
  EXPECT_TRUE(who.actor_id.empty());
}

TEST_F(AttributionTest, AContextIsClaimed) {
  const Who who = after(stamped(trigger_body(
      "glific", "web", "",
      R"({"actor_id":"7","actor_name":"Priya","via":"flow","request_id":"F1a2","reason":"caller asked"})")));
  EXPECT_EQ(who.trust, record::Trust::kClaimed);
  EXPECT_EQ(who.via, record::Via::kFlow);
  EXPECT_EQ(who.actor_id, "7");
  EXPECT_EQ(who.actor_name, "Priya");
  EXPECT_EQ(who.role, "glific");
  EXPECT_EQ(who.context, R"({"request_id":"F1a2","reason":"caller asked"})");
}

TEST_F(AttributionTest, ViaByRuleOfRoleAndApplication) {
  EXPECT_EQ(after(stamped(trigger_body("glific", "glific_jobs_3", "", ""))).via, record::Via::kJob);
  EXPECT_EQ(after(stamped(trigger_body("glific", "web", "", ""))).via, record::Via::kApp);
  EXPECT_EQ(after(stamped(trigger_body("other", "web", "", ""))).via, record::Via::kUnknown);
}

TEST_F(AttributionTest, ATriggersChangeKeepsTheActor) {
  const Who who = after(stamped(trigger_body("glific", "web", "all 16385", R"({"actor_id":"7","via":"app"})")));
  EXPECT_EQ(who.via_of(16385), record::Via::kTrigger);
  EXPECT_EQ(who.via_of(16399), record::Via::kApp);
  EXPECT_EQ(who.actor_id, "7");
}

TEST_F(AttributionTest, TablesStayATriggersUntilAStatementOfTheClient) {
  Who who;
  attributor_.apply(stamped(trigger_body("glific", "web", "all 16385", "")), kXid, who);
  std::string other = trigger_body("glific", "web", "all 16385", "");
  other.replace(other.find("all 16385"), 9, "perhaps 16399");
  attributor_.apply(stamped(other), kXid, who);
  EXPECT_EQ(who.via_of(16385), record::Via::kTrigger);
  EXPECT_EQ(who.via_of(16399), record::Via::kUnknown) << "it may be the trigger, or what set it off";
  EXPECT_EQ(who.via_of(1), record::Via::kApp);
  attributor_.apply(stamped(trigger_body("glific", "web", "", "")), kXid, who);
  EXPECT_EQ(who.via_of(16385), record::Via::kApp);
}

TEST_F(AttributionTest, AStampFromAnotherTransactionIsAForgery) {
  const Who who = after(stamped(trigger_body("glific", "web", "", R"({"actor_id":"7"})")), kXid + 1);
  EXPECT_TRUE(who.flags & record::kForged);
  EXPECT_EQ(who.trust, record::Trust::kUnknown);
  EXPECT_TRUE(who.role.empty());
  EXPECT_TRUE(who.actor_id.empty());
}

TEST_F(AttributionTest, AnUnstampedMessageInheritsNeitherTrustNorViaNorFlags) {
  Who who;
  attributor_.apply(signed_context(R"({"actor_id":"7","via":"flow"})", "8812"), kXid, who);
  ASSERT_EQ(who.trust, record::Trust::kVerified);
  attributor_.apply(R"({"reason":"no actor"})", kXid, who);
  EXPECT_EQ(who.trust, record::Trust::kUnknown);
  EXPECT_EQ(who.via, record::Via::kUnknown);

  attributor_.apply(signed_context(R"({"actor_id":"7"})", "8812"), kXid, who);
  attributor_.apply(signed_context(R"({"actor_id":"9"})", "8812", "wrong"), kXid, who);
  EXPECT_TRUE(who.flags & record::kForged);
  EXPECT_EQ(who.trust, record::Trust::kUnknown) << "what was verified was another actor";
  attributor_.apply(R"({"actor_id":"3"})", kXid, who);
  EXPECT_FALSE(who.flags & record::kForged);
  EXPECT_EQ(who.trust, record::Trust::kClaimed);

  attributor_.apply(stamped(trigger_body("glific", "glific_jobs_3", "", R"({"actor_id":"7","via":"flow"})")), kXid,
                    who);
  attributor_.apply(R"({"reason":"no actor"})", kXid, who);
  EXPECT_EQ(who.trust, record::Trust::kDatabase) << "the trigger's word stands";
  EXPECT_EQ(who.via, record::Via::kJob);
}

TEST_F(AttributionTest, AnImitatedStampIsNotBelieved) {
  const Who who = after(stamped(trigger_body("postgres", "psql", "", ""), "a guess"));
  EXPECT_TRUE(who.flags & record::kForged);
  EXPECT_EQ(who.trust, record::Trust::kUnknown);
  EXPECT_TRUE(who.role.empty());
}

TEST_F(AttributionTest, WithoutASecretNoStampIsBelieved) {
  Attributor without(settings_, "");
  Who who;
  without.apply(stamped(trigger_body("postgres", "psql", "", ""), ""), kXid, who);
  EXPECT_TRUE(who.flags & record::kForged);
  EXPECT_TRUE(who.role.empty());
}

TEST_F(AttributionTest, AnApplicationsOwnMessageIsClaimed) {
  const Who who = after(R"({"actor_id":42,"actor_name":"Ravi","via":"import"})");
  EXPECT_EQ(who.trust, record::Trust::kClaimed);
  EXPECT_EQ(who.actor_id, "42");
  EXPECT_EQ(who.via, record::Via::kImport);
  EXPECT_TRUE(who.context.empty());
}

TEST_F(AttributionTest, ASignedContextIsVerified) {
  const std::string inner = R"({"actor_id":"7","actor_name":"Priya \"P\"","via":"app"})";
  const Who own = after(signed_context(inner, "8812"));
  EXPECT_EQ(own.trust, record::Trust::kVerified);
  EXPECT_EQ(own.actor_name, "Priya \"P\"");
  const Who by_trigger = after(stamped(trigger_body("glific", "web", "", signed_context(inner, "8812"))));
  EXPECT_EQ(by_trigger.trust, record::Trust::kVerified);
  EXPECT_EQ(by_trigger.role, "glific");
}

TEST_F(AttributionTest, TheWholeTransactionIdIsSigned) {
  // An xid8 whose low half is what the wire tells.
  const std::string inner = R"({"actor_id":"7"})";
  const std::string xid8 = std::to_string((uint64_t{5} << 32) + kXid);
  EXPECT_EQ(after(signed_context(inner, xid8)).trust, record::Trust::kVerified);
}

TEST_F(AttributionTest, AReplayInAnotherTransactionIsAForgery) {
  const Who who = after(signed_context(R"({"actor_id":"7"})", "8812"), kXid + 1);
  EXPECT_TRUE(who.flags & record::kForged);
  EXPECT_TRUE(who.actor_id.empty());
  EXPECT_NE(who.trust, record::Trust::kVerified);
}

TEST_F(AttributionTest, AWrongKeyIsAForgeryThatKeepsTheDatabasesWord) {
  const Who who =
      after(stamped(trigger_body("glific", "web", "", signed_context(R"({"actor_id":"7"})", "8812", "wrong"))));
  EXPECT_TRUE(who.flags & record::kForged);
  EXPECT_EQ(who.trust, record::Trust::kDatabase);
  EXPECT_EQ(who.role, "glific");
  EXPECT_TRUE(who.actor_id.empty());
  EXPECT_NE(who.context.find("\"signed\""), std::string::npos);
}

TEST_F(AttributionTest, AMalformedContextIsKeptAsText) {
  for (const std::string text : {"not json", "[1,2]", "{\"actor_id\":", "42"}) {
    const Who who = after(text);
    EXPECT_TRUE(who.flags & record::kContextMalformed) << text;
    EXPECT_EQ(who.context, text);
    EXPECT_EQ(who.trust, record::Trust::kUnknown);
  }
}

TEST_F(AttributionTest, AnOversizedContextIsKeptInPart) {
  const std::string text = R"({"actor_id":"7","note":")" + std::string(2 * kMaxContextBytes, 'x') + "\"}";
  const Who who = after(text);
  EXPECT_TRUE(who.flags & record::kContextMalformed);
  EXPECT_EQ(who.context.size(), kMaxContextBytes);
  EXPECT_TRUE(who.actor_id.empty());
}

TEST_F(AttributionTest, AnOversizedContextIsCutBetweenCharacters) {
  std::string text = "xx";
  while (text.size() <= kMaxContextBytes) text += "आ";  // three bytes
  const Who who = after(stamped(trigger_body("glific", "web", "", text)));
  EXPECT_TRUE(who.flags & record::kContextMalformed);
  EXPECT_EQ(who.context, text.substr(0, kMaxContextBytes - 2)) << "the next character would have one byte too many";
}

TEST_F(AttributionTest, ALaterMessageReplacesAnEarlierOne) {
  Who who;
  attributor_.apply(R"({"actor_id":"1","actor_name":"Asha","reason":"a"})", kXid, who);
  attributor_.apply(stamped(trigger_body("glific", "web", "", R"({"actor_id":"2"})")), kXid, who);
  EXPECT_EQ(who.actor_id, "2");
  EXPECT_TRUE(who.actor_name.empty());
  EXPECT_TRUE(who.context.empty());
  attributor_.apply(R"({"actor_id":"3"})", kXid, who);
  EXPECT_EQ(who.actor_id, "3");
  EXPECT_EQ(who.role, "glific");
}

TEST_F(AttributionTest, DeepJsonDoesNotStopCapture) {
  const Who who = after(std::string(100'000, '['));
  EXPECT_TRUE(who.flags & record::kContextMalformed);
}

}  // namespace
}  // namespace rowledger::capture
