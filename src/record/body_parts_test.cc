#include "record/body_parts.h"

#include <gtest/gtest.h>

#include "record/entry.h"
#include "record/record_testing.h"

namespace rowledger::record {
namespace {

using testing::encoded;

EntryBody contact() {
  EntryBody body;
  body.key = {{"id", "42"}};
  body.subject = "public.contacts/42";
  body.attribution = {"7", "Priya", "glific", "glific_web", "10.0.0.7", R"({"request_id":"F1a2"})"};
  body.changes = {{"phone", ValueForm::kText, Value::of("919812345678"), Value::of("919898765432")},
                  {"name", ValueForm::kText, Value::null(), Value::of("Asha")},
                  {"notes", ValueForm::kText, Value::unknown(), Value::of("")},
                  {"fields", ValueForm::kJson, {}, Value::of(R"({"city": "Pune"})")}};
  return body;
}

void expect_comes_back(const EntryBody& body, std::string_view table) {
  const std::string whole = encoded(body);
  std::string frame, values;
  split_body(table, whole, frame, values);
  const auto joined = join_body(table, frame, values);
  ASSERT_TRUE(joined.has_value()) << joined.error().message;
  EXPECT_EQ(*joined, whole);
}

TEST(BodyParts, ComeTogetherToTheByte) {
  expect_comes_back(contact(), "public.contacts");
  expect_comes_back({}, "");
  EntryBody body = contact();
  body.old_key = {{"id", "41"}};
  body.detail = R"({"reason":"reconcile"})";
  expect_comes_back(body, "public.contacts");
  body.key = {{"a", "1"}, {"b", "x,y"}};
  body.subject = "public.contacts/1,x,y";
  expect_comes_back(body, "public.contacts");
  for (const char* subject :
       {"", "public.contacts", "public.contacts/", "public.contacts/4", "public.contacts/421", "no slash", "/42"}) {
    body = contact();
    body.subject = subject;
    expect_comes_back(body, "public.contacts");
    expect_comes_back(body, "public.messages");
  }
}

TEST(BodyParts, TheFrameHoldsNoValue) {
  EntryBody body = contact();
  body.old_key = {{"id", "asha@example.org"}};
  body.subject = "public.people/asha@example.org";
  body.detail = "searched for 919812345678";
  std::string frame, values;
  split_body("public.contacts", encoded(body), frame, values);
  for (const char* secret : {"919812345678", "919898765432", "Asha", "Pune", "asha@example.org", "searched"}) {
    EXPECT_EQ(frame.find(secret), std::string::npos) << secret;
    EXPECT_NE(values.find(secret), std::string::npos) << secret;
  }
  EXPECT_NE(frame.find("Priya"), std::string::npos);
}

TEST(BodyParts, WithoutValuesItStillSaysWhichFieldsAndWho) {
  std::string frame, values;
  split_body("public.contacts", encoded(contact()), frame, values);
  const auto shown = body_without_values(frame);
  ASSERT_TRUE(shown.has_value());
  const auto body = decode_body(*shown);
  ASSERT_TRUE(body.has_value()) << body.error().message;
  EXPECT_EQ(body->attribution.actor_name, "Priya");
  ASSERT_EQ(body->changes.size(), 4u);
  EXPECT_EQ(body->changes[0].field, "phone");
  EXPECT_EQ(body->changes[0].before, Value::unknown());
  EXPECT_EQ(body->changes[1].before, Value::null());
  EXPECT_EQ(body->key[0].value, "");
}

TEST(BodyParts, PartsThatDoNotBelongTogetherAreRefused) {
  std::string frame, values;
  split_body("public.contacts", encoded(contact()), frame, values);
  EXPECT_FALSE(join_body("public.contacts", frame, values + "x").has_value());
  EXPECT_FALSE(join_body("public.contacts", frame, values.substr(1)).has_value());
  for (size_t cut = 0; cut < frame.size(); ++cut)
    EXPECT_FALSE(join_body("public.contacts", frame.substr(0, cut), values).has_value());
  EXPECT_FALSE(join_body("public.contacts", frame + "x", values).has_value());
}

}  // namespace
}  // namespace rowledger::record
