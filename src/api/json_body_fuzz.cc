// The body of a request, from anybody.
#include <cstdint>

#include "api/json_body.h"
#include "base/check.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace rowledger;
  http::Request request;
  request.headers = {{"content-type", "application/json"}};
  request.body.assign(reinterpret_cast<const char*>(data), size);
  const auto body = api::JsonBody::read(request, {"a", "b"});
  request.headers.clear();
  CHECK(!api::JsonBody::read(request, {"a", "b"}));
  if (!body) return 0;
  for (const char* name : {"a", "b", "c"}) {
    const bool has = body->has(name);
    CHECK(!has || name[0] != 'c');
    const auto text = body->text_if_given(name);
    const auto flag = body->flag_if_given(name);
    const auto number = body->number_if_given(name);
    if (!has) CHECK(text && !*text && flag && !*flag && number && !*number && !body->text(name));
    if (has) CHECK(text.has_value() + flag.has_value() + number.has_value() <= 1);
  }
  return 0;
}
