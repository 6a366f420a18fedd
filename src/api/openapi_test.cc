#include "api/openapi.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <set>
#include <string>

#include "api/route.h"

namespace rowledger::api {
namespace {

namespace json = boost::json;

constexpr std::string_view kMethods[] = {"get", "put", "post", "delete", "options", "head", "patch", "trace"};

// The document knows no name that stands for several segments.
std::string documented(std::string_view pattern) {
  std::string out(pattern);
  if (const size_t dots = out.find("...}"); dots != std::string::npos) out.erase(dots, 3);
  return out;
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = static_cast<char>(std::tolower(c));
  return out;
}

class OpenApiTest : public testing::Test {
 protected:
  const json::value document_ = json::parse(kOpenApi);
  const json::object& paths_ = document_.as_object().at("paths").as_object();
};

TEST_F(OpenApiTest, HasExactlyTheRoutesThatThereAre) {
  std::set<std::string> described, there;
  for (const auto& [path, item] : paths_) {
    for (const auto& [method, operation] : item.as_object())
      if (std::ranges::count(kMethods, std::string_view(method)))
        described.insert(std::string(method) + " " + std::string(path));
  }
  for (const Route& route : routes()) there.insert(lower(route.method) + " " + documented(route.pattern));
  EXPECT_THAT(described, testing::ContainerEq(there));
}

TEST_F(OpenApiTest, SaysWhichRightEachTakes) {
  for (const Route& route : routes()) {
    const auto right = route.needs.right();
    const std::string expected = right                         ? std::string(to_string(*right))
                                 : route.needs.met_by_anyone() ? "nobody"
                                                               : "somebody";
    const json::value* described = paths_.if_contains(documented(route.pattern));
    ASSERT_NE(described, nullptr) << route.pattern;
    const json::object& operation = described->at(lower(route.method)).as_object();
    EXPECT_EQ(operation.at("x-right").as_string(), expected) << route.method << " " << route.pattern;
    // Where nobody needs to sign in, the document says so: otherwise a client would ask for credentials.
    EXPECT_EQ(operation.contains("security"), expected == "nobody") << route.pattern;
  }
}

TEST_F(OpenApiTest, NamesWhatStandsInEachPath) {
  for (const auto& [path, item] : paths_) {
    for (const auto& [method, operation] : item.as_object()) {
      std::set<std::string> named, declared;
      const std::string text(path);
      for (size_t at = 0; (at = text.find('{', at)) != std::string::npos; ++at)
        named.insert(text.substr(at + 1, text.find('}', at) - at - 1));
      const json::object& object = operation.as_object();
      if (const auto* parameters = object.if_contains("parameters")) {
        for (const json::value& parameter : parameters->as_array()) {
          const json::value* one = &parameter;
          if (const auto* ref = parameter.as_object().if_contains("$ref")) {
            const std::string pointer(ref->as_string());
            one = &document_.at_pointer(pointer.substr(1));
          }
          if (one->at("in").as_string() == "path") declared.emplace(one->at("name").as_string());
        }
      }
      EXPECT_EQ(named, declared) << method << " " << path;
    }
  }
}

}  // namespace
}  // namespace rowledger::api
