#pragma once
// The routes by subject; route_table.cc says which path each answers, and whom.
#include "api/route.h"

namespace rowledger::api {

http::Response get_status(const Call& call);
http::Response get_sync(const Call& call);

http::Response get_metrics(const Call& call);
http::Response get_health(const Call& call);
http::Response get_readiness(const Call& call);
http::Response get_openapi(const Call& call);

http::Response post_export(const Call& call);
http::Response get_export(const Call& call);           // {id}
http::Response get_export_data(const Call& call);      // {id}
http::Response get_export_manifest(const Call& call);  // {id}

http::Response get_entries(const Call& call);
http::Response get_entry(const Call& call);  // {seq}
http::Response get_entry_stream(const Call& call);
http::Response get_query_parse(const Call& call);
http::Response get_table_at(const Call& call);  // {table}
http::Response get_insights(const Call& call);
http::Response get_change_insights(const Call& call);
http::Response post_unmask(const Call& call);
http::Response get_accesses(const Call& call);

http::Response get_integrity(const Call& call);
http::Response get_verification(const Call& call);
http::Response get_entry_proof(const Call& call);  // {seq}
http::Response get_evidence(const Call& call);
http::Response get_tlog(const Call& call);  // {resource...}

http::Response post_erasure(const Call& call);
http::Response post_hold(const Call& call);
http::Response get_holds(const Call& call);
http::Response delete_hold(const Call& call);  // {id}

http::Response get_keys(const Call& call);
http::Response post_keys_backup(const Call& call);
http::Response post_keys_rotation(const Call& call);

// {table}, {key}
http::Response get_row(const Call& call);
http::Response get_row_entries(const Call& call);
http::Response get_row_at(const Call& call);
http::Response get_row_diff(const Call& call);

http::Response post_session(const Call& call, people::People& people);
http::Response delete_session(const Call& call, people::People& people);
http::Response get_me(const Call& call);

// {name}
http::Response get_users(const Call& call, people::People& people);
http::Response get_user(const Call& call, people::People& people);
http::Response post_user(const Call& call, people::People& people);
http::Response patch_user(const Call& call, people::People& people);
http::Response delete_user(const Call& call, people::People& people);
http::Response post_user_link(const Call& call, people::People& people);

// {id}
http::Response get_tokens(const Call& call, people::People& people);
http::Response post_token(const Call& call, people::People& people);
http::Response delete_token(const Call& call, people::People& people);

}  // namespace rowledger::api
