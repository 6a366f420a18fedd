// Connection strings, https://www.postgresql.org/docs/15/libpq-connect.html#LIBPQ-CONNSTRING, as far as
// the program must look into them.
#include "app/config.h"
#include "http/http.h"

namespace rowledger::app {
namespace {

bool is_url(std::string_view conninfo) {
  return conninfo.starts_with("postgresql://") || conninfo.starts_with("postgres://");
}

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

// The value of a keyword in a key=value string; the last one counts, as in libpq.
std::string keyword(std::string_view conninfo, std::string_view wanted) {
  std::string found;
  size_t at = 0;
  const auto skip_space = [&] {
    while (at < conninfo.size() && is_space(conninfo[at])) ++at;
  };
  while (skip_space(), at < conninfo.size()) {
    const size_t name_at = at;
    while (at < conninfo.size() && conninfo[at] != '=' && !is_space(conninfo[at])) ++at;
    const std::string_view name = conninfo.substr(name_at, at - name_at);
    skip_space();
    if (at >= conninfo.size() || conninfo[at] != '=') return found;
    ++at;
    skip_space();
    const bool quoted = at < conninfo.size() && conninfo[at] == '\'';
    if (quoted) ++at;
    std::string value;
    while (at < conninfo.size() && (quoted ? conninfo[at] != '\'' : !is_space(conninfo[at]))) {
      if (conninfo[at] == '\\' && at + 1 < conninfo.size()) ++at;
      value += conninfo[at++];
    }
    if (quoted && at < conninfo.size()) ++at;
    if (name == wanted) found = value;
  }
  return found;
}

std::string conninfo_value(std::string_view value) {
  std::string out = "'";
  for (const char c : value) {
    if (c == '\'' || c == '\\') out += '\\';
    out += c;
  }
  return out + "'";
}

}  // namespace

std::string database_of(std::string_view conninfo) {
  if (!is_url(conninfo)) return keyword(conninfo, "dbname");
  conninfo.remove_prefix(conninfo.find("//") + 2);
  const size_t question = conninfo.find('?');
  if (question != std::string_view::npos) {
    const auto target = http::parse_target("/" + std::string(conninfo.substr(question)));
    if (const auto name = target ? target->parameter("dbname") : std::nullopt) return std::string(*name);
  }
  conninfo = conninfo.substr(0, question);
  // A password may hold a slash only when it is percent-encoded.
  const size_t slash = conninfo.find('/');
  if (slash == std::string_view::npos) return {};
  return http::percent_decode(conninfo.substr(slash + 1)).value_or("");
}

std::string capture_conninfo(const Config& config, std::string_view password) {
  if (!config.capture_url.empty()) return config.capture_url;
  const std::string& url = config.source_url;
  // Of a repeated parameter libpq takes the last one.
  if (!is_url(url)) return url + " user=" + conninfo_value(config.role) + " password=" + conninfo_value(password);
  return url + (url.find('?') == std::string::npos ? "?" : "&") + "user=" + http::percent_encode(config.role) +
         "&password=" + http::percent_encode(password);
}

}  // namespace rowledger::app
