// An Accept-Encoding header from anybody.
#include <cstdint>
#include <string>

#include "base/check.h"
#include "http/accept_encoding.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using rowledger::http::takes_encoding;
  const std::string text(reinterpret_cast<const char*>(data), size);
  const bool takes = takes_encoding(text, "gzip");
  // What is taken stays so whatever else is named; without the word nothing is.
  CHECK(takes_encoding(text + ",zstd", "gzip") == takes && takes_encoding(text + ",zstd", "zstd"));
  CHECK(takes_encoding(text + ",gzip;q=0", "gzip") == takes);
  std::string lower = text;
  for (char& c : lower)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + ('a' - 'A'));
  if (lower.find("gzip") == std::string::npos) CHECK(!takes);
  return 0;
}
