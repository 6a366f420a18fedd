#pragma once
// The routes by subject. Each answers one kind of path; api.cc chooses. Those that show values say in `access` what was
// asked and how much is shown; api.cc records it before the answer leaves.
#include <string_view>

#include "api/api.h"

namespace rowledger::api {

class Coverage;

http::Response get_status(const Dependencies& dependencies, Coverage& coverage);
http::Response get_sync(const Dependencies& dependencies, const http::Target& target);

http::Response get_entries(const Dependencies& dependencies, const http::Target& target, Access& access);
http::Response get_entry(const Dependencies& dependencies, const http::Target& target, std::string_view seq,
                         Access& access);
http::Response get_entry_stream(const Dependencies& dependencies, const http::Request& request,
                                const http::Target& target, Access& access);
http::Response get_query_parse(const http::Target& target);

http::Response get_verification(const Dependencies& dependencies, const http::Target& target);
http::Response get_entry_proof(const Dependencies& dependencies, std::string_view seq);
http::Response get_evidence(const Dependencies& dependencies, const http::Target& target, Access& access);
// path: below /tlog/
http::Response get_tlog(const Dependencies& dependencies, std::string_view path);

// table, key: decoded once from the path. view: "", "entries", "at" or "diff".
http::Response get_row(const Dependencies& dependencies, const http::Target& target, std::string_view table,
                       std::string_view key, std::string_view view, Access& access);

}  // namespace rowledger::api
