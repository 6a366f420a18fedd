#include "api/ui_files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace rowledger::api {
namespace {

using testing::HasSubstr;
using testing::Not;

http::Request get(std::string_view encodings = "") {
  http::Request out;
  out.method = "GET";
  if (!encodings.empty()) out.headers.emplace_back("accept-encoding", encodings);
  return out;
}

std::string header(const http::Response& response, std::string_view name) {
  for (const auto& [each, value] : response.headers)
    if (each == name) return value;
  return {};
}

TEST(UiFiles, EachViewsAddressIsThePage) {
  for (const char* path :
       {"/", "/rows/public.contacts/42", "/entries/7", "/tables/contacts", "/insights", "/integrity", "/access"}) {
    const auto page = get_ui_file(get(), path);
    ASSERT_TRUE(page) << path;
    EXPECT_THAT(page->body, HasSubstr("<div id=\"app\">"));
    EXPECT_THAT(header(*page, "Content-Type"), HasSubstr("text/html"));
    EXPECT_EQ(header(*page, "Cache-Control"), "no-cache");
  }
}

TEST(UiFiles, OtherAddressesAreNot) {
  for (const char* path :
       {"", "/v1/status", "/tlog/checkpoint", "/assets/", "/assets/none.js", "/rows/", "/insights/x", "/../index.html"})
    EXPECT_FALSE(get_ui_file(get(), path)) << path;
  http::Request post;
  post.method = "POST";
  EXPECT_FALSE(get_ui_file(post, "/"));
}

TEST(UiFiles, ThePageForbidsWhatIsNotItsOwn) {
  const std::string policy = header(*get_ui_file(get(), "/"), "Content-Security-Policy");
  EXPECT_THAT(policy, HasSubstr("default-src 'none'"));
  EXPECT_THAT(policy, HasSubstr("frame-ancestors 'none'"));
  EXPECT_THAT(policy, Not(HasSubstr("unsafe")));
  EXPECT_THAT(policy, Not(HasSubstr("*")));
}

TEST(UiFiles, FilesAreKeptForEverAndCompressedForThoseWhoTakeIt) {
  size_t scripts = 0;
  for (const UiFile& file : ui_files()) {
    if (!file.path.ends_with(".js")) continue;
    ++scripts;
    EXPECT_THAT(header(*get_ui_file(get(), file.path), "Cache-Control"), HasSubstr("immutable"));
    for (const char* encodings : {"gzip", "br, gzip;q=0.5", "deflate,gzip"}) {
      const auto answer = get_ui_file(get(encodings), file.path);
      EXPECT_EQ(header(*answer, "Content-Encoding"), "gzip") << encodings;
      EXPECT_EQ(answer->body, file.gzip);
    }
    for (const char* encodings : {"", "br", "gzip;q=0", "gzip; q=0.0"}) {
      const auto answer = get_ui_file(get(encodings), file.path);
      EXPECT_EQ(header(*answer, "Content-Encoding"), "") << encodings;
      EXPECT_EQ(answer->body, file.bytes);
    }
  }
  EXPECT_GT(scripts, 1U);
}

}  // namespace
}  // namespace rowledger::api
