// The headers Host and X-Forwarded-For from anybody: a line of the one, then what the other has.
#include <algorithm>
#include <array>
#include <cstdint>
#include <string>

#include "base/ascii.h"
#include "base/check.h"
#include "http/client_address.h"
#include "http/http.h"

namespace {

using namespace rowledger;
using namespace rowledger::http;

const std::array<std::string, 3> kTrusted = {"127.0.0.1", "10.0.0.1", "2001:db8::1"};
const std::string kProxy = "127.0.0.1";

bool trusted(const std::string& address) { return std::ranges::find(kTrusted, address) != kTrusted.end(); }

// A name is what the header begins with, up to its end or a port: nothing else can pass for an allowed one.
void check_host(std::string_view host) {
  const std::string name = host_name(host);
  CHECK(equals_ignoring_case(host.substr(0, name.size()), name) && lower_case(name) == name);
  CHECK(host.size() == name.size() || host[name.size()] == ':');
  CHECK(host_name(name) == name && host_name(name + ":7070") == name);
  CHECK(name.find(']') == host.find(']'));  // the colons of an IPv6 address are no port
}

// The same answer from the first word to the last: a client that is no proxy stands until another one comes, and all
// falls with something that is no address.
std::string expected_client(std::string_view chain) {
  std::string client;
  while (true) {
    const size_t comma = chain.find(',');
    const std::string word = plain_address(trimmed(chain.substr(0, comma)));
    if (word.empty() || client.empty() || !trusted(word)) client = word;
    if (comma == std::string_view::npos) break;
    chain.remove_prefix(comma + 1);
  }
  return client.empty() ? kProxy : client;
}

void check_forwarded_for(const std::string& chain) {
  const std::string client = client_behind(kProxy, chain, kTrusted);
  CHECK(client == expected_client(chain) && plain_address(client) == client);
  CHECK(network_of(network_of(client)) == network_of(client));
  // Whatever a client sends, the proxy's own word comes after it.
  for (const char* last : {"203.0.113.7", "2001:db8::7"}) {
    CHECK(client_behind(kProxy, chain + ", " + last, kTrusted) == last);
    CHECK(client_behind(kProxy, chain + "," + last + ",10.0.0.1", kTrusted) == last);
  }
  CHECK(client_behind(kProxy, chain + ", ::ffff:203.0.113.7", kTrusted) == "203.0.113.7");
  CHECK(client_behind(kProxy, chain + ",unknown", kTrusted) == kProxy);
  // Without a proxy to believe, the last word is the client.
  const std::string last = plain_address(trimmed(chain.substr(chain.rfind(',') + 1)));
  CHECK(client_behind(kProxy, chain, {}) == (last.empty() ? kProxy : last));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const size_t end = text.find('\n');
  check_host(text.substr(0, end));
  check_forwarded_for(std::string(end == std::string_view::npos ? text : text.substr(end + 1)));
  return 0;
}
