// Every route, with the right that it takes: the only place that says so.
#include "api/answer.h"
#include "api/routes.h"

namespace rowledger::api {
namespace {

using people::Right;

// For routes about people; where nobody is known there are none.
template <http::Response (*answer)(const Call&, people::People&)>
http::Response with_people(const Call& call) {
  people::People* const people = call.dependencies.people;
  if (people == nullptr) return problem(Error{ErrorCode::kUnavailable, "nobody's access is managed here"});
  return answer(call, *people);
}

constexpr Route kRoutes[] = {
    {"POST", "/v1/session", Needs::nobody(), with_people<post_session>},
    {"DELETE", "/v1/session", Needs::somebody(), with_people<delete_session>},
    {"GET", "/v1/me", Needs::somebody(), get_me},
    {"GET", "/v1/users", Right::kManagePeople, with_people<get_users>},
    {"POST", "/v1/users", Right::kManagePeople, with_people<post_user>},
    {"GET", "/v1/users/{name}", Right::kManagePeople, with_people<get_user>},
    {"PATCH", "/v1/users/{name}", Needs::somebody(), with_people<patch_user>},  // one's own password
    {"DELETE", "/v1/users/{name}", Right::kManagePeople, with_people<delete_user>},
    {"POST", "/v1/users/{name}/link", Right::kManagePeople, with_people<post_user_link>},
    {"GET", "/v1/tokens", Right::kManagePeople, with_people<get_tokens>},
    {"POST", "/v1/tokens", Right::kManagePeople, with_people<post_token>},
    {"DELETE", "/v1/tokens/{id}", Right::kManagePeople, with_people<delete_token>},

    {"GET", "/v1/status", Right::kReadHealth, get_status},
    {"GET", "/v1/sync", Right::kOperate, get_sync},

    {"GET", "/metrics", Right::kReadHealth, get_metrics},
    {"GET", "/healthz", Needs::nobody(), get_health},
    {"GET", "/readyz", Needs::nobody(), get_readiness},
    {"GET", "/v1/openapi.json", Needs::nobody(), get_openapi},

    {"POST", "/v1/exports", Right::kExport, post_export},
    {"GET", "/v1/exports/{id}", Right::kExport, get_export},
    {"GET", "/v1/exports/{id}/data", Right::kExport, get_export_data},
    {"GET", "/v1/exports/{id}/manifest", Right::kExport, get_export_manifest},

    {"GET", "/v1/entries", Right::kReadEntries, get_entries},
    {"GET", "/v1/entries/stream", Right::kReadEntries, get_entry_stream},
    {"GET", "/v1/entries/{seq}", Right::kReadEntries, get_entry},
    {"GET", "/v1/entries/{seq}/proof", Right::kExport, get_entry_proof},
    {"GET", "/v1/query/parse", Right::kReadEntries, get_query_parse},

    {"GET", "/v1/rows/{table}/{key}", Right::kReadEntries, get_row},
    {"GET", "/v1/rows/{table}/{key}/entries", Right::kReadEntries, get_row_entries},
    {"GET", "/v1/rows/{table}/{key}/at", Right::kReadEntries, get_row_at},
    {"GET", "/v1/rows/{table}/{key}/diff", Right::kReadEntries, get_row_diff},
    {"GET", "/v1/tables/{table}/at", Right::kReadEntries, get_table_at},
    {"GET", "/v1/insights", Right::kReadEntries, get_insights},
    {"GET", "/v1/insights/changes", Right::kReadEntries, get_change_insights},
    {"POST", "/v1/unmask", Right::kUnmask, post_unmask},
    {"GET", "/v1/access", Right::kReadAccess, get_accesses},

    {"GET", "/v1/keys", Right::kOperate, get_keys},
    {"POST", "/v1/keys/backup", Right::kOperate, post_keys_backup},
    {"POST", "/v1/keys/rotations", Right::kOperate, post_keys_rotation},

    {"POST", "/v1/erasures", Right::kErase, post_erasure},
    {"GET", "/v1/holds", Right::kErase, get_holds},
    {"POST", "/v1/holds", Right::kErase, post_hold},
    {"DELETE", "/v1/holds/{id}", Right::kErase, delete_hold},

    {"GET", "/v1/integrity", Right::kReadHealth, get_integrity},
    {"GET", "/v1/integrity/verify", Right::kExport, get_verification},
    {"GET", "/v1/evidence", Right::kExport, get_evidence},
    {"GET", "/tlog/{resource...}", Right::kReadHealth, get_tlog},
};

bool is_name(std::string_view part) { return part.starts_with('{'); }

// Takes the first segment, and the slash behind it, off the text.
std::string_view take_segment(std::string_view& text) {
  const size_t slash = text.find('/');
  const std::string_view out = text.substr(0, slash);
  text.remove_prefix(slash == std::string_view::npos ? text.size() : slash + 1);
  return out;
}

}  // namespace

std::span<const Route> routes() { return kRoutes; }

std::optional<std::vector<std::string>> match(std::string_view pattern, std::string_view path) {
  std::vector<std::string> names;
  while (true) {
    const bool last = pattern.find('/') == std::string_view::npos;
    const std::string_view part = take_segment(pattern);
    if (is_name(part) && part.ends_with("...}")) {
      names.emplace_back(path);
      return names;
    }
    if (last != (path.find('/') == std::string_view::npos)) return std::nullopt;
    const auto segment = http::percent_decode(take_segment(path));
    if (!segment) return std::nullopt;
    if (!is_name(part)) {
      if (*segment != part) return std::nullopt;
    } else if (segment->empty()) {
      return std::nullopt;
    } else {
      names.push_back(std::move(*segment));
    }
    if (last) return names;
  }
}

}  // namespace rowledger::api
