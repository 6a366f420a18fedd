#include <curl/curl.h>
#include <fmt/format.h>

#include <memory>

#include "people/identity_provider.h"

namespace rowledger::people {
namespace {

constexpr long kLongest_ms = 5'000;
constexpr size_t kMostBytes = 256 << 10;

size_t take(const char* bytes, size_t size, size_t count, void* to) {
  auto& out = *static_cast<std::string*>(to);
  if (out.size() + size * count > kMostBytes) return 0;  // ends the transfer
  out.append(bytes, size * count);
  return size * count;
}

}  // namespace

Result<std::string> fetch_url(const std::string& url) {
  const bool local =
      url.starts_with("http://127.0.0.1:") || url.starts_with("http://[::1]:") || url.starts_with("http://localhost:");
  if (!local && !url.starts_with("https://")) return fail(ErrorCode::kInvalid, "keys are fetched by https only");
  static const CURLcode ready = curl_global_init(CURL_GLOBAL_DEFAULT);
  const std::unique_ptr<CURL, decltype(&curl_easy_cleanup)> curl(curl_easy_init(), &curl_easy_cleanup);
  if (ready != CURLE_OK || !curl) return fail(ErrorCode::kInternal, "libcurl does not work");
  std::string body;
  curl_easy_setopt(curl.get(), CURLOPT_URL, url.c_str());
  curl_easy_setopt(curl.get(), CURLOPT_PROTOCOLS_STR, local ? "http" : "https");
  curl_easy_setopt(curl.get(), CURLOPT_FOLLOWLOCATION, 0L);
  curl_easy_setopt(curl.get(), CURLOPT_TIMEOUT_MS, kLongest_ms);
  curl_easy_setopt(curl.get(), CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl.get(), CURLOPT_FAILONERROR, 1L);
  curl_easy_setopt(curl.get(), CURLOPT_MAXFILESIZE, static_cast<long>(kMostBytes));
  curl_easy_setopt(curl.get(), CURLOPT_WRITEFUNCTION, take);
  curl_easy_setopt(curl.get(), CURLOPT_WRITEDATA, &body);
  const CURLcode done = curl_easy_perform(curl.get());
  if (done != CURLE_OK) return fail(ErrorCode::kUnavailable, fmt::format("{}: {}", url, curl_easy_strerror(done)));
  return body;
}

}  // namespace rowledger::people
